"""Build a corpus: read, divide, tokenise and write, all or nothing."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from bayeslaw.corpora.corpus import Tokens, tokenise
from bayeslaw.corpora.folder import (
    PARALLEL,
    check_place,
    content_digest,
    move_into_place,
    stream_digest,
    write_arrays,
)
from bayeslaw.corpora.leakage import masked_shape
from bayeslaw.corpora.manifest import NAME, Manifest, TokenizerEntry
from bayeslaw.corpora.pairs import (
    PairSets,
    keep_apart,
    shapes_tested,
    write_pair_sets,
)
from bayeslaw.corpora.progress import Report, no_report
from bayeslaw.corpora.sizes import document_places, places, size_table
from bayeslaw.corpora.source import SourceOptions, SourceText, by_language
from bayeslaw.corpora.sources import read_source, source_name
from bayeslaw.corpora.split import Split, split_documents
from bayeslaw.corpora.tokenizer import (
    ByteTokenizer,
    PieceTokenizer,
    Tokenizer,
    train_pieces,
)
from bayeslaw.errors import InputError

LARGEST_SIDE = 2**31 - 1  # places of tokens are int32 on the device


@dataclass(frozen=True)
class TokenizerChoice:
    """How text is converted to integers."""

    kind: Literal["bytes", "sentencepiece"] = "sentencepiece"
    vocabulary: int = 4096  # of sentencepiece, separator and bytes included


def build_corpus(
    source: str,
    output: str | Path,
    options: SourceOptions,
    choice: TokenizerChoice = TokenizerChoice(),
    *,
    report: Report = no_report,
) -> Manifest:
    """Build the folder of a corpus; equal text gives equal files.

    Args:
      source: `sample:`, `local:PATH`, `debian:` or `hf:DATASET`.
      output: the folder; a corpus that is already there is replaced.
      options: options of the source.
      choice: how text is converted to integers.
      report: called with the progress of the build.

    Returns:
      the manifest of the corpus: sizes, origin, digests.

    Raises:
      InputError: the source cannot be read, there is too little text, or `output` is
        something other than a corpus.
    """
    folder = Path(output)
    check_place(folder)
    text = read_source(source, options, report)
    if options.by == "language":
        text = by_language(text)
    content = _prepare(text, options, choice, report)
    with _making(folder) as made:
        return _write(made, source, options, text, content)


@dataclass(frozen=True)
class _Content:
    """Everything that the folder will contain except its manifest."""

    split: Split
    coder: Tokenizer
    entry: TokenizerEntry
    model: bytes  # of sentencepiece; empty for bytes
    tokens: Mapping[str, Tokens]  # side (train, held_out) -> tokens
    pairs: Mapping[str, PairSets]


def _prepare(
    text: SourceText, options: SourceOptions, choice: TokenizerChoice, report: Report
) -> _Content:
    """Divide and tokenise the text, and keep the sentence pairs apart from it."""
    split = split_documents(
        text.documents, held_out_share=options.held_out_share, line_key=text.line_key
    )
    _check_sides(split)
    with _stage("vocabulary", report):
        coder, model = _make_tokenizer(choice, split)
    with _stage("tokens", report):
        train = tokenise(split.train, coder)
        held_out = tokenise(split.held_out, coder)
    _check_length(train)
    with _stage("pairs", report):
        pairs = _pairs_apart(text, split)
    tokens = {"train": train, "held_out": held_out}
    return _Content(split, coder, _tokenizer_entry(choice, coder), model, tokens, pairs)


def _write(
    made: Path,
    source: str,
    options: SourceOptions,
    text: SourceText,
    content: _Content,
) -> Manifest:
    """Write the files of a corpus, and the manifest last."""
    split, tokens, families = content.split, content.tokens, tuple(text.documents)
    order = places(text.documents)
    numbers = {
        "train": document_places(split.train, order),
        "held_out": document_places(split.held_out, order),
    }
    write_arrays(made, tokens, numbers, content.coder.bytes_per_token, content.model)
    manifest = Manifest(
        source=source_name(source),
        options=_recorded(options),
        origin=tuple(dict(entry) for entry in text.origin),
        licences=text.licences,
        families=families,
        held_out_share=options.held_out_share,
        tokenizer=content.entry,
        sizes=size_table(split, tokens, numbers, order),
        pairs=write_pair_sets(made / PARALLEL, content.pairs),
        digest=content_digest(made, families),
        held_out_digest=stream_digest(tokens["held_out"].stream),
    )
    (made / NAME).write_text(manifest.to_text(), encoding="utf-8")
    return manifest


def _make_tokenizer(choice: TokenizerChoice, split: Split) -> tuple[Tokenizer, bytes]:
    """The tokenizer and its model (none for bytes), trained without held-out text."""
    if choice.kind == "bytes":
        return ByteTokenizer(), b""
    model = train_pieces(split.train, choice.vocabulary)
    return PieceTokenizer(model), model


def _tokenizer_entry(choice: TokenizerChoice, coder: Tokenizer) -> TokenizerEntry:
    made_by = "bayeslaw"
    if choice.kind == "sentencepiece":
        made_by = f"sentencepiece {version('sentencepiece')}"
    return TokenizerEntry(
        kind=choice.kind,
        name=coder.name,
        vocabulary=len(coder.bytes_per_token),
        made_by=made_by,
    )


def _pairs_apart(text: SourceText, split: Split) -> dict[str, PairSets]:
    """The sentence pairs, without dev and test pairs that training text contains."""
    tested = shapes_tested(text.pairs)
    trained: dict[str, set[str]] = {language: set() for language in tested}
    for document in chain.from_iterable(split.train.values()):
        if wanted := tested.get(document.language):
            shapes = {masked_shape(line) for line in document.text.split("\n")}
            trained[document.language] |= shapes & wanted
    return keep_apart(text.pairs, trained, limit=text.tested_pairs)


def _check_sides(split: Split) -> None:
    """Refuse a corpus in which a family has no training or no held-out text."""
    for name, side in (("training", split.train), ("held-out", split.held_out)):
        if empty := [family for family, members in side.items() if not members]:
            raise InputError(
                f"families without {name} text",
                "documents of the source",
                ", ".join(empty),
                "several dozen different documents in each family",
                "provide more or shorter documents, or change --held-out-share",
            )


def _check_length(train: Tokens) -> None:
    if len(train.stream) > LARGEST_SIDE:
        raise InputError(
            "training text is too large",
            "documents of the source",
            f"{len(train.stream):,} tokens",
            f"at most {LARGEST_SIDE:,} tokens",
            "read less text (--max-bytes, --languages), or raise --vocabulary",
        )


def _recorded(options: SourceOptions) -> dict[str, Any]:
    """The options that determine what was read, without paths of this machine."""
    names = ("families", "languages", "by", "genre", "max_bytes")
    values: Mapping[str, Any] = {name: getattr(options, name) for name in names}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }


@contextlib.contextmanager
def _stage(name: str, report: Report) -> Iterator[None]:
    report(name, 0, 1)
    yield
    report(name, 1, 1)


@contextlib.contextmanager
def _making(folder: Path) -> Iterator[Path]:
    """A folder next to `folder` to write into, moved into its place on success."""
    made = folder.with_name(f".{folder.name}.building")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    try:
        yield made
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise
    move_into_place(made, folder)
