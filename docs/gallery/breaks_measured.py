"""Downstream curves of small proxies

Measured: BLEU of proxies fine-tuned on 8000 pairs, three seeds a checkpoint
(`runs/debian-translation`). Bands: 90 % of the score without noise. Columns: source
language alone, target alone, half of each, Russian alone.
"""

from pathlib import Path

from bayeslaw import breaks, read_curves
from bayeslaw.plots import break_curves, save_figure

decided = breaks(read_curves("runs/debian-translation/translations.csv"))
curves = [one.curve for one in decided.curves]


def place(number: int) -> tuple[str, int]:
    """A row of panels for each task, the mixes in the same order."""
    task = curves[number].task
    source, target = task.split("-")
    mixes = (source, target, task, "ru")
    return task, mixes.index(curves[number].pretraining_mix)


chosen = [number for number, curve in enumerate(curves) if curve.pairs == 8000]
figure = break_curves(decided, sorted(chosen, key=place))
save_figure(figure, Path("docs/gallery/generated/breaks_measured.svg"))
