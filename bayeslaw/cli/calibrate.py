"""`bayeslaw calibrate`: test a model's intervals on simulated studies."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayeslaw.cli.options import Json, Model, RecordOutput, Seed
from bayeslaw.cli.terminal import print_json, print_lines, print_table, study_progress

if TYPE_CHECKING:
    from bayeslaw.evaluation import Calibration


def calibrate(
    model: Model,
    output: RecordOutput,
    truth: Annotated[
        Path | None,
        typer.Option(
            metavar="NAME|FILE", help="Model to simulate from. Default: --model."
        ),
    ] = None,
    studies: Annotated[
        int, typer.Option(min=2, help="Number of simulated studies.")
    ] = 200,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Test a model's intervals on simulated studies with known truth.

    Takes about 5 s per study. Exit status 2 if the intervals are miscalibrated: they
    contain the truth too rarely or too often, or are shifted.
    """
    from bayeslaw.evaluation import calibrate
    from bayeslaw.model import read_spec

    spec = read_spec(model)
    source = read_spec(truth or spec)
    with study_progress(quiet=as_json) as report:
        found = calibrate(
            spec, n_studies=studies, seed=seed, truth=source, report=report
        )
    record = {"model": spec.name, "truth": source.name, "seed": seed, **found.to_dict()}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    if as_json:
        print_json(record)
    else:
        models = f"{spec.name}, truth from {source.name}" if truth else spec.name
        print_calibration(found, models)
        print(f"record: {output}")
    if found.faults:
        raise typer.Exit(2)


# Also reported: would a posterior this much narrower be detected?
NARROWED = 0.3


def print_calibration(found: "Calibration", models: str) -> None:
    """Print coverage, faults, and which faults this many studies would detect."""
    n_studies, coverage = len(found.diverging), found.coverage()
    print_table(
        f"Interval coverage: {n_studies} simulated studies, {models}",
        ["quantity", "in 50 %", "in 90 %", "se", "p (shift)", "p (width)"],
        [
            [
                one.quantity,
                f"{one.within_50:.1%}",
                f"{one.within_90:.1%}",
                f"{one.se_90:.1%}",
                f"{one.p_location:.2g}",
                f"{one.p_width:.2g}",
            ]
            for one in coverage
        ],
    )
    narrow = [
        fault
        for fault in found.spoilt(narrowed=NARROWED).faults
        if fault.endswith("too narrow")
    ]
    print()
    print_lines(
        [
            *(f"Fault: {fault}." for fault in found.faults),
            *([] if found.faults else ["No fault found."]),
            f"This many studies would detect posteriors {NARROWED:.0%} narrower than "
            f"these in {len(narrow)} of {len(coverage)} quantities.",
            f"{int((found.diverging > 0).sum())} studies had divergent iterations.",
        ]
    )
