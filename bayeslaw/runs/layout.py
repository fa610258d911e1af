"""The shapes a table may have: any accepted shape becomes canonical long cells."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bayeslaw.errors import InputError
from bayeslaw.runs.columns import COLUMNS, SPELLINGS, canonical_name, quoted
from bayeslaw.runs.files import Cells
from bayeslaw.runs.findings import Findings, first_ten, nearest

_WIDE = re.compile(r"(?i)(loss|value|p|ratio|se|stderr)[_/](.+)")
ONE_FAMILY = "all"  # the family's name in a table that knows no families


def canonical_cells(
    cells: Cells, findings: Findings, keep: Sequence[str] = ()
) -> Cells:
    """Returns a table of any accepted shape as long cells under canonical names.

    Accepted: long tables (one row per family); wide ones (columns `loss_<family>`,
    `p_<family>`, `se_<family>`, also with a slash); tables without families, which
    become one family with ratio 1. Wide `p_<family>` columns also give the mixture.
    The user's own columns named in `keep` stay under their own names.
    """
    _check_kept(cells, keep)
    wide = _wide_columns(cells, keep)
    plain = {
        heading: column
        for heading, column in cells.columns.items()
        if not any(heading in group.values() for group in wide.values())
    }
    long = _named(replace(cells, columns=plain), findings, keep)
    mixtures = _mixture_texts(cells, wide.get("p", {}))
    if mixtures and "mixture" not in long.columns:
        long.columns["mixture"] = mixtures
        long = replace(long, headings={**long.headings, "mixture": "p_<family>"})
    if "value" in wide:
        return _melt(long, cells, wide, findings)
    has_ratios = {"p", "mixture"} & set(long.columns) or any(
        match and canonical_name(match[1]) == "p"
        for match in map(_WIDE.fullmatch, cells.columns)
    )
    if "family" in long.columns or has_ratios:
        return long
    return _one_family(long, findings)


def _check_kept(cells: Cells, keep: Sequence[str]) -> None:
    """Refuses to keep a column that is not there, or that is read anyway."""
    for heading in keep:
        known = canonical_name(heading)
        if heading in cells.columns and known is None:
            continue
        near = nearest(heading, cells.columns)
        fix = f"did you mean `{near}`?" if near else "leave it out, or rename it"
        if known:
            fix = f"leave it out: it is read as `{known}`"
        raise InputError(
            f"column `{heading}` cannot be kept beside the table's own columns",
            f"{cells.file}, argument `keep`",
            f"`{heading}`; the file has {quoted(cells.columns)}",
            "columns of the file that are not read otherwise",
            fix,
        )


def _wide_columns(cells: Cells, keep: Sequence[str]) -> dict[str, dict[str, str]]:
    """Returns canonical name -> {family: heading} for columns that name a family."""
    headings = [heading for heading in cells.columns if heading not in keep]
    families_with_p = {
        match[2]
        for match in map(_WIDE.fullmatch, headings)
        if match and canonical_name(match[1]) == "p"
    }
    is_long = any(canonical_name(heading) == "family" for heading in headings)
    wide: dict[str, dict[str, str]] = {}
    for heading in headings:
        match = _WIDE.fullmatch(heading)
        if not match:
            continue
        name, family = canonical_name(match[1]) or "", match[2].strip()
        # `loss_se` is a standard error, unless `p_se` shows that se is a family
        # (Northern Sami has that code).
        if canonical_name(heading) and family not in families_with_p:
            continue
        if name == "p" or not is_long:
            wide.setdefault(name, {})[family] = heading
    return wide if "value" in wide or is_long else {}


def _named(cells: Cells, findings: Findings, keep: Sequence[str]) -> Cells:
    """Returns the cells under canonical names; unknown columns become notes."""
    columns: dict[str, list[str]] = {}
    headings: dict[str, str] = {}
    for heading, column in cells.columns.items():
        name = heading if heading in keep else canonical_name(heading)
        if name is None:
            near = nearest(heading, SPELLINGS)
            hint = f"; did you mean `{SPELLINGS[near]}`?" if near else ""
            findings.note(f"{cells.file}: column `{heading}` is not read{hint}")
        elif name in columns:
            findings.problem(
                f"two columns are read as `{name}`",
                f"{cells.file}, row 1",
                quoted([headings[name], heading]),
                f"one column for {COLUMNS[name].meaning}",
                "delete one of them, or rename it to something unknown",
            )
        else:
            columns[name], headings[name] = column, heading
    renamed = {name: heading for name, heading in headings.items() if name != heading}
    if renamed:
        pairs = first_ten(f"`{old}` as `{name}`" for name, old in renamed.items())
        findings.note(f"{cells.file}: columns read under another name: {pairs}")
    return replace(cells, columns=columns, headings=headings)


def _mixture_texts(cells: Cells, ratios: Mapping[str, str]) -> list[str]:
    """Returns one JSON object per row of the wide ratio columns ([] without any)."""
    if not ratios:
        return []
    import json

    families = list(ratios)
    rows = zip(*(cells.columns[heading] for heading in ratios.values()), strict=True)
    # The cells stay text here; whether they are numbers is checked with the mixtures.
    return [json.dumps(dict(zip(families, row, strict=True))) for row in rows]


def _melt(
    long: Cells, cells: Cells, wide: dict[str, dict[str, str]], findings: Findings
) -> Cells:
    """Returns one row per family whose loss a wide row holds."""
    families = wide["value"]
    pairs = [
        (i, family)
        for i in range(len(cells.lines))
        for family, heading in families.items()
        if cells.columns[heading][i]
    ]
    missing = len(cells.lines) * len(families) - len(pairs)
    if missing:
        findings.note(
            f"{cells.file}: {missing} empty cells of {quoted(families.values())} "
            "hold no observation"
        )
    for name in set(long.columns) & set(wide):
        findings.note(
            f"{long.where(name)} is not read, because the columns "
            f"{quoted(wide[name].values())} say the same for each family"
        )
    columns = {
        name: [column[i] for i, _ in pairs]
        for name, column in long.columns.items()
        if name not in wide
    }
    columns["family"] = [family for _, family in pairs]
    for name, by_family in wide.items():
        empty = [""] * len(cells.lines)
        by_column = {f: cells.columns[heading] for f, heading in by_family.items()}
        columns[name] = [by_column.get(family, empty)[i] for i, family in pairs]
    headings = dict(long.headings)
    for name, by_family in wide.items():
        headings[name] = re.sub(
            r"([_/]).*", r"\1<family>", next(iter(by_family.values()))
        )
    lines = [cells.lines[i] for i, _ in pairs]
    return Cells(cells.file, columns, lines, headings, cells.header, is_melted=True)


def _one_family(long: Cells, findings: Findings) -> Cells:
    count = len(long.lines)
    columns = long.columns | {"family": [ONE_FAMILY] * count, "p": ["1"] * count}
    findings.note(
        f"{long.file}: no column `family`; all rows are read as one family "
        f"`{ONE_FAMILY}` with ratio 1, so they say nothing about mixtures"
    )
    if "run" not in columns:
        columns["run"] = [f"row {line}" for line in long.lines]
        findings.note(f"{long.file}: no column `run`; each row is read as its own run")
    return replace(long, columns=columns)
