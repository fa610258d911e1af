"""The `hf:` corpus: a data set of the Hugging Face hub, streamed (extra `hf`).

A mapping file states which configuration of the data set contains which language:

    text = "text"                # field with the text; this is the default
    id = "id"                    # field with the name that all languages share, if any
    [families.germanic]
    de = "20231101.de"           # language = configuration
    [families.indic]
    hi = "20231101.hi"
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bayeslaw.corpora.progress import Report
from bayeslaw.corpora.source import (
    Document,
    SourceOptions,
    SourceText,
    interleave,
    position_name,
)
from bayeslaw.corpora.text_files import row_problem
from bayeslaw.errors import InputError, require_extra

SPLIT = "train"
# Text of each family if nothing else is said: enough for proxies, minutes to fetch.
MAX_BYTES = 50_000_000


class LanguageMap(BaseModel):
    """The mapping file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = "text"
    id: str = "id"
    families: dict[str, dict[str, str]] = Field(min_length=1)


@dataclass(frozen=True)
class DataSet:
    """A data set as named in SOURCE."""

    name: str
    revision: str | None
    split: str

    @classmethod
    def parse(cls, text: str) -> "DataSet":
        """Parse DATASET[@REVISION][:SPLIT]."""
        rest, _, split = text.partition(":")
        name, _, revision = rest.partition("@")
        return cls(name, revision or None, split or SPLIT)

    @property
    def is_local(self) -> bool:
        """Whether it is a local folder, which has no revision."""
        return Path(self.name).exists()

    @property
    def title(self) -> str:
        """Its name without a local path."""
        return Path(self.name).name if self.is_local else self.name


def read_hub(text: str, options: SourceOptions, report: Report) -> SourceText:
    """Read the first documents of each language of a data set.

    Args:
      text: DATASET[@REVISION][:SPLIT].
      options: `mapping` is required; `max_bytes` per family is shared equally by its
        languages.
      report: called after each language.

    Raises:
      InputError: the library `datasets` is missing, the mapping does not fit, or the
        data set cannot be read.
    """
    data = pin_revision(DataSet.parse(text))
    mapping = read_mapping(options.mapping)
    families = _chosen(mapping, options)
    total = sum(map(len, families.values()))
    origin, documents = [], {}
    report("data set", 0, total)
    for family, languages in families.items():
        budget = (options.max_bytes or MAX_BYTES) // len(languages)
        streams = []
        for language, configuration in languages.items():
            found, empty = read_language(data, mapping, language, configuration, budget)
            streams.append(found)
            origin.append(_entry(data, language, configuration, len(found), empty))
            report("data set", len(origin), total)
        documents[family] = interleave(streams)
    return SourceText(
        documents=documents,
        origin=tuple(origin),
        licences=f"As stated on the card of the data set {data.title}.",
    )


def read_language(
    data: DataSet,
    mapping: LanguageMap,
    language: str,
    configuration: str,
    max_bytes: int,
) -> tuple[list[Document], int]:
    """Read documents of a language up to a size, and count rows with empty text.

    Raises:
      InputError: a row lacks the text field, or a language has no text.
    """
    documents, size, empty = list[Document](), 0, 0
    for row, cells in enumerate(_rows(data, configuration)):
        content: dict[str, Any] = {
            "text": cells.get(mapping.text),
            "id": cells.get(mapping.id),
        }
        where = f"hf:{data.name}, configuration {configuration}, row {row}"
        if content["text"] == "":
            empty += 1
            continue
        if problem := row_problem(content):
            raise _row_error(where, problem, list(cells), mapping)
        name = str(content["id"] or position_name(row))
        documents.append(Document(language, name, content["text"]))
        size += len(content["text"].encode())
        if size >= max_bytes:
            break
    if not documents:
        raise _row_error(
            f"hf:{data.name}, configuration {configuration}", "no text", [], mapping
        )
    return documents, empty


def _rows(data: DataSet, configuration: str) -> Iterator[dict[str, Any]]:
    require_extra("datasets", "hf", "source hf:")
    try:
        from datasets import load_dataset

        yield from load_dataset(
            data.name,
            configuration,
            split=data.split,
            revision=data.revision,
            streaming=True,
        )
    # Everything that can go wrong between here and the hub; none of it is ours.
    except Exception as error:
        raise InputError(
            "the data set cannot be read",
            f"hf:{data.name}, configuration {configuration}, split {data.split}",
            f"{type(error).__name__}: {error}",
            "an existing data set, configuration and split, and a network connection",
            "correct the names, or log in if the data set requires it",
        ) from error


def pin_revision(data: DataSet) -> DataSet:
    """Pin the data set to the commit that its revision refers to now."""
    if data.is_local:
        return data
    require_extra("huggingface_hub", "hf", "source hf:")
    try:
        from huggingface_hub import HfApi

        commit = HfApi().dataset_info(data.name, revision=data.revision).sha
    except Exception as error:
        raise InputError(
            "the data set cannot be found",
            f"hf:{data.name}, revision {data.revision or 'newest'}",
            f"{type(error).__name__}: {error}",
            "a data set of the hub that you may read, and a network connection",
            "correct the name, or log in if the data set requires it",
        ) from error
    return DataSet(data.name, commit, data.split)


def read_mapping(path: Path | None) -> LanguageMap:
    """Read the mapping file.

    Raises:
      InputError: no file was given, or it does not state which languages to read.
    """
    if path is None:
        raise _mapping_error("option --mapping", "no mapping")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return LanguageMap.model_validate(content)
    except (OSError, ValueError, tomllib.TOMLDecodeError) as error:
        got = str(error)
        if isinstance(error, ValidationError):
            problem = error.errors()[0]
            got = f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        raise _mapping_error(str(path), got) from error


def _chosen(mapping: LanguageMap, options: SourceOptions) -> dict[str, dict[str, str]]:
    """Configurations to read, by family and language."""
    known = mapping.families
    if unknown := [name for name in options.families or () if name not in known]:
        raise _mapping_error(str(options.mapping), f"no family {', '.join(unknown)}")
    chosen = {
        family: {
            language: configuration
            for language, configuration in known[family].items()
            if options.languages is None or language in options.languages
        }
        for family in options.families or known
    }
    if empty := [family for family, languages in chosen.items() if not languages]:
        raise _mapping_error(str(options.mapping), f"no language of {', '.join(empty)}")
    return chosen


def _entry(
    data: DataSet, language: str, configuration: str, documents: int, empty: int
) -> dict[str, str]:
    return {
        "data set": data.title,
        "revision": data.revision or "local",
        "split": data.split,
        "language": language,
        "configuration": configuration,
        "documents": str(documents),
        "empty rows": str(empty),
    }


def _row_error(
    where: str, got: str, fields: list[str], mapping: LanguageMap
) -> InputError:
    return InputError(
        "row without usable text",
        where,
        f"{got}; fields {', '.join(fields) or 'none'}",
        f"text in the field `{mapping.text}`",
        "set the field in the mapping file (text = ...), or correct the names",
    )


def _mapping_error(where: str, got: str) -> InputError:
    return InputError(
        "no mapping from families to configurations",
        where,
        got,
        "a TOML file with tables such as [families.germanic] and lines such as "
        'de = "20231101.de"',
        "write such a file and give it with --mapping",
    )
