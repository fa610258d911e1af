"""The columns of the observation table: names, meanings, units, aliases."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column of the observation table."""

    name: str
    meaning: str
    is_number: bool = False
    is_required: bool = False
    # Other names under which the column is read, in lower case.
    aliases: tuple[str, ...] = ()


def _text(name: str, meaning: str, *aliases: str, required: bool = False) -> Column:
    return Column(name, meaning, False, required, aliases)


def _number(name: str, meaning: str, *aliases: str, required: bool = False) -> Column:
    return Column(name, meaning, True, required, aliases)


_ALL = (
    _text("study", "name of the study the run belongs to"),
    _text(
        "run",
        "one training, with all its checkpoints and families: one seed, one mixture",
        *("run_id", "run_name", "name"),
        required=True,
    ),
    _number("seed", "random seed of the training, a whole number", "random_seed"),
    _text("origin", "measured, published or simulated", required=True),
    _text("proxy", "name of the trained language model's shape"),
    _number(
        "N",
        "non-embedding parameters, a count",
        *("params", "n_params", "parameters", "num_params", "non_embedding_params"),
        required=True,
    ),
    _number(
        "D",
        "training tokens, a count (bytes where the tokenizer is bytes)",
        *("tokens", "n_tokens", "training_tokens", "num_tokens", "train_tokens"),
        required=True,
    ),
    _text("schedule", "trunk (constant learning rate) or cooled; empty means cooled"),
    _text(
        "family",
        "language family (or other domain) whose loss this row holds",
        *("language", "domain", "lang_family", "language_family", "lang"),
        required=True,
    ),
    _number(
        "p",
        "sampling ratio of this family in the run's mixture, in [0, 1]",
        *("ratio", "weight", "sampling_ratio", "proportion", "mixture_weight"),
        required=True,
    ),
    _text("metric", "what was measured; empty means loss"),
    _text("unit", "unit of value, e.g. bits/byte", "units", required=True),
    _number(
        "value",
        "the measured number, in unit",
        *("loss", "l", "test_loss", "val_loss", "validation_loss", "eval_loss"),
        required=True,
    ),
    _number(
        "se",
        "standard error of value, in unit",
        *("stderr", "std_error", "standard_error", "loss_se", "value_se"),
    ),
    _number("flops", "training compute, FLOP", "c", "flop", "compute"),
    _number("unique_tokens", "distinct training tokens of this family, a count"),
    _text("tokenizer", "name of the tokenizer"),
    _text("eval_set", "name of the held-out set"),
    _text("versions", "software versions of the run"),
    _text("mixture", "whole mixture of the run, a JSON object family -> ratio"),
    _text(
        "mixture_id",
        "name of the run's mixture in a file of mixtures that several runs share",
        *("mixture_name", "mix_id", "mix_name"),
    ),
)

COLUMNS = {column.name: column for column in _ALL}

# Every spelling of a column's name, in lower case -> its canonical name.
SPELLINGS = {
    spelling: column.name
    for column in _ALL
    for spelling in (column.name.lower(), *column.aliases)
}


def is_number(name: str) -> bool:
    """Returns whether a column holds numbers; the user's own columns hold words."""
    return name in COLUMNS and COLUMNS[name].is_number


def canonical_name(header: str) -> str | None:
    """Returns the canonical name of a column as headed in a file, None if unknown."""
    plain = header.strip().lower().replace(" ", "_").replace("-", "_")
    return SPELLINGS.get(plain)


def quoted(names: Iterable[str]) -> str:
    """Returns names in backquotes, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)
