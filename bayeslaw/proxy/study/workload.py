"""The size of a run: the tokens it trains on, the rows it yields, the work it takes."""

from bayeslaw.proxy.study.config import RunSpec
from bayeslaw.proxy.study.schedule import legs


def tokens_trained(spec: RunSpec) -> int:
    """Tokens that a run trains on, including trunk and forks."""
    steps = sum(leg.stop - leg.start for leg in legs(spec))
    return steps * spec.training.tokens_per_step


def count_rows(spec: RunSpec) -> int:
    """Number of observations of a finished run."""
    return sum(leg.tokens > 0 for leg in legs(spec)) * len(spec.corpus.families)


def work_per_token(spec: RunSpec) -> float:
    """Number proportional to the time per token: the weights of the layers.

    It serves to compare runs of a study; constant factors and the vocabulary are
    omitted.
    """
    return spec.proxy.width**2 * spec.proxy.depth
