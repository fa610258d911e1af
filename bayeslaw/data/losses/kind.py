"""Whether a header belongs to a table of losses or to one of downstream scores."""

from collections.abc import Iterable
from pathlib import Path

from bayeslaw.data.losses.loss_columns import RUNS
from bayeslaw.data.table import (
    Cells,
    Range,
    Schema,
    number_column,
    quoted,
    read_header,
    text_column,
)
from bayeslaw.errors import InputError

# The columns that a table of losses has not, and by which one of scores is known.
SCORES = Schema.of(
    text_column(
        "task",
        "what the pretrained model was fine-tuned for, e.g. en-de",
        *("language_pair", "lang_pair", "direction", "translation_task"),
        required=True,
    ),
    text_column(
        "pretraining_mix",
        "name of the pretraining mixture; none if the model was not pretrained",
        *("pretrain_mix", "pretraining_mixture", "pretrain_mixture", "mixture_name"),
        *("pretraining_data", "pretrain_data", "pretraining_languages"),
        required=True,
        fix_empty="give the name of the mixture, or none where D_p is 0",
    ),
    number_column(
        "D_p",
        "tokens of pretraining, a count; 0 if the model was not pretrained",
        *("pretraining_tokens", "pretrain_tokens", "d_pretraining", "d_pretrain"),
        *("tokens_pretraining", "tokens_pretrain", "pretraining_size", "pretrain_size"),
        required=True,
        allowed=Range(
            lambda x: x >= 0, "a count, 0 or more", "give the tokens pretrained on"
        ),
        fix_empty="give the tokens of pretraining, or 0 if there was none",
    ),
)


def holds_scores(path: str | Path) -> bool:
    """Return whether a file is a table of downstream scores, by its header.

    Raises:
      InputError: there is no table at `path` at all.
    """
    path = Path(path)
    return not path.is_dir() and is_score_header(read_header(path))


def is_score_header(header: Iterable[str]) -> bool:
    """Return whether columns are those of a table of downstream scores.

    That is so if one is read as `D_p` and none as `D`, or if `task` and
    `pretraining_mix` are there and `family` is not.
    """
    header = list(header)
    of_scores = {SCORES.canonical_name(heading) for heading in header}
    of_losses = {RUNS.canonical_name(heading) for heading in header}
    if "D_p" in of_scores and "D" not in of_losses:
        return True
    return {"task", "pretraining_mix"} <= of_scores and "family" not in of_losses


def refuse_scores(cells: Cells) -> None:
    """Refuse a table of downstream scores where losses are expected."""
    if is_score_header(cells.header):
        raise InputError(
            "a table of downstream scores, not of losses",
            f"{cells.file}, row 1",
            f"columns {quoted(cells.header)}",
            "a table of losses, with the columns `run`, `N`, `D`, `family`, `p`, "
            "`value`, `unit` and `origin`",
            "give the table of losses (observations.csv of the same study); for scores "
            "use `bayeslaw breaks` or `read_curves`",
        )


def refuse_losses(cells: Cells) -> None:
    """Refuse a table of losses where downstream scores are expected."""
    names = {RUNS.canonical_name(heading) for heading in cells.header}
    if "D" in names and not is_score_header(cells.header):
        raise InputError(
            "a table of losses, not of downstream scores",
            f"{cells.file}, row 1",
            f"columns {quoted(cells.header)}",
            "a table of scores, with the columns `task`, `pretraining_mix`, `D_p`, "
            "`metric`, `value`, `unit` and `origin`",
            "for losses use `bayeslaw fit` or `read_runs`; if these are scores, rename "
            "the column of pretraining tokens to `D_p`",
        )
