"""The `debian:` corpus: download, read, gather, and divide the sentence pairs.

Everything downloaded and read is cached, so an interrupted build resumes.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from bayeslaw.corpora.debian.archive import Archive, Package
from bayeslaw.corpora.debian.extraction import Extraction, extract
from bayeslaw.corpora.debian.gathering import FoundPair, Gathered, Gathering, gather
from bayeslaw.corpora.debian.languages import family_languages
from bayeslaw.corpora.debian.packages import (
    Text,
    chosen_texts,
    texts,
    wanted_packages,
)
from bayeslaw.corpora.jobs import run_jobs
from bayeslaw.corpora.pairs import Pair, PairSets
from bayeslaw.corpora.progress import Report
from bayeslaw.corpora.source import Document, SourceOptions, SourceText, interleave
from bayeslaw.corpora.split import is_held_out
from bayeslaw.errors import InputError

# Languages with fewer training pairs are left without pairs.
LEAST_PAIRS = 2000
# Pairs in dev and in test, and what may be dropped of them for each that stays.
TESTED, SPARE = 1000, 3
TESTED_WORDS = range(4, 61)  # of the English sentence


def read_debian(options: SourceOptions, report: Report) -> SourceText:
    """Read documents and sentence pairs of some families from Debian's packages.

    Raises:
      InputError: no apt, no network, an unknown family, or a language without text.
    """
    families = family_languages(options.families, options.languages)
    languages = [code for codes in families.values() for code in codes]
    chosen = chosen_texts(options.genre)
    archive, packages = _fetch(chosen, languages, options.cache, report)
    extractions = _extractions(chosen, languages, archive, packages, options.cache)
    run_jobs(
        extract, extractions, stage="texts", report=report, workers=options.workers
    )
    gatherings = [Gathering.of(code, extractions, options.cache) for code in languages]
    run_jobs(
        gather, gatherings, stage="languages", report=report, workers=options.workers
    )
    found = {job.language: job.result() for job in gatherings}
    _check_languages(found, families, options)
    return SourceText(
        documents={
            family: interleave(
                [
                    _documents(code, found[code])
                    for code in codes
                    if found[code].documents
                ]
            )
            for family, codes in families.items()
        },
        origin=_origin(packages, extractions),
        licences="; ".join(text.licence for text in chosen)
        + ". For training and measuring; check the licences before you redistribute "
        "text.",
        pairs=_pairs(found, options.held_out_share),
        tested_pairs=TESTED,
    )


def _fetch(
    chosen: Sequence[Text], languages: Sequence[str], cache: Path, report: Report
) -> tuple[Archive, list[Package]]:
    """Download the packages of some texts and languages that are not cached."""
    archive = Archive(cache)
    report("package lists", 0, 1)
    codes = [code for text in texts() for code in text.list_languages]
    archive.fetch_lists(codes)
    report("package lists", 1, 1)
    packages = archive.find(wanted_packages(chosen, languages))
    archive.fetch(packages, lambda done: report("packages", done, len(packages)))
    return archive, packages


def _extractions(
    chosen: Sequence[Text],
    languages: Sequence[str],
    archive: Archive,
    packages: Sequence[Package],
    cache: Path,
) -> list[Extraction]:
    """The files to read, running text first."""
    here = {package.name: package for package in packages}
    wanted = tuple(sorted({*languages, "en"}))
    jobs = []
    for text in chosen:
        for name, language in text.packages.items():
            if package := here.get(name):
                own = wanted if language is None else (language,)
                # Keys of one of the packages tell the English of all.
                own = tuple(sorted({*own, "en"})) if name == text.reference else own
                file = (package.path, package.digest)
                jobs.append(Extraction(text.name, text.reader, *file, own, cache))
        for code in text.list_languages:
            path = archive.translations(code)
            if path and code in wanted:
                file = (path, file_digest(path))
                jobs.append(Extraction(text.name, text.reader, *file, (code,), cache))
    return jobs


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _documents(language: str, found: Gathered) -> list[Document]:
    return [Document(language, name, text) for name, text in found.documents]


def _origin(
    packages: Sequence[Package], extractions: Sequence[Extraction]
) -> tuple[dict[str, str], ...]:
    """The packages and lists that were read."""
    files = {package.path for package in packages}
    lists = [job for job in extractions if job.path not in files]
    return (
        *(package.origin() for package in packages),
        *({"list": job.path.name, "sha256": job.digest} for job in lists),
    )


def _check_languages(
    found: dict[str, Gathered], families: dict[str, list[str]], options: SourceOptions
) -> None:
    """Refuse requested languages without text, and families without any.

    Languages that were not requested by name may lack a genre; the sizes show which.
    """
    empty = {code for code, gathered in found.items() if not gathered.documents}
    missing = sorted(empty) if options.languages else []
    missing += [family for family, codes in families.items() if empty.issuperset(codes)]
    if missing:
        raise InputError(
            "no text for these languages or families",
            f"source debian:, genre {options.genre}",
            ", ".join(missing),
            "languages that the packages have in this genre",
            "exclude them with --families or --languages, or use --genre all",
        )


def _pairs(found: dict[str, Gathered], held_out_share: float) -> dict[str, PairSets]:
    """Sentence pairs of the languages that have enough of them."""
    divided = {
        code: divide_pairs(gathered.pairs, held_out_share)
        for code, gathered in found.items()
    }
    return {
        code: sets for code, sets in divided.items() if len(sets.train) >= LEAST_PAIRS
    }


def divide_pairs(found: Sequence[FoundPair], held_out_share: float) -> PairSets:
    """Divide pairs into training pairs and candidates for dev and test.

    Candidates are whole segments of held-out documents, running text before interface
    strings; single sentences of held-out segments are not used. They are ordered by a
    hash of the English sentence, so that any number of them is a fair sample.
    """
    sides: dict[bool, list[FoundPair]] = {True: [], False: []}
    for pair in sorted(found, key=_hash):
        sides[is_held_out(pair.document, held_out_share)].append(pair)
    tested = [
        pair
        for pair in sorted(sides[True], key=_is_message)
        if pair.is_whole and len(pair.english.split()) in TESTED_WORDS
    ][: 2 * SPARE * TESTED]
    train, dev, test = (
        [Pair(pair.english, pair.other, pair.source) for pair in pairs]
        for pairs in (sides[False], tested[::2], tested[1::2])
    )
    return PairSets(train, dev, test)


def _hash(pair: FoundPair) -> bytes:
    return hashlib.sha256(pair.english.encode()).digest()


def _is_message(pair: FoundPair) -> bool:
    return pair.document.startswith("messages ")
