"""The folder of a built corpus: every file that building and training share.

  corpus.json      the manifest: source, sizes, digests (`manifest`)
  train.npy        training tokens, uint16, one family after the other
  held_out.npy     held-out tokens, likewise
  documents.npz    where documents and families lie in them; bytes of each token
  tokenizer.model  the sentencepiece model, unless the tokens are bytes
  parallel/        en-<language>.{train,dev,test}.tsv.gz, where the source has pairs

A folder is made beside its place and moved there when it is whole.
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
    """A built corpus; its tokens stay on disk and are read where they are used.

    Args:
      folder: the folder of the corpus.
      digest: digest that the corpus must have.
      families: which families, in the order wanted; None for all.

    Raises:
      InputError: the folder holds no corpus or another one, or lacks a family.
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
    """The tokenizer that a built corpus was made with."""
    path = folder / MODEL
    return PieceTokenizer(path.read_bytes()) if path.exists() else ByteTokenizer()


def eval_set_name(source: str, digest: str) -> str:
    """Name of the held-out text of a source, e.g. sample:held-out-901677c7."""
    return f"{source.rstrip(':')}:held-out-{digest}"


def check_digest(manifest: Manifest, digest: str, where: str) -> None:
    """Refuse a corpus other than the one asked for."""
    if manifest.digest != digest:
        raise InputError(
            "another corpus than the one asked for",
            where,
            f"digest {manifest.digest}",
            f"digest {digest}",
            "name the folder of that corpus, or leave the digest out of a new study",
        )


def _family_numbers(
    manifest: Manifest, families: Sequence[str] | None, where: str
) -> list[int]:
    wanted = manifest.families if families is None else families
    if missing := [name for name in wanted if name not in manifest.families]:
        raise InputError(
            "family that the corpus lacks",
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
        "built corpus is damaged",
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
      folder: where to; it exists.
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
    """Short digest of some tokens, for names of held-out sets."""
    return hashlib.sha256(stream.tobytes()).hexdigest()[:8]


def verify(folder: Path) -> Manifest:
    """The manifest of a built corpus whose files are as they were built.

    Raises:
      InputError: a file has changed, or there is no corpus.
    """
    manifest = read_manifest(folder)
    found = content_digest(folder, manifest.families)
    if found != manifest.digest:
        raise _damaged(folder, f"files of digest {found}, not {manifest.digest}")
    return manifest


def check_place(folder: Path) -> None:
    """Refuse to build where something other than a corpus lies."""
    is_other = folder.exists() and not (
        folder.is_dir() and ((folder / NAME).exists() or not any(folder.iterdir()))
    )
    if is_other:
        raise InputError(
            "something else lies where the corpus should go",
            f"option --output, {folder}",
            "a folder without corpus.json" if folder.is_dir() else "a file",
            "a new or empty folder, or a built corpus to replace",
            "name another folder",
        )


def move_into_place(made: Path, folder: Path) -> None:
    """Put a whole folder where it belongs; a corpus that lies there is replaced."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(made, folder)
    shutil.rmtree(old, ignore_errors=True)
