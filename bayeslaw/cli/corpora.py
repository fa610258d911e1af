"""`bayeslaw corpora`: build corpora for proxies and show them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bayeslaw.cli.options import Json
from bayeslaw.cli.terminal import print_json, print_lines, print_table
from bayeslaw.errors import InputError

if TYPE_CHECKING:
    from bayeslaw.corpora import Manifest, Size

corpora = typer.Typer(help="Build corpora for proxies.", rich_markup_mode=None)
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="sample:, local:PATH, debian: or hf:DATASET."
    ),
]
Output = Annotated[Path, typer.Option("-o", "--output", help="Folder of the corpus.")]
Folder = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="Result of `corpora build`.")
]
Names = Annotated[
    str | None, typer.Option(help="Names, commas between; all if not given.")
]
By = Annotated[
    Literal["family", "language"], typer.Option(help="What mixtures are made of.")
]
Genre = Annotated[
    Literal["all", "help"], typer.Option(help="debian: all texts, or help pages only.")
]
Tokens = Annotated[
    Literal["bytes", "sentencepiece"], typer.Option(help="What a token is.")
]
Vocabulary = Annotated[
    int, typer.Option(help="Tokens of sentencepiece, all families together.")
]
Share = Annotated[float, typer.Option(help="Share of the documents held out.")]
Mapping = Annotated[
    Path | None, typer.Option(help="hf: TOML, configurations of each family.")
]
MaxBytes = Annotated[
    int | None, typer.Option(min=1, help="hf: text of each family, at most.")
]
Cache = Annotated[
    Path | None, typer.Option(help="Where what is fetched and read is kept.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes; one a core if not given.")
]


@corpora.callback()
def _group() -> None:
    pass


@corpora.command()
def build(
    source: Source,
    output: Output,
    families: Names = None,
    languages: Names = None,
    by: By = "family",
    genre: Genre = "all",
    tokenizer: Tokens = "sentencepiece",
    vocabulary: Vocabulary = 4096,
    held_out_share: Share = 0.1,
    mapping: Mapping = None,
    max_bytes: MaxBytes = None,
    cache: Cache = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Build a corpus: read, split, tokenise.

    A stopped build goes on where it was.
    """
    from bayeslaw.corpora import (
        SourceOptions,
        TokenizerChoice,
        build_corpus,
        progress_bars,
    )

    options = SourceOptions(
        held_out_share=_check_share(held_out_share),
        cache=cache or default_cache(),
        families=_names("--families", families),
        languages=_names("--languages", languages),
        by=by,
        genre=genre,
        mapping=mapping,
        max_bytes=max_bytes,
        workers=workers,
    )
    choice = TokenizerChoice(tokenizer, vocabulary)
    with progress_bars(shown=not as_json) as report:
        manifest = build_corpus(source, output, options, choice, report=report)
    if as_json:
        print_json(manifest.model_dump(mode="json"))
    else:
        print_corpus(manifest, output)


@corpora.command()
def show(folder: Folder, as_json: Json = False) -> None:
    """Show what is in a corpus, and whether it is as it was built."""
    from bayeslaw.corpora import verify

    manifest = verify(folder)
    if as_json:
        print_json(manifest.model_dump(mode="json"))
    else:
        print_corpus(manifest, folder)


def default_cache() -> Path:
    """Where fetched packages are kept if nothing else is said."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "bayeslaw" / "corpora"


def _names(option: str, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if "" in names or len(set(names)) < len(names):
        raise InputError(
            "empty or repeated name",
            f"option {option}",
            text,
            "names with commas between, each once",
            "correct the list, or leave the option out for all",
        )
    return names


def _check_share(share: float) -> float:
    if not 0 < share < 1:
        raise InputError(
            "share out of range",
            "option --held-out-share",
            str(share),
            "a number between 0 and 1, both excluded",
            "correct the value; 0.1 holds out a tenth of the documents",
        )
    return share


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
