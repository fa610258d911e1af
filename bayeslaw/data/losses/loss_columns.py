"""The columns of the observation table: names, meanings, units, aliases."""

from bayeslaw.data.table import Range, Schema, number_column, text_column

EMPTY_IF_UNKNOWN = "leave the cell empty if unknown"
COUNT = Range(lambda x: x > 0, "a count above 0", EMPTY_IF_UNKNOWN)

RUNS = Schema.of(
    text_column("study", "name of the study the run belongs to"),
    text_column(
        "run",
        "one training, with all its checkpoints and families: one seed, one mixture",
        *("run_id", "run_name", "name"),
        required=True,
    ),
    number_column(
        "seed",
        "random seed of the training, a whole number",
        "random_seed",
        allowed=Range(
            lambda x: x == int(x), "a whole number", "number the seeds 0, 1, 2, ..."
        ),
    ),
    text_column("origin", "measured, published or simulated", required=True),
    text_column("proxy", "name of the shape (size) of the trained language model"),
    number_column(
        "N",
        "non-embedding parameters, a count",
        *("params", "n_params", "parameters", "num_params", "non_embedding_params"),
        required=True,
        allowed=Range(COUNT.is_allowed, COUNT.wanted, "give non-embedding parameters"),
    ),
    number_column(
        "D",
        "training tokens, a count (bytes where the tokenizer is bytes)",
        *("tokens", "n_tokens", "training_tokens", "num_tokens", "train_tokens"),
        required=True,
        allowed=Range(
            COUNT.is_allowed, COUNT.wanted, "give the tokens trained on so far"
        ),
    ),
    text_column(
        "schedule", "trunk (constant learning rate) or cooled; empty means cooled"
    ),
    text_column(
        "family",
        "language family (or other domain) whose loss this row holds",
        *("language", "domain", "lang_family", "language_family", "lang"),
        required=True,
    ),
    number_column(
        "p",
        "sampling ratio of this family in the run's mixture, in [0, 1]",
        *("ratio", "weight", "sampling_ratio", "proportion", "mixture_weight"),
        required=True,
        allowed=Range(
            lambda x: 0 <= x <= 1,
            "a sampling ratio in [0, 1]",
            "if these are percentages, divide by 100",
        ),
        fix_empty="give the ratio, 0 where the run was not trained on the family",
    ),
    text_column("metric", "what was measured; empty means loss"),
    text_column("unit", "unit of value, e.g. bits/byte", "units", required=True),
    number_column(
        "value",
        "the measured value, in its `unit`",
        *("loss", "l", "test_loss", "val_loss", "validation_loss", "eval_loss"),
        required=True,
    ),
    number_column(
        "se",
        "standard error of the value, in its `unit`",
        *("stderr", "std_error", "standard_error", "loss_se", "value_se"),
        allowed=Range(
            lambda x: x >= 0,
            "a standard error, 0 or more",
            "leave the cell empty where it is unknown",
        ),
    ),
    number_column(
        "flops",
        "training compute, FLOP",
        *("c", "flop", "compute"),
        allowed=Range(COUNT.is_allowed, "FLOP above 0", EMPTY_IF_UNKNOWN),
    ),
    number_column(
        "unique_tokens",
        "distinct training tokens of this family, a count",
        allowed=COUNT,
    ),
    text_column("tokenizer", "name of the tokenizer"),
    text_column("eval_set", "name of the held-out set"),
    text_column("versions", "software versions of the run"),
    text_column("mixture", "whole mixture of the run, a JSON object family -> ratio"),
    text_column(
        "mixture_id",
        "name of the run's mixture in a file of mixtures that several runs share",
        *("mixture_name", "mix_id", "mix_name"),
    ),
)
