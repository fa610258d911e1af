"""`bayeslaw report`: one HTML file."""

from bayeslaw.cli.option_files import (
    read_constraints,
    read_mixtures,
    read_weights,
)
from bayeslaw.cli.options import (
    AllowFailed,
    ConstraintsFile,
    Json,
    MaxEpochs,
    Mix,
    Normalised,
    Params,
    Posterior,
    Probability,
    Repeats,
    ReportOutput,
    RiskOption,
    Tokens,
    Weights,
    WorstShare,
)
from bayeslaw.cli.terminal import print_json


def report(
    posterior: Posterior,
    output: ReportOutput,
    params: Params = None,
    tokens: Tokens = None,
    weights: Weights = None,
    mix: Mix = None,
    normalised: Normalised = False,
    constraints: ConstraintsFile = None,
    max_epochs: MaxEpochs = None,
    repeat: Repeats = False,
    risk: RiskOption = None,
    worst_share: WorstShare = None,
    probability: Probability = 0.9,
    allow_failed_checks: AllowFailed = False,
    as_json: Json = False,
) -> None:
    """Write decision, curves, checks and provenance as one HTML file."""
    from bayeslaw.inference import Fitted, load_posterior
    from bayeslaw.reports import report

    fitted = Fitted.of(load_posterior(posterior))
    path = report(
        fitted,
        output,
        N=params,
        D=tokens,
        weights=read_weights(weights, fitted.families),
        mixtures=read_mixtures(mix),
        normalised=normalised,
        constraints=read_constraints(
            constraints, max_epochs, repeat, risk, worst_share
        ),
        probability=probability,
        allow_failed_checks=allow_failed_checks,
    )
    if as_json:
        print_json({"report": str(path)})
    else:
        print(f"report: {path}")
