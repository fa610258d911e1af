"""The columns of the table of downstream scores: names, meanings, units, aliases."""

from dataclasses import replace

from bayeslaw.data.losses import COUNT, EMPTY_IF_UNKNOWN, RUNS, SCORES
from bayeslaw.data.table import Range, Schema, number_column, text_column

_NOT_NEGATIVE = Range(lambda x: x >= 0, "a number, 0 or more", EMPTY_IF_UNKNOWN)

CURVES = Schema.of(
    RUNS["study"],
    replace(
        RUNS["run"],
        meaning="one pretraining with all its checkpoints: one seed, one mixture",
    ),
    replace(RUNS["seed"], meaning="random seed of the pretraining, a whole number"),
    RUNS["origin"],
    RUNS["proxy"],
    replace(RUNS["N"], is_required=False),
    SCORES["task"],
    SCORES["pretraining_mix"],
    SCORES["D_p"],
    number_column(
        "D_f",
        "tokens of the fine-tuning data, a count",
        *("finetuning_tokens", "finetune_tokens", "fine_tuning_tokens"),
        *("d_finetuning", "d_finetune", "tokens_finetuning", "tokens_finetune"),
        allowed=COUNT,
    ),
    number_column(
        "pairs",
        "sentence pairs of the fine-tuning data, a count",
        *("sentence_pairs", "finetuning_pairs", "finetune_pairs", "n_pairs"),
        allowed=COUNT,
    ),
    number_column(
        "alignment",
        "how well the mixture fits the task: P_s P_t + .7 P_s + .8 P_t, with the share "
        "P of source and target language (Isik et al. 2024, 2402.04177)",
        *("alignment_score",),
        allowed=_NOT_NEGATIVE,
    ),
    text_column(
        "metric",
        "what was measured: bleu, chrf, comet, cross_entropy or any other name",
        *("metric_name", "score_name"),
        required=True,
    ),
    text_column(
        "unit",
        "unit of value and se: points (0 to 100), fraction, bits/byte, nats/token, ...",
        "units",
        required=True,
        fix_empty="give the unit (only that of BLEU and chrF is filled in), in a wide "
        "table in a column `<metric>_unit`, or use --unit (argument `unit`)",
    ),
    number_column(
        "value", "the score, in its `unit`", "score", "metric_value", required=True
    ),
    replace(
        RUNS["se"],
        aliases=("stderr", "std_error", "standard_error", "value_se", "score_se"),
    ),
    number_column(
        "beams",
        "hypotheses kept when decoding, a count; 1 is greedy search",
        *("beam", "beam_size", "num_beams", "n_beams"),
        allowed=COUNT,
    ),
    number_column(
        "test_pairs",
        "sentence pairs of the test set, a count",
        *("test_sentences", "n_test", "test_size"),
        allowed=COUNT,
    ),
    number_column(
        "steps",
        "steps of fine-tuning, a count",
        *("finetuning_steps", "finetune_steps", "n_steps"),
        allowed=_NOT_NEGATIVE,
    ),
    text_column(
        "signature",
        "how the score was computed, e.g. by sacrebleu",
        "sacrebleu_signature",
    ),
    RUNS["tokenizer"],
    RUNS["versions"],
    replace(
        RUNS["mixture"],
        meaning="pretraining mixture, a JSON object language or family -> ratio",
    ),
)
