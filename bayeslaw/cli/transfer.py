"""`bayeslaw transfer`: evidence on transfer between families."""

from typing import TYPE_CHECKING, Annotated

import typer

from bayeslaw.cli.options import (
    Json,
    Posterior,
)
from bayeslaw.cli.terminal import print_json, print_lines, print_table

if TYPE_CHECKING:
    from bayeslaw.checks import Independence


def transfer(
    posterior: Posterior,
    threshold: Annotated[
        float, typer.Option(min=0.0, help="Worth of a token that counts as transfer.")
    ] = 0.02,
    as_json: Json = False,
) -> None:
    """Say whether text of one family lowers the losses of others.

    Of a posterior fitted with transfer, with the prior's answers beside.
    """
    from bayeslaw.checks import independence
    from bayeslaw.inference import load_posterior

    found = independence(load_posterior(posterior), threshold)
    if as_json:
        print_json(found.to_dict())
    else:
        print_independence(found)


def print_independence(found: "Independence") -> None:
    """Print the evidence on transfer, pair by pair and overall."""
    above = f"P(tau > {found.threshold:g})"
    print_table(
        f"Worth tau of a token of another family ({found.origin} rows)",
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
            f"{found.p_independent:.2f}; the prior says "
            f"{found.prior_p_independent:.2f}. Where both agree, the data have not "
            "spoken."
        ]
    )
