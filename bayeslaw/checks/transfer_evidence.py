"""Whether text of one family lowers the losses of others, pair by pair."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.errors import InputError
from bayeslaw.inference import provenance, spec_of

# Below this worth of a token no decision changes by much.
THRESHOLD = 0.02


@dataclass(frozen=True)
class PairTransfer:
    """Worth tau of a token of one source to another family.

    Attributes:
      family: whose loss it is.
      source: whose text it is.
      median: posterior median of tau, a token of the family's own text being 1.
      lower: 5 % quantile.
      upper: 95 % quantile.
      p_above: posterior probability that tau exceeds the threshold.
      prior_p_above: the same under the prior: what stands here without any data.
    """

    family: str
    source: str
    median: float
    lower: float
    upper: float
    p_above: float
    prior_p_above: float


@dataclass(frozen=True)
class Independence:
    """Evidence on the independence of families that He et al. 2024 assume.

    Attributes:
      threshold: worth of a token above which it counts as transfer.
      pairs: every family with every other source.
      p_independent: posterior probability that no tau exceeds the threshold.
      prior_p_independent: the same under the prior.
      origin: origin of the rows fitted.
    """

    threshold: float
    pairs: tuple[PairTransfer, ...]
    p_independent: float
    prior_p_independent: float
    origin: str

    def to_dict(self) -> dict[str, Any]:
        """Plain record for JSON."""
        return asdict(self)


def independence(posterior: xr.DataTree, threshold: float = THRESHOLD) -> Independence:
    """Probability of transfer between every pair of families, and of none at all.

    Args:
      posterior: result of `fit` of a model with transfer.
      threshold: worth of a token above which it counts as transfer, own text being 1.

    Raises:
      InputError: the model has no transfer.

    Example:
      >>> independence(posterior).p_independent
      0.12
    """
    spec = spec_of(posterior)
    if "mixture" not in spec.law_record.all_inputs:
        raise InputError(
            "model has no transfer",
            f"posterior of model {spec.name}",
            "extensions "
            + (", ".join(e.name for e in spec.law_record.extensions) or "none"),
            "a model with transfer = true under [extensions]",
            "fit such a model, for example models/transfer.toml",
        )
    drawn, prior = (
        posterior[group].dataset["transfer"] for group in ("posterior", "prior")
    )
    pairs = [
        _pair(family, source, drawn, prior, threshold)
        for family in drawn["family"].values
        for source in drawn["source"].values
        if family != source
    ]
    return Independence(
        threshold=threshold,
        pairs=tuple(pairs),
        p_independent=_p_none(drawn, threshold),
        prior_p_independent=_p_none(prior, threshold),
        origin=" and ".join(provenance(posterior)["origin"]),
    )


def _pair(
    family: str, source: str, drawn: xr.DataArray, prior: xr.DataArray, threshold: float
) -> PairTransfer:
    own, before = (
        values.sel(family=family, source=source).values.ravel()
        for values in (drawn, prior)
    )
    lower, median, upper = np.quantile(own, [0.05, 0.5, 0.95])
    return PairTransfer(
        family=str(family),
        source=str(source),
        median=float(median),
        lower=float(lower),
        upper=float(upper),
        p_above=float((own > threshold).mean()),
        prior_p_above=float((before > threshold).mean()),
    )


def _p_none(transfer: xr.DataArray, threshold: float) -> float:
    is_own = transfer["family"] == transfer["source"]
    is_small = (transfer <= threshold) | is_own
    return float(is_small.all(("family", "source")).mean())
