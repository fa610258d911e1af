"""Where the numbers of a report come from: spec, hashes, versions, runs."""

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from bayeslaw.inference import Fitted
from bayeslaw.plots import compact
from bayeslaw.reports.report_numbers import listed, ratio
from bayeslaw.reports.report_tables import Table


def study_name(source: str) -> str:
    """Name of a study from its table: the folder's, unless the file says more."""
    path = PurePath(source)
    is_general = path.stem in ("observations", "metrics") and path.parent.name
    return path.parent.name if is_general else path.stem or source


def to_toml(record: Mapping[str, Any], table: str = "") -> str:
    """A nested record of plain values as TOML."""
    plain = {
        key: value for key, value in record.items() if not isinstance(value, Mapping)
    }
    # JSON's strings, numbers and booleans are TOML's as well.
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
    if table and (plain or not record):
        lines.insert(0, f"[{table}]")
    parts = ["\n".join(lines)] if lines else []
    for key, value in record.items():
        if isinstance(value, Mapping):
            parts.append(to_toml(value, f"{table}.{key}" if table else key))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def provenance_table(fitted: Fitted) -> Table:
    """Everything needed to make the posterior again."""
    record, rows = fitted.record, fitted.rows
    sampler = record["sampler"]
    entries = {
        "table": record["table"],
        "table, SHA-256": record["table_sha256"],
        "model spec, SHA-256": record["spec_sha256"],
        "rows fitted": str(rows.sizes["observation"]),
        "rows left out": "; ".join(record["notes"]) or "none",
        "runs": str(len(np.unique(rows["run"].values))),
        "sizes N": listed(np.unique(rows["N"].values)),
        "training tokens D": listed(np.unique(rows["D"].values)),
        "mixtures": str(len(_mixtures(record["mixtures"]))),
        "origin of the rows": fitted.origin,
        "unit of the loss": fitted.unit,
        "reference point": ", ".join(
            f"{name} = {compact(value)}" for name, value in record["reference"].items()
        ),
        "unique tokens": ", ".join(
            f"{name} {compact(value)}"
            for name, value in record["unique_tokens"].items()
        )
        or "not given",
        "random seed of the fit": str(record["seed"]),
        "sampler": "NUTS for warm-up, HMC for draws, "
        + ", ".join(f"{name} {value}" for name, value in sampler.items()),
        "versions": ", ".join(
            f"{name} {version}"
            for name, version in {
                "bayeslaw": record["bayeslaw_version"],
                **record["versions"],
            }.items()
        ),
        "posterior made": record["created"],
    }
    return Table(
        "Provenance",
        ("what", "value"),
        tuple(entries.items()),
        has_numbers=False,
    )


def run_table(fitted: Fitted) -> Table:
    """The distinct mixtures of the runs and how many runs trained on each."""
    families = fitted.families
    counts = _mixtures(fitted.record["mixtures"])
    return Table(
        "Mixtures of the runs",
        ("runs", *families),
        tuple(
            (str(count), *(ratio(dict(mixture).get(name, 0.0)) for name in families))
            for mixture, count in counts.items()
        ),
    )


def _mixtures(
    mixtures: Mapping[str, Mapping[str, float]],
) -> dict[tuple[tuple[str, float], ...], int]:
    counts: dict[tuple[tuple[str, float], ...], int] = {}
    for mixture in mixtures.values():
        key = tuple((name, round(share, 6)) for name, share in mixture.items())
        counts[key] = counts.get(key, 0) + 1
    return counts
