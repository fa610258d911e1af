"""Evidence that text of one family lowers the losses of another, for each pair."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayeslaw.errors import InputError
from bayeslaw.inference import Fitted, Posterior

# Below this worth of a token no decision changes by much.
THRESHOLD = 0.02


@dataclass(frozen=True)
class PairTransfer:
    """Worth tau of a token of one source to another family.

    Attributes:
      family: the family whose loss is measured.
      source: the source of the text.
      median: posterior median of tau, a token of the family's own text being 1.
      lower: 5 % quantile.
      upper: 95 % quantile.
      p_above: posterior probability that tau exceeds the threshold.
      prior_p_above: the same under the prior, before any data.
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
      threshold: worth of a token above which it is called transfer.
      pairs: every family with every other source.
      p_independent: posterior probability that no tau exceeds the threshold.
      prior_p_independent: the same under the prior.
      origin: origin of the fitted rows.
    """

    threshold: float
    pairs: tuple[PairTransfer, ...]
    p_independent: float
    prior_p_independent: float
    origin: str

    def to_dict(self) -> dict[str, Any]:
        """Convert to a plain record for JSON."""
        return asdict(self)


def independence(posterior: Posterior, threshold: float = THRESHOLD) -> Independence:
    """Estimate the probability of transfer for each pair of families, and of none.

    Args:
      posterior: result of `fit` of a model with transfer.
      threshold: worth of a token above which it is called transfer; own text is 1.

    Raises:
      InputError: the model has no transfer.

    Example:
      >>> independence(posterior).p_independent
      0.12
    """
    fitted = Fitted.of(posterior)
    spec = fitted.spec
    if not fitted.has_transfer:
        raise InputError(
            "the model has no transfer between families",
            f"posterior of model {spec.name}",
            "extensions "
            + (", ".join(e.name for e in fitted.law.extensions) or "none"),
            "a model with transfer = true under [extensions]",
            "fit such a model, for example: bayeslaw fit --model transfer",
        )
    drawn, prior = (
        fitted.tree[group].dataset["transfer"] for group in ("posterior", "prior")
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
        origin=" and ".join(fitted.record["origin"]),
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
