"""Files that hold the mixtures of the runs next to their results."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bayeslaw.data.losses.loss_columns import RUNS
from bayeslaw.data.losses.mixtures import Mixture, check_sums, ratio_or_none
from bayeslaw.data.table import Cells, Findings, first_ten, quoted, read_cells
from bayeslaw.errors import InputError


@dataclass(frozen=True)
class RatioFile:
    """The mixtures of a file, by run or by a name that several runs share.

    Attributes:
      name: name of the file, for messages.
      key: `run` or `mixture_id`, the column of the table that identifies the mixture.
      mixtures: cell of that column -> mixture.
    """

    name: str
    key: str
    mixtures: dict[str, Mixture]


def beside(table: Path) -> Path | None:
    """Return the file of mixtures next to a table, if there is one.

    For `pile.csv.gz` it is `pile_mixtures.csv.gz`, `pile_mixtures.csv` or, for all
    tables of a folder, `mixtures.csv`.
    """
    stem = table.name.split(".")[0]
    names = [f"{stem}_mixtures.csv.gz", f"{stem}_mixtures.csv", "mixtures.csv"]
    return next(
        (
            table.with_name(name)
            for name in names
            if name != table.name and table.with_name(name).is_file()
        ),
        None,
    )


def read_ratio_file(path: Path, tolerance: float, findings: Findings) -> RatioFile:
    """Return the mixtures of a file of ratios.

    The file has a column `run`, or `mixture_id` where runs share mixtures, and either
    one column per family (named `<family>` or `p_<family>`) or the columns `family`
    and `p`.
    """
    cells = read_cells(path, findings)
    # Files of ratios often have `run` and `name`, which is an alias: the first counts.
    known = {RUNS.canonical_name(name): name for name in reversed(cells.columns)}
    key = next((name for name in ("run", "mixture_id") if name in known), None)
    if key is None:
        raise InputError(
            "the file of ratios has no column that identifies the runs",
            f"{path}, row 1",
            quoted(cells.columns),
            "a column `run` with the run names of the table, or `mixture_id`",
            "add the column `run`",
        )
    owners = cells.columns[known[key]]
    if {"family", "p"} <= set(known):
        families = cells.columns[known["family"]]
        texts = cells.columns[known["p"]]
        entries = list(zip(range(len(owners)), owners, families, texts, strict=True))
    else:
        headings = _ratio_headings(cells)
        entries = [
            (i, owner, family, cells.columns[heading][i])
            for i, owner in enumerate(owners)
            for family, heading in headings.items()
        ]
    noun = "run" if key == "run" else "mixture"
    mixtures = _collect(cells, entries, noun, tolerance, findings)
    return RatioFile(path.name, key, mixtures)


def by_run(table: Cells, ratios: RatioFile, findings: Findings) -> dict[str, Mixture]:
    """Return run -> mixture; shared mixtures are found by the table's `mixture_id`."""
    if ratios.key == "run":
        return ratios.mixtures
    if "mixture_id" not in table.columns:
        findings.problem(
            f"no column identifies the mixture of {ratios.name} that a run has",
            f"{table.file}, row 1",
            f"columns {quoted(table.header)}",
            f"a column `mixture_id` as in {ratios.name}",
            f"add `mixture_id` to the table, or give {ratios.name} a column `run`",
        )
        return {}
    runs, names = table.columns.get("run", []), table.columns["mixture_id"]
    unknown = [
        (table.row(i), f"`{name}`")
        for i, name in enumerate(names)
        if name and name not in ratios.mixtures
    ]
    findings.bad_cells(
        f"mixtures that {ratios.name} does not contain",
        table.where("mixture_id"),
        unknown,
        f"names in the column `mixture_id` of {ratios.name}",
        "correct the names, or add the mixtures",
    )
    pairs = zip(runs, names, strict=False)
    return {
        run: ratios.mixtures[name] for run, name in pairs if name in ratios.mixtures
    }


def _ratio_headings(cells: Cells) -> dict[str, str]:
    """Return family -> heading of a file with one column per family."""
    prefixed = {h[2:]: h for h in cells.columns if h[:2].lower() in ("p_", "p/")}
    plain = {h: h for h in cells.columns if RUNS.canonical_name(h) is None}
    return prefixed or plain


def _collect(
    cells: Cells,
    entries: Iterable[tuple[int, str, str, str]],
    noun: str,
    tolerance: float,
    findings: Findings,
) -> dict[str, Mixture]:
    mixtures: dict[str, Mixture] = {}
    double: list[tuple[str, str]] = []
    unread: list[tuple[str, str]] = []
    spoilt: set[str] = set()
    first_row: dict[str, str] = {}
    for i, owner, family, text in entries:
        mixture = mixtures.setdefault(owner, {})
        first_row.setdefault(owner, cells.row(i))
        ratio = ratio_or_none(text)
        if ratio is None:
            unread.append((cells.row(i), f"`{family}` {text or 'nothing'}"))
            spoilt.add(owner)
        elif family in mixture:
            double.append((cells.row(i), f"{noun} `{owner}`, `{family}`"))
        else:
            mixture[family] = ratio
    findings.bad_cells(
        "not a sampling ratio",
        cells.file,
        unread,
        "numbers in [0, 1]; every column but `run` and `mixture_id` is read as a "
        "family, unless the columns are called `p_<family>`",
        "write ratios as fractions, and 0 for a family that a run does not train on",
    )
    findings.bad_cells(
        f"a {noun} has two ratios for one family",
        cells.file,
        double,
        f"one ratio for each {noun} and family",
        "keep the correct row",
    )
    sums = [
        (first_row[owner], f"{noun} `{owner}`", mixture)
        for owner, mixture in mixtures.items()
        if owner not in spoilt
    ]
    check_sums(cells.file, sums, tolerance, findings)
    return mixtures


def check_joined(
    table: Cells, mixtures: Mapping[str, Mixture], file: str, findings: Findings
) -> None:
    """Find runs that appear in only one of the two files of a pair."""
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
        f"runs that also appear in {file}",
        f"add their ratios to {file}; bayeslaw never drops runs silently",
    )
    unused = [run for run in mixtures if run not in first_row]
    if unused:
        findings.problem(
            f"runs without rows in {table.file}",
            f"{file}, column `run`",
            first_ten(f"`{run}`" for run in unused),
            f"runs that also appear in {table.file}",
            "add their results, or remove their ratios",
        )
