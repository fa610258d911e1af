"""Convert a table of any accepted shape to canonical long cells."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bayeslaw.data.losses.loss_columns import RUNS
from bayeslaw.data.table import Cells, Findings, Schema, first_ten, nearest, quoted
from bayeslaw.errors import InputError

_WIDE = re.compile(r"(?i)(loss|value|p|ratio|se|stderr)[_/](.+)")
ONE_FAMILY = "all"  # the family's name in a table that knows no families


def canonical_cells(
    cells: Cells, findings: Findings, keep: Sequence[str] = ()
) -> Cells:
    """Return a table of any accepted shape as long cells under canonical names.

    Accepted: long tables (one row per family); wide tables (columns `loss_<family>`,
    `p_<family>`, `se_<family>`, also with a slash); tables without families, which
    become one family with ratio 1. Wide `p_<family>` columns also give the mixture.
    The user's own columns listed in `keep` stay under their own names.
    """
    _check_kept(cells, keep)
    wide = _wide_columns(cells, keep)
    plain = {
        heading: column
        for heading, column in cells.columns.items()
        if not any(heading in group.values() for group in wide.values())
    }
    long = named(replace(cells, columns=plain), RUNS, findings, keep)
    mixtures = _mixture_texts(cells, wide.get("p", {}))
    if mixtures and "mixture" not in long.columns:
        long.columns["mixture"] = mixtures
        long = replace(long, headings={**long.headings, "mixture": "p_<family>"})
    if "value" in wide:
        headings = {**long.headings, **_family_headings(wide)}
        rows = melted(long, cells, wide, "family", findings)
        return replace(rows, headings=headings)
    has_ratios = {"p", "mixture"} & set(long.columns) or any(
        match and RUNS.canonical_name(match[1]) == "p"
        for match in map(_WIDE.fullmatch, cells.columns)
    )
    if "family" in long.columns or has_ratios:
        return long
    return _one_family(long, findings)


def _check_kept(cells: Cells, keep: Sequence[str]) -> None:
    """Refuse to keep a column that does not exist or is read anyway."""
    for heading in keep:
        known = RUNS.canonical_name(heading)
        if heading in cells.columns and known is None:
            continue
        near = nearest(heading, cells.columns)
        fix = f"did you mean `{near}`?" if near else "remove it from `keep`"
        if known:
            fix = f"remove it from `keep`: it is read as `{known}`"
        raise InputError(
            f"column `{heading}` cannot be kept beside the table's own columns",
            f"{cells.file}, argument `keep`",
            f"`{heading}`; the file has {quoted(cells.columns)}",
            "columns of the file that are not read anyway",
            fix,
        )


def _wide_columns(cells: Cells, keep: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return canonical name -> {family: heading} for columns that name a family."""
    headings = [heading for heading in cells.columns if heading not in keep]
    families_with_p = {
        match[2]
        for match in map(_WIDE.fullmatch, headings)
        if match and RUNS.canonical_name(match[1]) == "p"
    }
    is_long = any(RUNS.canonical_name(heading) == "family" for heading in headings)
    wide: dict[str, dict[str, str]] = {}
    for heading in headings:
        match = _WIDE.fullmatch(heading)
        if not match:
            continue
        name, family = RUNS.canonical_name(match[1]) or "", match[2].strip()
        # `loss_se` is a standard error, unless `p_se` shows that se is a family
        # (Northern Sami has that code).
        if RUNS.canonical_name(heading) and family not in families_with_p:
            continue
        if name == "p" or not is_long:
            wide.setdefault(name, {})[family] = heading
    return wide if "value" in wide or is_long else {}


def named(
    cells: Cells, schema: Schema, findings: Findings, keep: Sequence[str] = ()
) -> Cells:
    """Return the cells under canonical names; unknown columns become notes."""
    columns: dict[str, list[str]] = {}
    headings: dict[str, str] = {}
    for heading, column in cells.columns.items():
        name = heading if heading in keep else schema.canonical_name(heading)
        if name is None:
            near = nearest(heading, schema.spellings)
            hint = f"; did you mean `{schema.spellings[near]}`?" if near else ""
            findings.note(f"{cells.file}: column `{heading}` is not read{hint}")
        elif name in columns:
            findings.problem(
                f"two columns are read as `{name}`",
                f"{cells.file}, row 1",
                quoted([headings[name], heading]),
                f"one column for {schema[name].meaning}",
                "rename the one that should be ignored, for example with a prefix old_",
            )
        else:
            columns[name], headings[name] = column, heading
    renamed = {name: heading for name, heading in headings.items() if name != heading}
    if renamed:
        pairs = first_ten(f"`{old}` as `{name}`" for name, old in renamed.items())
        findings.note(f"{cells.file}: columns read under another name: {pairs}")
    return replace(cells, columns=columns, headings=headings)


def _mixture_texts(cells: Cells, ratios: Mapping[str, str]) -> list[str]:
    """Return one JSON object per row of the wide ratio columns ([] without any)."""
    if not ratios:
        return []
    import json

    families = list(ratios)
    rows = zip(*(cells.columns[heading] for heading in ratios.values()), strict=True)
    # The cells stay text here; whether they are numbers is checked with the mixtures.
    return [json.dumps(dict(zip(families, row, strict=True))) for row in rows]


def melted(
    long: Cells,
    cells: Cells,
    wide: Mapping[str, Mapping[str, str]],
    part: str,
    findings: Findings,
) -> Cells:
    """Return one row per value that a wide row holds, such as one per family.

    Args:
      long: the columns that all values of a row share, under canonical names.
      cells: the table as it stands in the file.
      wide: canonical name -> {family: heading}; `value` is among the names.
      part: column that the families go to.
      findings: notes on what holds no observation or is not read.
    """
    parts = wide["value"]
    pairs = [
        (i, name)
        for i in range(len(cells.lines))
        for name, heading in parts.items()
        if cells.columns[heading][i]
    ]
    missing = len(cells.lines) * len(parts) - len(pairs)
    if missing:
        findings.note(
            f"{cells.file}: {missing} empty cells of {quoted(parts.values())} are "
            "read as missing observations"
        )
    for name in sorted(set(long.columns) & {*wide, part}):
        headings = wide[name] if name in wide else parts
        findings.note(
            f"{long.where(name)} is not read, because the columns "
            f"{quoted(headings.values())} give it for each {part}"
        )
    columns = {
        name: [column[i] for i, _ in pairs]
        for name, column in long.columns.items()
        if name not in wide
    }
    columns[part] = [name for _, name in pairs]
    for name, by_part in wide.items():
        empty = [""] * len(cells.lines)
        by_column = {key: cells.columns[heading] for key, heading in by_part.items()}
        columns[name] = [by_column.get(key, empty)[i] for i, key in pairs]
    lines = [cells.lines[i] for i, _ in pairs]
    return Cells(cells.file, columns, lines, long.headings, cells.header, part)


def _family_headings(wide: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return canonical name -> name of the columns of all families in messages."""
    return {
        name: re.sub(r"([_/]).*", r"\1<family>", next(iter(by_family.values())))
        for name, by_family in wide.items()
    }


def _one_family(long: Cells, findings: Findings) -> Cells:
    count = len(long.lines)
    columns = long.columns | {"family": [ONE_FAMILY] * count, "p": ["1"] * count}
    findings.note(
        f"{long.file}: no column `family`; all rows are read as one family "
        f"`{ONE_FAMILY}` with ratio 1, so the table has no information about mixtures"
    )
    if "run" not in columns:
        columns["run"] = [f"row {line}" for line in long.lines]
        findings.note(f"{long.file}: no column `run`; each row is read as a run")
    return replace(long, columns=columns)
