"""The folder of a built corpus: every file that building and training share.

  corpus.json      the manifest: source, sizes, digests (`manifest`)
  train.npy        training tokens, uint16, one family after the other
  held_out.npy     held-out tokens, likewise
  documents.npz    positions of documents and families; bytes of each token
  tokenizer.model  the sentencepiece model, unless the tokens are bytes
  parallel/        en-<language>.{train,dev,test}.tsv.gz, if the source has pairs

A folder is written next to its final place and moved there when it is complete.
"""

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bayeslaw.corpora.corpus import Corpus, Tokens
from bayeslaw.corpora.manifest import NAME, Manifest, read_manifest
from bayeslaw.corpora.tokenizer import ByteTokenizer, PieceTokenizer, Tokenizer
from bayeslaw.errors import InputError

SIDES = ("train", "held_out")
DOCUMENTS, MODEL, PARALLEL = "documents.npz", "tokenizer.model", "parallel"
DIGEST_LENGTH = 16  # hexadecimal digits


def read_corpus(
    folder: Path, *, digest: str, families: Sequence[str] | None = None
) -> Corpus:
    """Open a built corpus; its tokens stay on disk until they are used.

    Args:
      folder: the folder of the corpus.
      digest: digest that the corpus must have.
      families: the families, in the order to keep; None for all.

    Raises:
      InputError: the folder has no corpus, another corpus, or lacks a family.
    """
    manifest = read_manifest(folder)
    check_digest(manifest, digest, str(folder))
    chosen = _family_numbers(manifest, families, str(folder))
    arrays = _read_arrays(folder)
    train, held_out = (_read_side(folder, arrays, side) for side in SIDES)
    dropped = manifest.dropped_lines()
    return Corpus(
        families=tuple(manifest.families[number] for number in chosen),
        train=train.of_families(chosen),
        held_out=held_out.of_families(chosen),
        bytes_per_token=arrays["bytes_per_token"],
        dropped_lines={
            manifest.families[n]: dropped[manifest.families[n]] for n in chosen
        },
        eval_set=eval_set_name(manifest.source, manifest.held_out_digest),
        tokenizer=manifest.tokenizer.name,
    )


def read_tokenizer(folder: Path) -> Tokenizer:
    """Load the tokenizer of a built corpus."""
    path = folder / MODEL
    return PieceTokenizer(path.read_bytes()) if path.exists() else ByteTokenizer()


def eval_set_name(source: str, digest: str) -> str:
    """Name of the held-out text of a source, e.g. sample:held-out-901677c7."""
    return f"{source.rstrip(':')}:held-out-{digest}"


def check_digest(manifest: Manifest, digest: str, where: str) -> None:
    """Refuse a corpus whose digest differs from the expected one."""
    if manifest.digest != digest:
        raise InputError(
            "the corpus is not the expected one",
            where,
            f"digest {manifest.digest}",
            f"digest {digest}",
            "give the folder of that corpus, or omit `digest` in a new study",
        )


def _family_numbers(
    manifest: Manifest, families: Sequence[str] | None, where: str
) -> list[int]:
    wanted = manifest.families if families is None else families
    if missing := [name for name in wanted if name not in manifest.families]:
        raise InputError(
            "the corpus lacks a family",
            where,
            ", ".join(missing),
            f"families of this corpus: {', '.join(manifest.families)}",
            "correct the name, or build the corpus with this family",
        )
    return [manifest.families.index(name) for name in wanted]


def _read_arrays(folder: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(folder / DOCUMENTS) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(folder / DOCUMENTS, str(error)) from error


def _read_side(folder: Path, arrays: Mapping[str, np.ndarray], side: str) -> Tokens:
    path = folder / f"{side}.npy"
    try:
        stream = np.load(path, mmap_mode="r")
        documents = arrays[f"{side}_document_length"]
        tokens = Tokens(
            stream, documents, arrays[f"{side}_start"], arrays[f"{side}_length"]
        )
    except (OSError, ValueError, KeyError) as error:
        raise _damaged(path, str(error)) from error
    if stream.shape != (documents.sum(),) or stream.dtype != np.uint16:
        got = f"{stream.dtype} of shape {stream.shape}"
        raise _damaged(path, f"{got}; documents of {documents.sum()} tokens")
    return tokens


def _damaged(path: Path, got: str) -> InputError:
    return InputError(
        "the built corpus is damaged",
        str(path),
        got,
        "the file as `bayeslaw corpora build` wrote it",
        "restore the file, or build the corpus again",
    )


def write_arrays(
    folder: Path,
    corpus: Mapping[str, Tokens],
    languages: Mapping[str, np.ndarray],
    bytes_per_token: np.ndarray,
    model: bytes,
) -> None:
    """Write tokens, documents and vocabulary; equal input gives equal bytes.

    Args:
      folder: the existing folder to write to.
      corpus: side (train, held_out) -> tokens.
      languages: side -> number of each document's language. Shape (document,).
      bytes_per_token: bytes of text of each token. Shape (vocabulary,).
      model: sentencepiece model; empty for bytes.
    """
    arrays = {"bytes_per_token": bytes_per_token}
    for side in SIDES:
        tokens = corpus[side]
        np.save(folder / f"{side}.npy", tokens.stream)
        arrays[f"{side}_document_length"] = tokens.document_length
        arrays[f"{side}_language"] = languages[side]
        arrays[f"{side}_start"] = tokens.start
        arrays[f"{side}_length"] = tokens.length
    np.savez(folder / DOCUMENTS, allow_pickle=False, **arrays)
    if model:
        (folder / MODEL).write_bytes(model)


def content_digest(folder: Path, families: Sequence[str]) -> str:
    """Digest of tokens, documents, vocabulary and order of the families."""
    digest = hashlib.sha256("\n".join(families).encode())
    for name in ("train.npy", "held_out.npy", DOCUMENTS, MODEL):
        if (folder / name).exists():
            with open(folder / name, "rb") as file:
                part = hashlib.file_digest(file, "sha256")
            digest.update(f"\n{name} {part.hexdigest()}".encode())
    return digest.hexdigest()[:DIGEST_LENGTH]


def stream_digest(stream: np.ndarray) -> str:
    """Short digest of tokens, for names of held-out sets."""
    return hashlib.sha256(stream.tobytes()).hexdigest()[:8]


def verify(folder: Path) -> Manifest:
    """Verify that a built corpus is unchanged, and return its manifest.

    Raises:
      InputError: a file has changed, or there is no corpus.
    """
    manifest = read_manifest(folder)
    found = content_digest(folder, manifest.families)
    if found != manifest.digest:
        raise _damaged(folder, f"files of digest {found}, not {manifest.digest}")
    return manifest


def check_place(folder: Path) -> None:
    """Refuse to build in a place that is occupied by something other than a corpus."""
    is_other = folder.exists() and not (
        folder.is_dir() and ((folder / NAME).exists() or not any(folder.iterdir()))
    )
    if is_other:
        raise InputError(
            "the output exists and is not a corpus",
            f"option --output, {folder}",
            "a folder without corpus.json" if folder.is_dir() else "a file",
            "a new or empty folder, or a built corpus to replace",
            "choose another folder",
        )


def move_into_place(made: Path, folder: Path) -> None:
    """Move a complete folder into its place; a corpus that is there is replaced."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(made, folder)
    shutil.rmtree(old, ignore_errors=True)
