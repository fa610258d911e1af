"""`bayeslaw transfer`: evidence on transfer between families."""

from typing import TYPE_CHECKING, Annotated

import typer

from bayeslaw.cli.options import Json, Posterior
from bayeslaw.cli.terminal import print_json, print_lines, print_table

if TYPE_CHECKING:
    from bayeslaw.checks import Independence


def transfer(
    posterior: Posterior,
    threshold: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Worth tau of a token above which it is called transfer; a token of "
            "the family's own text is worth 1.",
        ),
    ] = 0.02,
    as_json: Json = False,
) -> None:
    """Estimate whether text of one family helps other families.

    Needs a posterior of a model with transfer. Shows the prior for comparison.
    """
    from bayeslaw.checks import independence
    from bayeslaw.inference import load_posterior

    found = independence(load_posterior(posterior), threshold)
    if as_json:
        print_json(found.to_dict())
    else:
        print_independence(found)


def print_independence(found: "Independence") -> None:
    """Print the evidence on transfer, for each pair and overall."""
    above = f"P(tau > {found.threshold:g})"
    print_table(
        f"Worth tau of a token of the source to the family ({found.origin} rows)",
        ["family", "source", "median", "90 % interval", above, "prior"],
        [
            [
                one.family,
                one.source,
                f"{one.median:.2g}",
                f"{one.lower:.2g} - {one.upper:.2g}",
                f"{one.p_above:.2f}",
                f"{one.prior_p_above:.2f}",
            ]
            for one in found.pairs
        ],
    )
    print()
    print_lines(
        [
            f"P(independent: no tau above {found.threshold:g}) = "
            f"{found.p_independent:.2f}; under the prior "
            f"{found.prior_p_independent:.2f}. Where posterior and prior probabilities "
            "agree, the data are not informative."
        ]
    )
