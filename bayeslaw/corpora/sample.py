"""The `sample:` corpus: 19 languages in five families, shipped with the package."""

from collections.abc import Collection, Sequence
from importlib.metadata import version
from pathlib import Path

from bayeslaw.corpora.leakage import exact_line
from bayeslaw.corpora.local import language_files, read_family
from bayeslaw.corpora.pairs import PairSets, read_pair_sets
from bayeslaw.corpora.source import Document, SourceText
from bayeslaw.errors import InputError

FOLDER = Path(__file__).parent / "sample"
PAIRS = Path(__file__).parent / "sample_parallel"
LICENCES = (
    "LibreOffice help and interface (MPL-2.0), GNOME documentation (CC-BY-SA-3.0), "
    "Debian Administrator's Handbook (GPL-2.0+ or CC-BY-SA-3.0), Universal Declaration "
    "of Human Rights; see bayeslaw/corpora/sample/README.md"
)


def sample_families() -> tuple[str, ...]:
    """Names of the families in the shipped sample, sorted."""
    return tuple(sorted(path.name for path in FOLDER.iterdir() if path.is_dir()))


def read_sample(
    families: Sequence[str], languages: Collection[str] | None = None
) -> dict[str, list[Document]]:
    """Read the documents of the shipped sample, by family.

    The documents of a family's languages are interleaved by the share of the language
    already read, so that any stretch of the family has all its languages.

    Args:
      families: the families, in the order to keep.
      languages: which of their languages; None for all.

    Returns:
      family -> documents in stream order.

    Raises:
      InputError: the sample lacks a family.
    """
    known = sample_families()
    if unknown := [family for family in families if family not in known]:
        raise InputError(
            "unknown language family",
            "families of sample:",
            ", ".join(unknown),
            f"families of sample: {', '.join(known)}",
            "correct the name, or choose another source",
        )
    files = language_files(FOLDER, families, languages)
    return {family: read_family(members) for family, members in files.items()}


def read_sample_pairs() -> dict[str, PairSets]:
    """Read sentence pairs of English with German, French and Romanian, by language."""
    return read_pair_sets(PAIRS)


def read_sample_text(
    families: Sequence[str] | None = None, languages: Collection[str] | None = None
) -> SourceText:
    """Read the sample as a source of `bayeslaw corpora build`."""
    documents = read_sample(families or sample_families(), languages)
    read = {document.language for members in documents.values() for document in members}
    return SourceText(
        documents=documents,
        origin=({"package": "bayeslaw", "version": version("bayeslaw")},),
        licences=LICENCES,
        pairs={name: p for name, p in read_sample_pairs().items() if name in read},
        line_key=exact_line,
    )
