"""Trunk offset: losses at constant learning rate differ from those of cooled runs."""

from typing import Any

from bayeslaw.laws.group_prior import GroupPrior
from bayeslaw.laws.law import Coordinate, Extension, Values


def adjust(inputs: Values, coordinates: Values) -> tuple[Values, Values]:
    """Move the log loss of trunk checkpoints by a line in log D."""
    level, slope = (
        coordinates[f"trunk_{name}"][:, None] for name in ("level", "slope")
    )
    return {
        **inputs,
        "offset": inputs["trunk"] * (level + slope * inputs["D"]),
    }, coordinates


def to_natural(coordinates: Values) -> dict[str, Any]:
    """The offset is reported by its coordinates."""
    return {}


TRUNK_OFFSET = Extension(
    name="trunk_offset",
    meaning="log loss of trunk checkpoints moved by trunk_level + trunk_slope ln(D/D0)",
    coordinates={
        "trunk_level": Coordinate(
            GroupPrior(0.03, 0.05, 0.03), "offset of trunk checkpoints at D0"
        ),
        "trunk_slope": Coordinate(
            GroupPrior(0.0, 0.03, 0.02), "change of that offset with ln D"
        ),
    },
    adjust=adjust,
    to_natural=to_natural,
    inputs=("trunk",),
    source="trunk and cooled checkpoints of the sample study differ by 4 to 11 %",
)
