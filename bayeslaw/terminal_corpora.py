"""What the command line prints of a built corpus."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bayeslaw.terminal import print_lines, print_table

if TYPE_CHECKING:
    from bayeslaw.corpora.manifest import Manifest, Size

HEADER = (
    "family",
    "language",
    "documents",
    "held out",
    "train MB",
    "held-out MB",
    "train tokens",
    "held-out tokens",
    "bytes/token",
    "dropped lines",
)


def print_corpus(manifest: "Manifest", folder: Path) -> None:
    """Print the sizes of a corpus, its pairs, and how a study names it."""
    rows = []
    for family in manifest.families:
        members = [size for size in manifest.sizes if size.family == family]
        rows += [_row(size.family, size.language, [size]) for size in members]
        if len(members) > 1:
            rows.append(_row(family, "all", members))
    print_table(f"{manifest.source} {manifest.tokenizer.name}", HEADER, rows)
    if manifest.pairs:
        cells = [
            [f"en-{s.language}", *map(_count, (s.train, s.dev, s.test, s.dropped))]
            for s in manifest.pairs
        ]
        header = ("pairs", "train", "dev", "test", "dropped")
        print_table("", header, cells)
    print_lines(
        [
            "Dropped lines stood in held-out text as well; dropped pairs of dev and "
            "test were too similar to training text.",
            f"Licences: {manifest.licences}",
            f'In a study: source = "folder:{folder}", digest = "{manifest.digest}"',
        ]
    )


def _row(family: str, language: str, sizes: "Sequence[Size]") -> list[str]:
    tokens = sum(size.train_tokens + size.held_out_tokens for size in sizes)
    text = sum(size.train_bytes + size.held_out_bytes for size in sizes)
    return [
        family,
        language,
        _count(sum(size.train_documents for size in sizes)),
        _count(sum(size.held_out_documents for size in sizes)),
        f"{sum(size.train_bytes for size in sizes) / 1e6:.2f}",
        f"{sum(size.held_out_bytes for size in sizes) / 1e6:.2f}",
        _count(sum(size.train_tokens for size in sizes)),
        _count(sum(size.held_out_tokens for size in sizes)),
        f"{text / tokens:.2f}",
        _count(sum(size.dropped_lines for size in sizes)),
    ]


def _count(number: int) -> str:
    return f"{number:,}"
