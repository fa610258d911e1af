"""The built corpus of a study: its location and its identity."""

from pathlib import Path

from bayeslaw.corpora import NAME, Manifest, check_digest, read_manifest
from bayeslaw.errors import InputError, require_extra
from bayeslaw.proxy.study.config import BuiltCorpusConfig, StudyFile, TokenizerConfig


def built_corpus_folder(study: StudyFile, study_folder: Path) -> Path | None:
    """Folder of the study's built corpus; None if it uses the shipped sample."""
    if not isinstance(study.corpus, BuiltCorpusConfig):
        return None
    return study_folder / study.corpus.path


def pin_corpus(study: StudyFile, path: Path) -> StudyFile:
    """Fill in digest and tokenizer of the study's built corpus.

    A study that states both can be read without the corpus, for example if its table
    was shared without the text.

    Args:
      study: the study, checked except for its corpus.
      path: the study file.

    Raises:
      InputError: the corpus is missing, is another one, or lacks a family of the study.
    """
    corpus, folder = study.corpus, built_corpus_folder(study, path.parent)
    if folder is None or not isinstance(corpus, BuiltCorpusConfig):
        return _with_bytes(study, path)
    if corpus.digest and study.tokenizer and not (folder / NAME).exists():
        return study
    manifest = read_manifest(folder)
    _check(study, corpus, manifest, path)
    return study.model_copy(
        update={
            "corpus": corpus.model_copy(update={"digest": manifest.digest}),
            "tokenizer": TokenizerConfig(kind=manifest.tokenizer.kind),
        }
    )


def training_corpus(study: StudyFile, study_folder: Path) -> Path | None:
    """Folder of the corpus to train on; None for the shipped sample.

    Raises:
      InputError: the corpus is missing or is another one, or the study scores
        translations and sacrebleu is not installed.
    """
    if study.translation is not None:
        require_extra("sacrebleu", "scores", "section [translation] of the study")
    folder = built_corpus_folder(study, study_folder)
    if folder is not None:
        assert isinstance(study.corpus, BuiltCorpusConfig)
        check_digest(read_manifest(folder), study.corpus.digest, str(folder))
    return folder


def _with_bytes(study: StudyFile, path: Path) -> StudyFile:
    """Refuse a tokenizer other than bytes, the only one of the shipped sample."""
    if study.tokenizer and study.tokenizer.kind != "bytes":
        raise _tokenizer_error(path, study.tokenizer.kind, "bytes")
    return study


def _check(
    study: StudyFile, corpus: BuiltCorpusConfig, manifest: Manifest, path: Path
) -> None:
    where = f"{path}, [corpus]"
    if corpus.digest:
        check_digest(manifest, corpus.digest, where)
    if study.tokenizer and study.tokenizer.kind != manifest.tokenizer.kind:
        raise _tokenizer_error(path, study.tokenizer.kind, manifest.tokenizer.kind)
    if missing := [name for name in corpus.families if name not in manifest.families]:
        raise InputError(
            "the corpus lacks a family",
            f"{where} families",
            ", ".join(missing),
            f"families of this corpus: {', '.join(manifest.families)}",
            "correct the name, or build the corpus with this family",
        )


def _tokenizer_error(path: Path, got: str, wanted: str) -> InputError:
    return InputError(
        "the corpus has another tokenizer",
        f"{path}, [tokenizer] kind",
        got,
        wanted,
        "remove [tokenizer], or build the corpus with this tokenizer",
    )
