"""`bayeslaw corpora`: build corpora for proxies and inspect them."""

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

corpora = typer.Typer(
    help="Build and inspect corpora for proxies.", rich_markup_mode=None
)
Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="Source of text: sample:, local:PATH, debian: or hf:DATASET.",
    ),
]
Output = Annotated[
    Path, typer.Option("-o", "--output", help="Folder to write the corpus to.")
]
Folder = Annotated[
    Path,
    typer.Argument(metavar="FOLDER", help="Corpus from `bayeslaw corpora build`."),
]
Names = Annotated[
    str | None,
    typer.Option(help="Comma-separated names. Default: the source's own selection."),
]
By = Annotated[
    Literal["family", "language"],
    typer.Option(help="Whether mixtures consist of families or of languages."),
]
Genre = Annotated[
    Literal["all", "help"], typer.Option(help="debian: all texts, or help pages only.")
]
Tokens = Annotated[
    Literal["bytes", "sentencepiece"], typer.Option(help="How text is split.")
]
Vocabulary = Annotated[
    int,
    typer.Option(help="sentencepiece: vocabulary size, shared by all families."),
]
Share = Annotated[float, typer.Option(help="Share of the documents to hold out.")]
Mapping = Annotated[
    Path | None,
    typer.Option(help="hf: TOML file with the configuration of each language."),
]
MaxBytes = Annotated[
    int | None, typer.Option(min=1, help="hf: maximum bytes of text per family.")
]
Cache = Annotated[
    Path | None,
    typer.Option(
        help="Folder for downloaded and extracted text. Default: "
        "~/.cache/bayeslaw/corpora."
    ),
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes. Default: one per core.")
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
    """Build a corpus: read text, hold out documents, tokenise.

    An interrupted build resumes where it stopped.
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
    """Show what a corpus contains and verify that it is unchanged."""
    from bayeslaw.corpora import verify

    manifest = verify(folder)
    if as_json:
        print_json(manifest.model_dump(mode="json"))
    else:
        print_corpus(manifest, folder)


def default_cache() -> Path:
    """The default folder for downloaded packages."""
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
            "comma-separated names, each once",
            "correct the list, or omit the option to take the source's own selection",
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
    """Print the sizes of a corpus, its sentence pairs, and how a study names it."""
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
            "MB and tokens are given for training text, then for held-out text. "
            "Dropped lines also occur in held-out text; dropped dev and test pairs are "
            "too similar to training text.",
            f"Licences: {manifest.licences}",
            f'In [corpus] of a study: source = "folder:{folder}", '
            f'digest = "{manifest.digest}"',
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
