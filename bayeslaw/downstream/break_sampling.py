"""Draws from the hierarchical model by NUTS, and the curves they describe."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np
from jaxtyping import Float, Int
from numpyro.diagnostics import summary
from numpyro.infer import MCMC, NUTS, init_to_median

from bayeslaw.downstream.break_model import (
    COMPONENTS,
    LOG_FALL,
    LawName,
    Shape,
    Table,
    components,
    downstream_model,
)
from bayeslaw.downstream.break_posterior import USUAL_PRIOR, BreakPosterior, BreakPrior
from bayeslaw.downstream.curve_shapes import DECLINES, KINDS
from bayeslaw.downstream.score_scale import Scale
from bayeslaw.downstream.sharing import centred
from bayeslaw.laws import (
    bleu_symbols,
    cross_entropy_symbols,
    saturating_symbols,
)

Draws = dict[str, Float[np.ndarray, "draw ..."]]
OF_CURVES = ("level", "slope", "log_alpha_own", "bend", "log_fall")


@dataclass(frozen=True)
class Member:
    """One curve with the facts that the hierarchy uses.

    Attributes:
      posterior: its closed-form posterior, which holds its points.
      task, mix: names of its task and its pretraining mixture.
      covariates: log D_f, log N and alignment; NaN where not given.
    """

    posterior: BreakPosterior
    task: str
    mix: str
    covariates: tuple[float, float, float]


@dataclass(frozen=True)
class Sampled:
    """Draws of all curves of a table, chains joined.

    Attributes:
      table: the table they are drawn for.
      members: its curves.
      law: law of the curves.
      draws: draws of every site.
      size: U of each curve's task.
      D_0: geometric middle of each curve's points.
      chains: number of chains.
      largest_rhat: largest R-hat of all sampled quantities.
      divergences: number of divergent iterations.
    """

    table: Table
    members: tuple[Member, ...]
    law: LawName
    draws: Draws
    size: Float[np.ndarray, " curve"]
    D_0: Float[np.ndarray, " curve"]
    chains: int
    largest_rhat: float
    divergences: int

    def kinds(self, curve: int) -> dict[str, float]:
        """Probability of each kind of a curve."""
        share = self.draws["responsibility"][:, curve].mean(0)
        places = np.array(list(COMPONENTS.values()))
        return {
            kind: float(share[places == place].sum())
            for place, kind in enumerate(KINDS)
        }

    @property
    def break_error(self) -> float:
        """Largest standard error of P(break) of a curve, from the spread of chains."""
        declines = self.draws["responsibility"][..., -1]
        of_chains = declines.reshape(self.chains, -1, declines.shape[1]).mean(1)
        return float(of_chains.std(0, ddof=1).max() / np.sqrt(self.chains))

    def symbols(self, curve: int) -> Draws:
        """Parameters of a curve's law in the papers' symbols, one number per draw.

        The law of BLEU has log_A, alpha and beta; that of cross-entropy E, log_A and
        alpha; the saturating law c, log_a and alpha.
        """
        f0 = self.draws["level"][:, curve] * self.size[curve]
        s = self.draws["slope"][:, curve] * self.size[curve] / f0
        exponent, D_0 = self.draws["exponent"][:, curve], float(self.D_0[curve])
        if self.law == "bleu":
            return bleu_symbols(f0, s, exponent, D_0)
        if self.members[curve].posterior.scale.larger_is_better:
            return saturating_symbols(f0, s, exponent, D_0)
        return cross_entropy_symbols(-f0, -s, exponent, D_0)

    def curves(self, curve: int, seed: int = 0) -> "SampledCurves":
        """Draws of one curve."""
        rng = np.random.default_rng(seed)
        share = self.draws["responsibility"][:, curve]
        component = (share.cumsum(1) < rng.uniform(size=len(share))[:, None]).sum(1)
        component = np.minimum(component, len(COMPONENTS) - 1)
        later = rng.exponential(1 / self.draws["hazard"][:, curve])
        return SampledCurves(
            self,
            curve,
            component,
            later,
            np.exp(rng.normal(*LOG_FALL, size=len(share))),
        )


@dataclass(frozen=True)
class SampledCurves:
    """Curves of one member, one per draw; see `card.Drawn`.

    Attributes:
      sampled, curve: the draws, and the index of the curve.
      component: index in `COMPONENTS` of each draw.
      later: x after the last point at which a draw that has not declined begins to.
      by: speed of that decline, as a share of L per span.
    """

    sampled: Sampled
    curve: int
    component: Int[np.ndarray, " draw"]
    later: Float[np.ndarray, " draw"]
    by: Float[np.ndarray, " draw"]

    @cached_property
    def kind(self) -> Int[np.ndarray, " draw"]:
        """Index in `KINDS` of each draw, within the points seen."""
        return np.array(list(COMPONENTS.values()))[self.component]

    @property
    def bend(self) -> Float[np.ndarray, " draw"]:
        """D_p at which each draw begins to decline."""
        posterior = self.sampled.members[self.curve].posterior
        seen = self.sampled.draws["bend"][:, self.curve] * posterior.span
        x = np.where(self.kind == DECLINES, seen, posterior.span + self.later)
        with np.errstate(over="ignore"):  # so far away that it is never
            return np.asarray(posterior.first * np.exp(x))

    def at(self, D: Float[np.ndarray, " point"]) -> Float[np.ndarray, "draw point"]:
        """Score without noise at some D_p; larger is better."""
        table, draws, i = self.sampled.table, self.sampled.draws, self.curve
        ends = (table.start[i] + table.span[i] + self.later)[:, None]
        ends = np.where(self.kind[:, None] == DECLINES, np.inf, ends)
        x = np.log(D / self.sampled.D_0[i])[None]
        until = np.minimum(x, ends)
        fixed = [part[i] for part in (table.start, table.span, table.L)]
        shape = Shape(*(draws[name][:, i, None] for name in OF_CURVES), *fixed)
        exponent = draws["exponent"][:, i, None]
        parts = components(until, shape, exponent, self.sampled.law)
        chosen = np.choose(
            self.component[:, None], [np.asarray(part) for part in parts]
        )
        rate = self.by[:, None] * table.L[i] / table.span[i]
        y = self.sampled.size[i] * (chosen - rate * (x - until))
        return self.sampled.members[i].posterior.scale.score(y)


def sample_curves(
    members: Sequence[Member],
    law: LawName | None = None,
    *,
    prior: BreakPrior = USUAL_PRIOR,
    chains: int = 4,
    warmup: int = 500,
    draws: int = 500,
    seed: int = 0,
) -> Sampled:
    """Draw all curves of one metric together.

    Args:
      members: the curves.
      law: if None, `bleu` for scores of which larger is better, `saturating` for others
        and for logits.
      prior: prior of breaks.
      chains: number of chains.
      warmup: warm-up iterations per chain.
      draws: draws per chain.
      seed: random seed.
    """
    table, size, D_0 = _table(members)
    law = law or _usual_law(members[0].posterior.scale)
    kernel = NUTS(
        downstream_model, init_strategy=init_to_median, target_accept_prob=0.9
    )
    mcmc = MCMC(
        kernel,
        num_warmup=warmup,
        num_samples=draws,
        num_chains=chains,
        chain_method="vectorized",
        progress_bar=False,
    )
    with jax.numpy_rank_promotion("allow"):  # NumPyro's own starts need it
        mcmc.run(jax.random.key(seed), table, law, prior)
    by_chain = mcmc.get_samples(group_by_chain=True)
    moved = {name: jax.device_get(by_chain[name]) for name in mcmc.last_state.z}
    rhat = max(
        float(np.nanmax(np.asarray(site["r_hat"]))) for site in summary(moved).values()
    )
    return Sampled(
        table,
        tuple(members),
        law,
        {name: np.asarray(site) for name, site in mcmc.get_samples().items()},
        size,
        D_0,
        chains,
        rhat,
        int(mcmc.get_extra_fields()["diverging"].sum()),
    )


def _usual_law(scale: Scale) -> LawName:
    return "bleu" if scale.larger_is_better and scale.top is None else "saturating"


def _table(members: Sequence[Member]) -> tuple[Table, np.ndarray, np.ndarray]:
    curves = [member.posterior for member in members]
    tasks, task = np.unique([member.task for member in members], return_inverse=True)
    _, mix = np.unique([member.mix for member in members], return_inverse=True)
    of_task = [
        [curve.points for curve, place in zip(curves, task, strict=True) if place == k]
        for k in range(len(tasks))
    ]
    size = np.array([np.mean([points.L for points in group]) for group in of_task])
    centre = [np.concatenate([p.y for p in group]).mean() for group in of_task]
    span = np.array([curve.span for curve in curves])
    # A point that is none has a harmless place and error.
    y, se, t = (
        _padded([getattr(curve.points, name) for curve in curves], fill)
        for name, fill in (("y", 0.0), ("se", 1.0), ("t", 0.0))
    )
    U = size[task]
    table = Table(
        y=y / U[:, None],
        se=np.where(np.isnan(se), 0.0, se) / U[:, None],
        x=(t - 0.5) * span[:, None],
        is_point=_padded([np.ones_like(c.points.y) for c in curves], 0.0) > 0,
        task=task,
        mix=mix,
        covariates=centred(np.array([member.covariates for member in members])),
        start=-0.5 * span,
        span=span,
        L=np.array([curve.points.L for curve in curves]) / U,
        centre=np.array(centre) / size,
    )
    return table, U, np.array([np.sqrt(curve.first * curve.last) for curve in curves])


def _padded(
    rows: Sequence[np.ndarray], fill: float
) -> Float[np.ndarray, "curve point"]:
    longest = max(map(len, rows))
    return np.stack(
        [np.pad(row, (0, longest - len(row)), constant_values=fill) for row in rows]
    )
