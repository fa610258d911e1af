"""Weights of families from a table of speakers of their languages."""

from pathlib import Path

import numpy as np

from bayeslaw.data.table import Cells, Findings, first_ten, nearest, quoted, read_cells
from bayeslaw.errors import InputError


def read_speakers(path: str | Path, families: tuple[str, ...]) -> dict[str, float]:
    """Read the number of speakers of each family, for use as weights.

    The table (CSV or Parquet) has a column `family` and a column `speakers`, both
    filled in every row; the rows of a family are summed. If there is a column
    `language`, a language may appear only once in a family. Other columns are ignored.

    Args:
      path: the table.
      families: the families that need a weight.

    Returns:
      speakers by family, in the order of `families`, in the unit of the table.

    Raises:
      InputError: a column or a family is missing, a family is unknown, or a number of
        speakers is invalid; lists all such rows at once.

    Example:
      >>> read_speakers("speakers.csv", ("germanic", "romance"))
      {'germanic': 520000000.0, 'romance': 900000000.0}
    """
    findings = Findings(str(path))
    cells = read_cells(Path(path), findings)
    missing = [name for name in ("family", "speakers") if name not in cells.columns]
    if missing:
        raise InputError(
            "the table of speakers lacks a column",
            f"{cells.file}, row 1",
            quoted(cells.header or cells.columns),
            "the columns `family` and `speakers`, and `language` where rows are "
            "languages",
            "add " + " and ".join(f"the column `{name}`" for name in missing),
        )
    _check_families(cells, families, findings)
    _check_languages(cells, findings)
    numbers = _speaker_counts(cells, findings)
    findings.raise_problems()
    sums = dict.fromkeys(families, 0.0)
    for family, number in zip(cells.columns["family"], numbers, strict=True):
        sums[family] += number
    if nobody := [family for family, total in sums.items() if total == 0]:
        raise InputError(
            "families have no speakers",
            cells.where("speakers"),
            ", ".join(f"`{family}` 0" for family in nobody),
            "a positive sum for every family",
            "correct the numbers, or give weights in a TOML file",
        )
    return sums


def _check_families(
    cells: Cells, families: tuple[str, ...], findings: Findings
) -> None:
    found = cells.columns["family"]
    unknown = [
        (cells.row(i), f"`{family}`{_hint(family, families)}")
        for i, family in enumerate(found)
        if family not in families
    ]
    findings.bad_cells(
        "families that the posterior does not have",
        cells.where("family"),
        unknown,
        ", ".join(families),
        "correct the names, or use a copy of the table without these rows",
    )
    if absent := [family for family in families if family not in found]:
        findings.problem(
            "families are missing from the table of speakers",
            f"{cells.where('family')}, {len(found)} rows",
            f"no row of {first_ten(f'`{family}`' for family in absent)}",
            ", ".join(families),
            "add a row for each, or give weights in a TOML file",
        )


def _hint(family: str, families: tuple[str, ...]) -> str:
    near = nearest(family, families)
    return f" (did you mean `{near}`?)" if near else ""


def _check_languages(cells: Cells, findings: Findings) -> None:
    if "language" not in cells.columns:
        return
    pairs = list(zip(cells.columns["family"], cells.columns["language"], strict=True))
    double = [
        (cells.row(i), f"`{language}` ({family})")
        for i, (family, language) in enumerate(pairs)
        if (family, language) in pairs[:i]
    ]
    findings.bad_cells(
        "a language appears twice in a family",
        cells.where("language"),
        double,
        "one row for each language of a family",
        "keep one of the rows, or one with the sum of their speakers",
    )


def _speaker_counts(cells: Cells, findings: Findings) -> list[float]:
    numbers, bad = [], []
    for i, text in enumerate(cells.columns["speakers"]):
        try:
            number = float(text)
        except ValueError:
            number = np.nan
        if not (np.isfinite(number) and number >= 0):
            bad.append((cells.row(i), f"`{text}`"))
        numbers.append(number)
    findings.bad_cells(
        "not a number of speakers",
        cells.where("speakers"),
        bad,
        "plain numbers, 0 or more, such as 1500000 or 1.5e6",
        "write numbers without thousands separators and units",
    )
    return numbers
