"""The style of all figures: colours of families, fonts, and SVG output."""

import functools
import io
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

# Okabe & Ito 2008, safe for colour-blind readers; black is kept for "all families",
# yellow comes last because it is faint on white.
OKABE_ITO = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#B8A800",
)
# Luma (0 black, 1 white) of the lightest text.
MAX_TEXT_LUMA = 0.45
INK = "#333333"
MUTED = "#888888"
FAINT = "#dddddd"

# 10 inches are 960 CSS pixels: text in a figure is as large as in the page around it.
WIDTH = 10.0
STYLE: dict[Any, Any] = {
    # Names come from users: a dollar sign in one is not mathematics.
    "text.parse_math": False,
    # Text stays text: small files, and the reader's fonts cover every script.
    "svg.fonttype": "none",
    "svg.hashsalt": "bayeslaw",
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eeeeee",
    "figure.constrained_layout.use": True,
    "figure.dpi": 96.0,
    "savefig.dpi": 150.0,
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Style in force inside the block only; figures are drawn and saved within it."""
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # Matplotlib measures text with its own font, the reader's browser draws it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def styled[**P, R](draw: Callable[P, R]) -> Callable[P, R]:
    """Draw a figure in the style of the report."""

    @functools.wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with figure_style():
            return draw(*args, **kwargs)

    return inside


@styled
def to_svg(figure: Figure) -> str:
    """The figure as an SVG document, the same bytes for the same figure."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


@styled
def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, SVG or PDF, depending on the extension of its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def family_colours(families: Sequence[str]) -> dict[str, str]:
    """One colour per family: Okabe-Ito, then darker, then lighter shades of it."""
    palette = [
        to_hex(shade(colour, amount))
        for amount in (0.0, -0.45, 0.5)
        for colour in OKABE_ITO
    ]
    return {name: palette[i % len(palette)] for i, name in enumerate(families)}


def shade(colour: str, amount: float) -> tuple[float, float, float]:
    """Colour moved towards white (amount up to 1) or towards black (down to -1)."""
    goal = 1.0 if amount > 0 else 0.0
    red, green, blue = (
        value + abs(amount) * (goal - value) for value in to_rgb(colour)
    )
    return red, green, blue


def legible(colour: str) -> tuple[float, float, float]:
    """Colour of a family as dark as text must be to be read on white."""
    red, green, blue = to_rgb(colour)
    luma = 0.30 * red + 0.59 * green + 0.11 * blue
    return shade(colour, min(0.0, MAX_TEXT_LUMA / luma - 1))


def compact(number: float) -> str:
    """Format a number for a label: 300M, 1.2B, 0.25, 4e-05."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    for unit, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(number) >= 0.9995 * unit:
            return f"{number / unit:.3g}{suffix}" if number < 1e15 else f"{number:.2e}"
    return f"{number:.3g}"
