"""The target run: what every draw says of the loss there, and which mixture is best."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from bayeslaw.decisions.constraints import FREE, Constraints
from bayeslaw.decisions.feasible_set import feasible_set
from bayeslaw.decisions.solvers import (
    Losses,
    Repetition,
    Solution,
    best_mixture,
    best_per_draw,
    is_convex,
)
from bayeslaw.decisions.target_loss import TargetLoss, require_ratios, target_loss_of
from bayeslaw.errors import InputError
from bayeslaw.inference import Fitted, Posterior, row_noise_width
from bayeslaw.laws.extensions import with_own


class Target:
    """The objective of a ratio decision: losses, weights and constraints at a run.

    Attributes:
      families: families with a loss.
      sources: what a mixture is made of: the families, then text without a loss.
      losses: weighted loss of each family, a function of the mixture, draw by draw.
      feasible: mixtures that the constraints allow.
      constraints: limits and risk, as given.
      w: weight of each family, summing to 1. Shape (family,).
      w_raw: weight on the law's loss: w, corrected for the held-out sample, or w over
        the loss at p = 1 if losses are normalised. Shape (draw, family).
    """

    def __init__(
        self,
        posterior: Posterior,
        N: float,
        D: float,
        weights: Any,
        normalised: bool,
        constraints: Constraints = FREE,
    ):
        require_counts(N, D)
        self._fitted = fitted = Fitted.of(posterior)
        self.constraints = constraints
        require_ratios(fitted.spec)
        self.families, self.sources = fitted.families, fitted.sources
        _require_one_effect(fitted.has_transfer, constraints)
        self.feasible = feasible_set(
            constraints, self.sources, fitted.record["unique_tokens"], D
        )
        self.N, self.D = N, D
        self.values = fitted.coordinates()
        self._transfer = None
        if fitted.has_transfer:
            own = np.equal.outer(np.array(self.families), np.array(self.sources))
            self._transfer = np.asarray(with_own(self.values["log_transfer"], own))
        self._form = target_loss_of(
            fitted.law, fitted.record["reference"], N, repeats=constraints.repeats
        )
        form = self._form(self.values, D)
        self.w = _weights(weights, self.families)
        if normalised:
            self.w_raw = self.w / form.full
        else:
            # Decisions are about the families' text, not the one sample held out.
            self.w_raw = self.w * np.exp(fitted.draws("held_out_offset"))
        self.losses = self._losses(form, self.w_raw, self._transfer, D)

    def best_per_draw(self) -> Solution:
        """Best mixture of every draw, (draw, source), and whether it was proved."""
        limits, risk = self.feasible.limits, self.constraints.risk
        return best_per_draw(self.losses, limits, risk)

    def best(self, emphasis: Any = 1.0) -> Float[np.ndarray, " source"]:
        """The mixture of least risk over draws (Bayes action).

        Args:
          emphasis: factor on the weight of each family.

        Raises:
          RuntimeError: no mixture was found that meets the conditions of an optimum.
        """
        found = best_mixture(
            self.losses.scaled(emphasis),
            self.feasible.limits,
            self.constraints.risk,
            self.constraints.worst_share,
        )
        if not found.is_solved.all():
            raise RuntimeError(f"no optimum found; the search ended at {found.ratios}")
        return found.ratios[0]

    @property
    def is_free(self) -> bool:
        """Whether nothing but the simplex limits ratios, and the mean loss counts."""
        return self.constraints == FREE

    def is_convex(self, ratios: Float[np.ndarray, " source"]) -> bool:
        """Whether expected losses bend upwards at a mixture, as an optimum needs."""
        return bool(is_convex(self.losses, ratios[None], together=True).all())

    def loss(self, ratios: np.ndarray) -> Float[np.ndarray, " draw"]:
        """Loss of every draw for a mixture, or for one mixture per draw.

        The weighted mean of the families' losses; with minimax, the largest weighted
        loss times the number of families, so that equal weights leave it as it is.
        """
        return self._summary(self.losses.at(ratios))

    def risk(self, ratios: np.ndarray) -> float:
        """What the recommended mixture minimises: mean loss, or that of worst draws."""
        loss = self.loss(ratios)
        if self.constraints.risk != "cvar":
            return float(loss.mean())
        return worst_mean(loss, self.constraints.worst_share)

    def curvature(self, ratios: np.ndarray) -> Float[np.ndarray, "source source"]:
        """Hessian by ratios of the weighted mean loss expected over draws.

        Whatever the risk: that of a maximum has none.
        """
        _, bend = self.losses.by_ratio(self.losses.effective(ratios))
        if self._transfer is None:
            return np.diag(bend.mean(0))
        flat = self._transfer.reshape(-1, len(self.sources))
        return (flat * bend.reshape(-1, 1)).T @ flat / len(bend)

    def noise_width(self, ratios: np.ndarray) -> Float[np.ndarray, " draw"]:
        """Scatter of the log of the loss between seeds, for a mixture.

        Half the width of the central 68 % interval of what one run adds: its effect
        and each family's noise, taken as independent. One sd if the noise is Normal;
        Student-t noise may have none.
        """
        losses = self.losses.at(ratios)
        share = losses / losses.sum(-1, keepdims=True)
        if self.constraints.risk == "minimax":
            share = (losses == losses.max(-1, keepdims=True)).astype(float)
        own = share * row_noise_width(self._fitted, ratios)
        common = self._fitted.draws("run_sd") if self._fitted.has("run_sd") else 0.0
        return np.sqrt(common**2 + (own**2).sum(-1))

    def loss_with_tokens(
        self, D: np.ndarray, ratios: np.ndarray, pick: np.ndarray
    ) -> np.ndarray:
        """Loss with other numbers of tokens, for some draws; D is (pick,)."""
        values = {name: array[pick] for name, array in self.values.items()}
        transfer = None if self._transfer is None else self._transfer[pick]
        form = self._form(values, D)
        return self._summary(
            self._losses(form, self.w_raw[pick], transfer, D).at(ratios)
        )

    def named(self, values: np.ndarray) -> dict[str, float]:
        """A value of each source, by name."""
        return dict(zip(self.sources, map(float, values), strict=True))

    def _summary(self, losses: np.ndarray) -> Float[np.ndarray, " draw"]:
        if self.constraints.risk == "minimax":
            return len(self.families) * losses.max(-1)
        return losses.sum(-1)

    def _losses(
        self, form: TargetLoss, weight: np.ndarray, transfer: Any, D: Any
    ) -> Losses:
        repetition = None
        if form.data is not None:
            unique = self.D / self.feasible.epochs
            epochs = np.broadcast_to(
                np.reshape(np.asarray(D, float), (-1, 1)) / unique, form.full.shape
            )
            repetition = Repetition(*form.data, epochs)
        floor, a = weight * form.floor, weight * (form.full - form.floor)
        return Losses(floor, a, form.exponent, repetition, transfer)


def worst_mean(loss: Float[np.ndarray, " draw"], share: float) -> float:
    """Mean of the worst share of draws (CVaR), the last draw counted in part."""
    worst = np.sort(loss)[::-1]
    weight = np.clip(share * len(loss) - np.arange(len(loss)), 0.0, 1.0)
    return float(worst @ weight / weight.sum())


def _require_one_effect(has_transfer: bool, constraints: Constraints) -> None:
    if has_transfer and constraints.repeats:
        raise InputError(
            "repetition is not decided beside transfer",
            "constraints, repeats",
            "true, for a model with transfer",
            "a model in which a family's loss depends on its own ratio alone",
            "cap the epochs instead (max_epochs), or use a model without transfer",
        )


def require_counts(N: float, D: float) -> None:
    """Refuse a target run whose parameters or tokens are no positive number.

    Raises:
      InputError: naming the first that is not.
    """
    for name, value in (("N", N), ("D", D)):
        if not (np.isfinite(value) and value > 0):
            raise InputError(
                "target run out of range",
                f"argument {name}",
                repr(value),
                "a positive number",
                "give parameters and tokens as plain counts",
            )


def _weights(weights: Mapping[str, float] | None, families: tuple[str, ...]) -> Any:
    if weights is None:
        return np.full(len(families), 1 / len(families))
    array = _by_name(weights, families, "weights")
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise InputError(
            "weight out of range",
            "weights",
            str(dict(weights)),
            "positive finite numbers",
            "leave a family that does not count out of the "
            "table, or give it a small weight",
        )
    return array / array.sum()


def mixture_array(
    mixture: Mapping[str, float],
    names: tuple[str, ...],
    where: str,
    *,
    may_be_zero: bool = False,
) -> Float[np.ndarray, " name"]:
    """A mixture as ratios in the order of names of families or sources, checked.

    Raises:
      InputError: other names, or no point of the simplex.
    """
    array = _by_name(mixture, names, where)
    is_inside = (array >= 0).all() if may_be_zero else (array > 0).all()
    if not (is_inside and abs(array.sum() - 1) < 1e-6):
        raise InputError(
            "mixture is not a point of the simplex",
            where,
            f"{dict(mixture)} (sum {array.sum():g})",
            f"{'non-negative' if may_be_zero else 'positive'} ratios that sum to 1",
            "divide percentages by 100",
        )
    return array


def _by_name(
    values: Mapping[str, float], names: tuple[str, ...], where: str
) -> np.ndarray:
    if set(values) != set(names):
        raise InputError(
            "families do not match the posterior's",
            where,
            ", ".join(sorted(values)) or "none",
            ", ".join(names),
            "name each of these, and no other",
        )
    return np.array([float(values[name]) for name in names])
