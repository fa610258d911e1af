"""The sources of text by name: the values of SOURCE in `bayeslaw corpora build`."""

from collections.abc import Callable
from pathlib import Path

from bayeslaw.corpora.progress import Report
from bayeslaw.corpora.source import SourceOptions, SourceText
from bayeslaw.errors import InputError

Reader = Callable[[str, SourceOptions, Report], SourceText]

KNOWN = "sample:, local:PATH, debian: or hf:DATASET[@REVISION][:SPLIT]"


def read_source(source: str, options: SourceOptions, report: Report) -> SourceText:
    """Read the text of a source.

    Args:
      source: `sample:`, `local:PATH`, `debian:` or `hf:DATASET[@REVISION][:SPLIT]`.
      options: options of the source.
      report: called with the progress.

    Raises:
      InputError: no such source, an option that it does not accept, or the source
        cannot be read.
    """
    kind, rest = split_source(source)
    if options.genre != "all" and kind != "debian":
        raise _option_error("--genre", options.genre, "debian:", source)
    for name, value in (
        ("--mapping", options.mapping),
        ("--max-bytes", options.max_bytes),
    ):
        if value is not None and kind != "hf":
            raise _option_error(name, str(value), "hf:", source)
    return READERS[kind](rest, options, report)


def split_source(source: str) -> tuple[str, str]:
    """Split a source into its kind and the text after the colon.

    Raises:
      InputError: no such kind, or nothing or too much after the colon.
    """
    kind, colon, rest = source.partition(":")
    takes_more = kind in ("local", "hf")
    if kind not in READERS or not colon or bool(rest) != takes_more:
        raise InputError(
            "unknown source of text",
            "argument SOURCE",
            source,
            KNOWN,
            "write the source as in: bayeslaw corpora build debian: -o corpora/mine",
        )
    return kind, rest


def source_name(source: str) -> str:
    """The source without a local path."""
    kind, rest = split_source(source)
    if kind == "local" or (kind == "hf" and Path(rest).exists()):
        return f"{kind}:"
    return source


def _read_sample(rest: str, options: SourceOptions, report: Report) -> SourceText:
    from bayeslaw.corpora.sample import read_sample_text

    return read_sample_text(options.families, options.languages)


def _read_local(rest: str, options: SourceOptions, report: Report) -> SourceText:
    from bayeslaw.corpora.local import read_local

    return read_local(Path(rest), options.families, options.languages)


def _read_debian(rest: str, options: SourceOptions, report: Report) -> SourceText:
    from bayeslaw.corpora.debian import read_debian

    return read_debian(options, report)


def _read_hub(rest: str, options: SourceOptions, report: Report) -> SourceText:
    from bayeslaw.corpora.hub import read_hub

    return read_hub(rest, options, report)


READERS: dict[str, Reader] = {
    "sample": _read_sample,
    "local": _read_local,
    "debian": _read_debian,
    "hf": _read_hub,
}


def _option_error(option: str, got: str, taken_by: str, source: str) -> InputError:
    return InputError(
        "this source does not accept the option",
        f"option {option}",
        f"{got}, with {source}",
        f"the option only with {taken_by}",
        f"remove {option}",
    )
