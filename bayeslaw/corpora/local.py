"""The `local:` corpus: a folder of the user's own texts, one folder per family.

PATH/<family>/<language>.txt          or .jsonl, .parquet; .txt and .jsonl also .gz
PATH/<family>/<language>/<file>.txt   several files of one language
PATH/parallel/en-<language>.<part>.tsv.gz   pairs, if any (`pairs`)
"""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from bayeslaw.corpora.folder import PARALLEL
from bayeslaw.corpora.pairs import read_pair_sets
from bayeslaw.corpora.source import Document, SourceText, interleave
from bayeslaw.corpora.text_files import READERS, read_documents
from bayeslaw.errors import InputError


def read_local(
    folder: Path,
    families: Collection[str] | None = None,
    languages: Collection[str] | None = None,
) -> SourceText:
    """Read the text of a folder.

    Args:
      folder: its subfolders are the families.
      families: the families, in the order to keep; None for all, sorted.
      languages: which languages; None for all.

    Raises:
      InputError: no such folder or family, or a file cannot be read.
    """
    files = language_files(folder, families, languages)
    wanted = {language for members in files.values() for language in members}
    pairs = read_pair_sets(folder / PARALLEL)
    return SourceText(
        documents={family: read_family(members) for family, members in files.items()},
        origin=tuple(
            {"file": path.relative_to(folder).as_posix(), "sha256": _sha256(path)}
            for members in files.values()
            for paths in members.values()
            for path in paths
        ),
        licences="Not known to bayeslaw; those of your files apply.",
        pairs={name: sets for name, sets in pairs.items() if name in wanted},
    )


def read_family(files: Mapping[str, list[Path]]) -> list[Document]:
    """Read the documents of a family, with its languages interleaved."""
    return interleave(
        [
            [
                document
                for path in paths
                for document in read_documents(
                    path, language, prefix=f"{_stem(path)} " if len(paths) > 1 else ""
                )
            ]
            for language, paths in sorted(files.items())
        ]
    )


def language_files(
    folder: Path,
    families: Collection[str] | None = None,
    languages: Collection[str] | None = None,
) -> dict[str, dict[str, list[Path]]]:
    """Find the files by family and language.

    Raises:
      InputError: no such folder, an unknown family or language, or an empty family.
    """
    if not folder.is_dir():
        raise _folder_error(folder, "no such folder", "a folder of families")
    known = sorted(
        path.name for path in folder.iterdir() if path.is_dir() and _is_family(path)
    )
    if unknown := sorted(set(families or ()) - set(known)):
        got = f"no family {', '.join(unknown)}"
        raise _folder_error(folder, got, f"one of: {', '.join(known)}")
    found = {name: _files_of(folder / name) for name in families or known}
    everything = {language for members in found.values() for language in members}
    if unknown := sorted(set(languages or ()) - everything):
        got = f"no language {', '.join(unknown)}"
        raise _folder_error(folder, got, f"one of: {', '.join(sorted(everything))}")
    chosen = {
        family: {
            language: paths
            for language, paths in members.items()
            if languages is None or language in languages
        }
        for family, members in found.items()
    }
    if empty := [family for family, members in chosen.items() if not members]:
        raise _folder_error(
            folder, f"no files for {', '.join(empty)}", "files in every family"
        )
    if not chosen:
        raise _folder_error(folder, "no families", "a folder of families")
    return chosen


def _is_family(path: Path) -> bool:
    return path.name != PARALLEL and not path.name.startswith((".", "_"))


def _files_of(family: Path) -> dict[str, list[Path]]:
    """Files of each language of a family; hidden files are ignored."""
    files: dict[str, list[Path]] = {}
    for entry in sorted(family.iterdir()):
        if entry.name.startswith("."):
            continue
        members = sorted(entry.iterdir()) if entry.is_dir() else [entry]
        visible = [path for path in members if not path.name.startswith(".")]
        files.setdefault(_stem(entry), []).extend(visible)
    return files


def _stem(path: Path) -> str:
    """Name without its extension; a language code contains no dot."""
    name = path.name.removesuffix(".gz")
    stem, _, ending = name.rpartition(".")
    return stem if ending in READERS else path.name


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folder_error(folder: Path, got: str, wanted: str) -> InputError:
    return InputError(
        "texts not found",
        f"source local:{folder}",
        got,
        wanted,
        "arrange the files as <family>/<language>.txt, or correct the name",
    )
