"""What the command line prints of a built corpus."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bayeslaw.terminal import print_lines, print_table

if TYPE_CHECKING:
    from bayeslaw.corpora.manifest import Manifest, Size

HEADER = (
    "",
    "documents",
    "MB",
    "held out",
    "M tokens",
    "held out",
    "B/token",
    "dropped",
)
# Sizes of families have a name, those of languages are set in.
INDENT = "  "


def print_corpus(manifest: "Manifest", folder: Path) -> None:
    """Print the sizes of a corpus, its pairs, and how a study names it."""
    rows = []
    for family in manifest.families:
        members = [size for size in manifest.sizes if size.family == family]
        rows.append(_row(family, members))
        if [size.language for size in members] != [family]:
            rows += [_row(INDENT + size.language, [size]) for size in members]
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
            "Sizes are those of training and held-out text. Dropped lines stood in "
            "held-out text as well; dropped pairs of dev and test were too similar to "
            "training text.",
            f"Licences: {manifest.licences}",
            f'In a study: source = "folder:{folder}", digest = "{manifest.digest}"',
        ]
    )


def _row(name: str, sizes: "Sequence[Size]") -> list[str]:
    documents = sum(size.train_documents + size.held_out_documents for size in sizes)
    train, held_out = _sum(sizes, "train_bytes"), _sum(sizes, "held_out_bytes")
    tokens = _sum(sizes, "train_tokens"), _sum(sizes, "held_out_tokens")
    return [
        name,
        _count(documents),
        *(f"{size / 1e6:.2f}" for size in (train, held_out, *tokens)),
        f"{(train + held_out) / sum(tokens):.2f}",
        _count(_sum(sizes, "dropped_lines")),
    ]


def _sum(sizes: "Sequence[Size]", name: str) -> int:
    return sum(getattr(size, name) for size in sizes)


def _count(number: int) -> str:
    return f"{number:,}"
