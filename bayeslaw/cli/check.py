"""`bayeslaw check`: convergence, fit, priors and design of a posterior."""

import typer

from bayeslaw.cli.options import Json, Posterior
from bayeslaw.cli.terminal import print_checks, print_json


def check(posterior: Posterior, as_json: Json = False) -> None:
    """Check convergence, fit, priors and design of a posterior.

    Exit status 2 if a check fails.
    """
    from bayeslaw.checks import check
    from bayeslaw.inference import load_posterior

    checks = check(load_posterior(posterior))
    if as_json:
        print_json(checks.to_dict())
    else:
        print_checks(checks)
    if not checks.is_passed:
        raise typer.Exit(2)
