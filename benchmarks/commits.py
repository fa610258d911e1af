"""Two commits side by side with one seed: draws, decision, next runs, figures.

  python -m benchmarks.commits BEFORE [AFTER]

AFTER is the working tree as it is, unless you name a commit. Each of them fits two
models to runs/sample-families with seed 0, with an empty cache of compiled programs
(see commit_probe.py). Draws are compared by name. Fields of decisions and next runs
have other names in other commits, so every number of one side is looked for among all
numbers of the other. Figures of the reports are compared byte by byte, ids and dates
apart. The exit status is 1 if anything differs by more than 1e-10, relatively.
"""

import argparse
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
PROBE = Path(__file__).with_name("commit_probe.py")
MODELS = ("token_drift", "default")
SIDES = ("before", "after")
TOLERANCE = 1e-10
SHOWN = 20  # of what only one side has

Leaf = tuple[str, float]  # name of a field, with those it lies in, and its number


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
      model: model that was fitted.
      what: what was compared.
      count: how many arrays, numbers or figures.
      found: how the two sides differ.
      is_same: whether they agree within the tolerance.
      alone: what only one side has.
    """

    model: str
    what: str
    count: int
    found: str
    is_same: bool
    alone: list[str]


@contextmanager
def tree_of(commit: str | None, folder: Path) -> Iterator[Path]:
    """The files of a commit in a worktree of their own, or the working tree."""
    if commit is None:
        yield ROOT
        return
    tree = folder / "tree"
    git("worktree", "add", "--quiet", "--detach", tree, commit)
    try:
        yield tree
    finally:
        git("worktree", "remove", "--force", tree)


def git(*words: object) -> None:
    done = subprocess.run(
        ["git", *map(str, words)], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr.strip())


def run_probe(commit: str | None, folder: Path) -> Path:
    """The folder with what the package of a commit computes."""
    out = folder / "out"
    out.mkdir(parents=True)
    kept = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    with tree_of(commit, folder) as tree:
        own = {
            "PYTHONPATH": str(tree),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "MPLBACKEND": "agg",
        }
        done = subprocess.run(
            # -P: modules beside the probe are not those of the tree.
            [sys.executable, "-P", str(PROBE), str(out), *MODELS],
            cwd=tree,
            env=kept | own,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        tail = "\n".join(done.stderr.splitlines()[-20:])
        raise SystemExit(f"{commit or 'the working tree'} fails:\n{tail}")
    return out


def draws_rows(model: str, folders: Sequence[Path]) -> Iterator[Row]:
    """One line a group of draws."""
    before, after = (dict(np.load(folder / f"{model}.npz")) for folder in folders)
    by_group: dict[str, list[str]] = {}
    for name in {**before, **after}:
        by_group.setdefault(name.split("/")[0], []).append(name)
    for group, names in by_group.items():
        both = [name for name in names if name in before and name in after]
        alone = only_on(SIDES[0], [name for name in names if name not in after])
        alone += only_on(SIDES[1], [name for name in names if name not in before])
        largest = max(
            (difference(before[name], after[name]) for name in both), default=0.0
        )
        is_equal = all(before[name].tobytes() == after[name].tobytes() for name in both)
        found = "bit-equal" if is_equal else f"largest difference {largest:.2g}"
        is_same = largest <= TOLERANCE and not alone
        yield Row(model, group, len(names), found, is_same, alone)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference over the larger of two numbers; infinite if shapes differ."""
    if a.shape != b.shape:
        return float("inf")
    a, b = a.astype(float), b.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.abs(a - b) / np.maximum(np.abs(a), np.abs(b))
    relative[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
    return float(np.nan_to_num(relative, nan=np.inf).max(initial=0.0))


def record_rows(model: str, folders: Sequence[Path]) -> Iterator[Row]:
    """One line each for the decision and the next runs."""
    sides = [json.loads((folder / f"{model}.json").read_text()) for folder in folders]
    for what in sides[0]:
        before, after = ([*leaves(side[what])] for side in sides)
        left = unmatched(before, after), unmatched(after, before)
        alone = only_on(SIDES[0], left[0]) + only_on(SIDES[1], left[1])
        found = f"{len(alone)} on one side only" if alone else "equal"
        yield Row(model, what, max(len(before), len(after)), found, not alone, alone)


def leaves(value: Any, name: str = "") -> Iterator[Leaf]:
    """All finite numbers of a record."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, one in items:
            yield from leaves(one, f"{name}.{key}" if name else str(key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if isfinite(value):
            yield name, float(value)


def unmatched(side: list[Leaf], others: list[Leaf]) -> list[str]:
    """Numbers that none of the others equals, with their fields."""
    numbers = np.array([number for _, number in others])
    return [
        f"{name} = {number!r}"
        for name, number in side
        if not np.isclose(numbers, number, rtol=TOLERANCE, atol=0).any()
    ]


def figures_row(model: str, folders: Sequence[Path]) -> Row:
    """The figures of the reports."""
    sides = [figures((folder / f"{model}.html").read_text()) for folder in folders]
    alone = []
    for label, side, other in zip(SIDES, sides, sides[::-1], strict=True):
        known = texts(b"".join(other))
        alone += only_on(
            label,
            [
                f"figure {place}, with texts of its own {sorted(texts(figure) - known)}"
                for place, figure in enumerate(side, 1)
                if figure not in other
            ],
        )
    is_same = bool(sides[0]) and not alone and len(sides[0]) == len(sides[1])
    found = (
        "byte-equal" if is_same else f"{len(sides[0])} before, {len(sides[1])} after"
    )
    return Row(model, "figures", len(sides[0]), found, is_same, alone)


def figures(page: str) -> list[bytes]:
    """Pictures in a page, in their order; SVG without dates, its ids numbered."""
    found = []
    for kind, text in re.findall(r"data:image/([\w.+-]+);base64,([\w+/=]+)", page):
        picture = base64.b64decode(text)
        found.append(anonymous(picture) if kind == "svg+xml" else picture)
    return found


def texts(svg: bytes) -> set[str]:
    return set(re.findall(r"<text[^>]*>([^<]+)</text>", svg.decode(errors="ignore")))


def anonymous(svg: bytes) -> bytes:
    svg = re.sub(rb"<dc:date>.*?</dc:date>", b"", svg, flags=re.DOTALL)
    ids = dict.fromkeys(re.findall(rb'\bid="([^"]+)"', svg))
    numbers = {name: b"id%d" % number for number, name in enumerate(ids)}

    def renamed(match: re.Match[bytes]) -> bytes:
        return match[1] + numbers.get(match[2], match[2])

    return re.sub(rb'(\bid="|#)([\w.:-]+)', renamed, svg)


def only_on(side: str, names: list[str]) -> list[str]:
    return [f"only {side}: {name}" for name in names]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", help="a commit")
    parser.add_argument("after", nargs="?", help="a commit; default: the working tree")
    parser.add_argument("--keep", action="store_true", help="keep what is compared")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(delete=not options.keep) as folder:
        outs = [
            run_probe(commit, Path(folder, side))
            for commit, side in zip((options.before, options.after), SIDES, strict=True)
        ]
        rows = []
        for model in MODELS:
            rows += [*draws_rows(model, outs), *record_rows(model, outs)]
            rows.append(figures_row(model, outs))
    if options.keep:
        print(f"draws, records and reports are in {folder}")
    for row in rows:
        verdict = "same" if row.is_same else "DIFFERS"
        print(f"{row.model:12} {row.what:14} {row.count:5}  {verdict:8} {row.found}")
        for line in row.alone[:SHOWN]:
            print(f"{'':12}   {line}")
        if len(row.alone) > SHOWN:
            print(f"{'':12}   and {len(row.alone) - SHOWN} more")
    raise SystemExit(not all(row.is_same for row in rows))


if __name__ == "__main__":
    main()
