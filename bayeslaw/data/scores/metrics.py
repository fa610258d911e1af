"""The metrics that are known by name, with their units; others may have any name."""

from collections.abc import Mapping
from dataclasses import dataclass

from bayeslaw.data.table import LOSS_UNITS, plain_name

POINTS = "points"  # 0 to 100


@dataclass(frozen=True)
class Metric:
    """A metric known by name."""

    name: str
    units: tuple[str, ...]  # possible ones
    # Other names under which it is read, in lower case.
    aliases: tuple[str, ...] = ()


_ALL = (
    Metric("bleu", (POINTS,), ("sacrebleu", "bleu_score")),
    Metric("chrf", (POINTS,), ("chrf2", "chrf_score")),
    Metric("chrf++", (POINTS,), ("chrf2++", "chrfpp", "chrf_pp")),
    # Its models differ in scale, and some people multiply by 100.
    Metric("comet", ("fraction", POINTS), ("comet_score",)),
    Metric(
        "cross_entropy",
        tuple(LOSS_UNITS),
        ("ce", "xent", "crossentropy", "cross_entropy_loss", "ce_loss"),
    ),
)
METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _ALL}
ENTROPIES = ("cross_entropy",)
# Metrics of one possible unit, and the unit.
FIXED_UNITS: Mapping[str, str] = {
    metric.name: metric.units[0] for metric in _ALL if len(metric.units) == 1
}
ALLOWED_UNITS: Mapping[str, tuple[str, ...]] = {
    metric.name: metric.units for metric in _ALL
}
_SPELLINGS = {
    spelling: metric.name
    for metric in _ALL
    for spelling in (metric.name, *metric.aliases)
}


def metric_name(text: str) -> str | None:
    """Return the canonical name of a metric, None if it is not a known one."""
    return _SPELLINGS.get(plain_name(text))
