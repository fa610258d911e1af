"""Files that hold the mixtures of the runs beside their results."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from bayeslaw.errors import InputError
from bayeslaw.runs.columns import canonical_name, quoted
from bayeslaw.runs.files import Cells, read_cells
from bayeslaw.runs.findings import Findings, first_ten
from bayeslaw.runs.mixtures import Mixture, check_sums, ratio_or_none


def read_mixtures(path: Path, findings: Findings) -> dict[str, Mixture]:
    """Returns run -> mixture from a file of ratios.

    The file has a column `run` and either one column per family (named `<family>` or
    `p_<family>`) or the columns `family` and `p`.
    """
    cells = read_cells(path, findings)
    # Files of ratios often have `run` and `name`, which is an alias: the first counts.
    known = {canonical_name(name): name for name in reversed(cells.columns)}
    if "run" not in known:
        raise InputError(
            "the ratios do not say which run they belong to",
            f"{path}, row 1",
            quoted(cells.columns),
            "a column `run` with the run names of the table",
            "add the column `run`",
        )
    runs = cells.columns[known["run"]]
    if {"family", "p"} <= set(known):
        families = cells.columns[known["family"]]
        texts = cells.columns[known["p"]]
        entries = list(zip(range(len(runs)), runs, families, texts, strict=True))
    else:
        headings = _ratio_headings(cells)
        entries = [
            (i, run, family, cells.columns[heading][i])
            for i, run in enumerate(runs)
            for family, heading in headings.items()
        ]
    return _collect(cells, entries, findings)


def _ratio_headings(cells: Cells) -> dict[str, str]:
    """Returns family -> heading of a file with one column per family."""
    prefixed = {h[2:]: h for h in cells.columns if h[:2].lower() in ("p_", "p/")}
    plain = {h: h for h in cells.columns if canonical_name(h) is None}
    return prefixed or plain


def _collect(
    cells: Cells, entries: Iterable[tuple[int, str, str, str]], findings: Findings
) -> dict[str, Mixture]:
    mixtures: dict[str, Mixture] = {}
    double: list[tuple[str, str]] = []
    unread: list[tuple[str, str]] = []
    spoilt: set[str] = set()
    first_row: dict[str, str] = {}
    for i, run, family, text in entries:
        mixture = mixtures.setdefault(run, {})
        first_row.setdefault(run, cells.row(i))
        ratio = ratio_or_none(text)
        if ratio is None:
            unread.append((cells.row(i), f"`{family}` {text or 'nothing'}"))
            spoilt.add(run)
        elif family in mixture:
            double.append((cells.row(i), f"run `{run}`, `{family}`"))
        else:
            mixture[family] = ratio
    findings.bad_cells(
        "not a sampling ratio",
        cells.file,
        unread,
        "numbers in [0, 1]; every column but `run` is read as a family, unless the "
        "columns are called `p_<family>`",
        "write ratios as fractions, and 0 for a family that a run leaves out",
    )
    findings.bad_cells(
        "a run has two ratios for one family",
        cells.file,
        double,
        "one mixture for each run",
        "delete one of the rows",
    )
    sums = [
        (first_row[run], run, mixture)
        for run, mixture in mixtures.items()
        if run not in spoilt
    ]
    check_sums(cells.file, sums, findings)
    return mixtures


def check_joined(
    table: Cells, mixtures: Mapping[str, Mixture], file: str, findings: Findings
) -> None:
    """Finds runs that stand in only one of the two files of a pair."""
    first_row: dict[str, int] = {}
    for i, run in enumerate(table.columns.get("run", [])):
        first_row.setdefault(run, i)
    absent = [
        (table.row(i), f"`{run}`")
        for run, i in first_row.items()
        if run not in mixtures
    ]
    findings.bad_cells(
        f"runs without ratios in {file}",
        table.where("run"),
        absent,
        f"runs that also stand in {file}",
        "add their ratios; no run is left out without your saying so",
    )
    unused = [run for run in mixtures if run not in first_row]
    if unused:
        findings.problem(
            f"runs without rows in {table.file}",
            f"{file}, column `run`",
            first_ten(f"`{run}`" for run in unused),
            f"runs that also stand in {table.file}",
            "add their results or delete their ratios",
        )
