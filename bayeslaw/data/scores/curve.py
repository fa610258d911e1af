"""Curves: the scores of one task and pretraining mixture as a function of D_p."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

Columns = Mapping[str, Sequence[Any]]
NOT_PRETRAINED = "none"  # the pretraining mixture of a model that was not pretrained


@dataclass(frozen=True)
class Curve:
    """What is the same for all points of a curve; None where it is not given.

    Runs that differ in their seeds only are points of one curve.
    """

    task: str
    pretraining_mix: str
    N: float | None
    D_f: float | None
    pairs: float | None
    metric: str

    def __str__(self) -> str:
        counts = [
            f"{name} {value:.6g}"
            for name, value in (("N", self.N), ("D_f", self.D_f), ("pairs", self.pairs))
            if value is not None
        ]
        return ", ".join([self.task, self.pretraining_mix, *counts, self.metric])

    @property
    def baseline(self) -> "Curve":
        """The same without pretraining, which all pretraining mixtures share."""
        return Curve(
            self.task, NOT_PRETRAINED, self.N, self.D_f, self.pairs, self.metric
        )


def curve_of_rows(columns: Columns) -> list[Curve]:
    """Return the curve of each row; rows with D_p = 0 are baselines of curves."""
    names = ("task", "pretraining_mix", "N", "D_f", "pairs", "metric")
    rows = zip(*(columns[name] for name in names), columns["D_p"], strict=True)
    return [
        _curve(*row) if tokens > 0 else _curve(*row).baseline for *row, tokens in rows
    ]


def rows_of_curves(columns: Columns) -> dict[Curve, list[int]]:
    """Return the rows of every curve, in order of first appearance."""
    rows: dict[Curve, list[int]] = {}
    for i, curve in enumerate(curve_of_rows(columns)):
        if columns["D_p"][i] > 0:
            rows.setdefault(curve, []).append(i)
    return rows


def plain(curve: Curve) -> dict[str, Any]:
    """Return a curve as a dictionary, ready for JSON."""
    names = curve.__dataclass_fields__
    return dict(zip(names, map(_whole, astuple(curve)), strict=True))


def _curve(
    task: str, mix: str, N: float, D_f: float, pairs: float, metric: str
) -> Curve:
    # Not a number, which is not even equal to itself, cannot be part of a key.
    return Curve(task, mix, _given(N), _given(D_f), _given(pairs), metric)


def _given(count: float) -> float | None:
    return None if count != count else float(count)


def _whole(value: Any) -> Any:
    is_whole = isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value
