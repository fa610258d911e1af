"""Tables of what the package knows by name: columns, laws and their priors."""

from collections.abc import Sequence

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from bayeslaw.data.losses.loss_columns import RUNS
from bayeslaw.data.scores.score_columns import CURVES
from bayeslaw.laws import LAWS, Coordinate, Law

SCHEMAS = {"losses": RUNS, "scores": CURVES}


class Columns(SphinxDirective):
    """The columns of a kind of table, `losses` or `scores`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A row for each column."""
        rows = [
            (
                f"`{column.name}`" + (" (required)" * column.is_required),
                column.meaning,
                ", ".join(f"`{alias}`" for alias in column.aliases),
            )
            for column in SCHEMAS[self.arguments[0]].columns.values()
        ]
        table = markdown(("column", "meaning", "also read as"), rows)
        return self.parse_text_to_nodes(table)


class Laws(SphinxDirective):
    """Every registered law: its function, coordinates and extensions."""

    def run(self) -> list[nodes.Node]:
        """A description for each law."""
        return [node for law in LAWS.values() for node in self.described(law)]

    def described(self, law: Law) -> list[nodes.Node]:
        """Function with its formula, then what is sampled instead of its parameters."""
        coordinates = law.coordinates | {
            name: coordinate
            for part in law.offered
            for name, coordinate in part.coordinates.items()
        }
        added_by = {
            name: part.name for part in law.offered for name in part.coordinates
        }
        rows = [
            (f"`{name}`", added_by.get(name, ""), one.meaning, *prior_of(one))
            for name, one in coordinates.items()
        ]
        heading = ("coordinate", "extension", "meaning", "mean", "spread")
        function = f"{law.function.__module__}.{law.function.__name__}"
        return self.parse_text_to_nodes(
            f"```{{eval-rst}}\n.. autofunction:: {function}\n```\n\n"
            + markdown(heading, rows)
        )


def prior_of(coordinate: Coordinate) -> tuple[str, str]:
    """Prior of the mean over families, and the spread between them."""
    prior = coordinate.prior
    return (
        f"Normal({prior.loc:.3g},\N{NO-BREAK SPACE}{prior.scale:g})",
        f"{prior.spread:g}",
    )


def markdown(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heading, ["---"] * len(heading), *rows]
    cells = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("columns", Columns)
    app.add_directive("laws", Laws)
    return {"parallel_read_safe": True}
