"""Sentence pairs of English and other languages: files, and removal of leaks."""

import gzip
import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bayeslaw.corpora.leakage import masked_shape
from bayeslaw.corpora.manifest import PairSize
from bayeslaw.corpora.similarity import near_duplicates
from bayeslaw.errors import InputError

PARTS = ("train", "dev", "test")
PACKING = 4  # of gzip; 6 takes twice the time for 5 % less


class Pair(NamedTuple):
    """A sentence in English and in another language."""

    english: str
    other: str
    source: str  # name of the text it comes from, e.g. "lo-help"


@dataclass(frozen=True)
class PairSets:
    """The pairs of English and one language."""

    train: Sequence[Pair]
    dev: Sequence[Pair]
    test: Sequence[Pair]
    dropped: int = 0  # dev and test pairs dropped, as training text is too similar


def keep_apart(
    sets: Mapping[str, PairSets],
    train_shapes: Mapping[str, Collection[str]],
    *,
    limit: int | None = None,
) -> dict[str, PairSets]:
    """Drop dev and test pairs that training text contains.

    Dropped are pairs whose English sentence is a near-duplicate of a training one of
    any language (`similarity`), or one of whose sentences has the shape of a training
    sentence or of a line of the training text.

    Args:
      sets: language -> pairs.
      train_shapes: language, English among them -> shapes of lines of its training
        text, at least of those that are tested.
      limit: number of dev and of test pairs to keep, the first ones; None for all.
    """
    english = _near_english(sets)
    return {
        language: _apart(
            pairs, english, train_shapes["en"], train_shapes[language], limit
        )
        for language, pairs in sets.items()
    }


def _near_english(sets: Mapping[str, PairSets]) -> set[str]:
    """English sentences of dev and test that are near-duplicates of a training one.

    One comparison serves all languages: they have most English sentences in common, and
    a sentence that another language has in training is as well not tested in this one.
    """
    tested = {p.english for pairs in sets.values() for p in (*pairs.dev, *pairs.test)}
    trained = {p.english for pairs in sets.values() for p in pairs.train}
    candidates = sorted(tested)
    if not (candidates and trained):
        return set()
    near = near_duplicates(candidates, sorted(trained))
    return {
        sentence for sentence, is_near in zip(candidates, near, strict=True) if is_near
    }


def _apart(
    pairs: PairSets,
    near_english: Collection[str],
    seen_english: Collection[str],
    seen_other: Collection[str],
    limit: int | None,
) -> PairSets:
    trained_english = {*seen_english, *(masked_shape(p.english) for p in pairs.train)}
    trained_other = {*seen_other, *(masked_shape(p.other) for p in pairs.train)}

    def is_new(pair: Pair) -> bool:
        return (
            pair.english not in near_english
            and masked_shape(pair.english) not in trained_english
            and masked_shape(pair.other) not in trained_other
        )

    dev, test = list(filter(is_new, pairs.dev)), list(filter(is_new, pairs.test))
    dropped = len(pairs.dev) + len(pairs.test) - len(dev) - len(test)
    return PairSets(pairs.train, dev[:limit], test[:limit], dropped)


def shapes_tested(sets: Mapping[str, PairSets]) -> dict[str, set[str]]:
    """Language -> shapes of its sentences in dev and test, English included."""
    shapes: dict[str, set[str]] = {"en": set()}
    for language, pairs in sets.items():
        tested = [*pairs.dev, *pairs.test]
        shapes["en"] |= {masked_shape(pair.english) for pair in tested}
        shapes[language] = {masked_shape(pair.other) for pair in tested}
    return shapes


def pairs_path(folder: Path, language: str, part: str) -> Path:
    """File of the pairs of a language and a part (train, dev or test)."""
    return folder / f"en-{language}.{part}.tsv.gz"


def write_pair_sets(folder: Path, sets: Mapping[str, PairSets]) -> tuple[PairSize, ...]:
    """Write lines `english TAB other TAB source`; equal pairs give equal bytes."""
    folder.mkdir()
    sizes = []
    for language, pairs in sets.items():
        digest = hashlib.sha256()
        for part, rows in zip(PARTS, (pairs.train, pairs.dev, pairs.test), strict=True):
            content = "".join(f"{'\t'.join(row)}\n" for row in rows).encode()
            packed = gzip.compress(content, PACKING, mtime=0)
            pairs_path(folder, language, part).write_bytes(packed)
            digest.update(content)
        sizes.append(
            PairSize(
                language=language,
                train=len(pairs.train),
                dev=len(pairs.dev),
                test=len(pairs.test),
                dropped=pairs.dropped,
                digest=digest.hexdigest()[:16],
            )
        )
    return tuple(sizes)


def read_pair_sets(folder: Path) -> dict[str, PairSets]:
    """Read the pairs of a folder of `en-<language>.<part>.tsv.gz`, by language.

    Raises:
      InputError: a part is missing, or a line does not have two or three cells.
    """
    languages = {path.name[3:].split(".")[0] for path in folder.glob("en-*.tsv.gz")}
    return {language: _read_sets(folder, language) for language in sorted(languages)}


def _read_sets(folder: Path, language: str) -> PairSets:
    train, dev, test = (
        _read_pairs(pairs_path(folder, language, part)) for part in PARTS
    )
    return PairSets(train, dev, test)


def _read_pairs(path: Path) -> list[Pair]:
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            lines = file.read().split("\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(
            "sentence pairs cannot be read",
            str(path),
            str(error),
            f"a gzip'd UTF-8 file for each of {', '.join(PARTS)}",
            "add or restore the file",
        ) from error
    cells = [line.split("\t") for line in lines if line]
    wrong = [n for n, row in enumerate(cells, 1) if not 2 <= len(row) <= 3]
    if wrong:
        raise _wrong_rows(path, wrong, cells)
    return [Pair(row[0], row[1], row[2] if len(row) > 2 else "") for row in cells]


def _wrong_rows(path: Path, wrong: list[int], cells: list[list[str]]) -> InputError:
    more = f" and {len(wrong) - 10} more" if len(wrong) > 10 else ""
    return InputError(
        "sentence pairs with a wrong number of cells",
        f"{path}, rows {', '.join(map(str, wrong[:10]))}{more}",
        f"{len(cells[wrong[0] - 1])} cells in row {wrong[0]}",
        "english TAB other, optionally followed by TAB source",
        "correct the rows; a sentence must not contain a tab",
    )
