"""The manifest of a built corpus, `corpus.json`: everything but the text itself.

Nothing in it depends on the machine or the time, so two builds of one text are equal.
"""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bayeslaw.errors import InputError

NAME = "corpus.json"
FORMAT = 1  # raised by one when a reader of the old format would misread the new


class Entry(BaseModel):
    """A frozen record; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Size(Entry):
    """Amount of text of a language."""

    family: str
    language: str
    train_documents: int
    held_out_documents: int
    train_bytes: int  # UTF-8, separators not counted
    held_out_bytes: int
    train_tokens: int  # separators counted
    held_out_tokens: int
    dropped_lines: int  # training lines dropped, as they stand in held-out text


class PairSize(Entry):
    """Number of sentence pairs of English and a language."""

    language: str
    train: int
    dev: int
    test: int
    dropped: int  # dev and test pairs too similar to training text
    digest: str  # of all three parts


class TokenizerEntry(Entry):
    """How text was converted to integers."""

    kind: Literal["bytes", "sentencepiece"]
    name: str  # as observation tables name it
    vocabulary: int  # number of tokens
    made_by: str  # software and version


class Manifest(Entry):
    """The manifest of a built corpus."""

    format: int = FORMAT
    source: str  # as given to `bayeslaw corpora build`, without a path
    options: dict[str, Any]  # what was asked for, apart from the fields below
    origin: tuple[dict[str, str], ...]  # packages or files read: version, sha256
    licences: str
    families: tuple[str, ...]  # order of the families in the arrays
    held_out_share: float
    tokenizer: TokenizerEntry
    sizes: tuple[Size, ...]
    pairs: tuple[PairSize, ...]
    digest: str  # of tokens, documents and vocabulary
    held_out_digest: str  # of the held-out tokens

    @property
    def languages(self) -> tuple[str, ...]:
        """All languages; documents.npz numbers them in this order."""
        return tuple(size.language for size in self.sizes)

    def dropped_lines(self) -> dict[str, int]:
        """Training lines dropped, by family."""
        return {
            family: sum(s.dropped_lines for s in self.sizes if s.family == family)
            for family in self.families
        }

    def to_text(self) -> str:
        """Format the manifest as JSON."""
        content = self.model_dump(mode="json")
        return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a built corpus.

    Raises:
      InputError: there is none, it is damaged, or it has another format.
    """
    path = folder / NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = content["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            "no built corpus found",
            str(path),
            f"{type(error).__name__}: {error}",
            "a folder written by `bayeslaw corpora build`",
            "correct the path, or build the corpus",
        ) from error
    if found != FORMAT:
        raise InputError(
            "the built corpus has another format",
            f"{path}, format",
            str(found),
            str(FORMAT),
            "build the corpus again, or use the version of bayeslaw that built it",
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(
            "the manifest of the corpus is damaged",
            f"{path}, {'.'.join(map(str, problem['loc']))}",
            f"{problem['input']!r}: {problem['msg']}",
            "the file as `bayeslaw corpora build` wrote it",
            "restore the file, or build the corpus again",
        ) from error
