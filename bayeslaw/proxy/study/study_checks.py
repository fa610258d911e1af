"""Checks of a study file whose fields already have the right types."""

from collections.abc import Iterator, Sequence

from bayeslaw.errors import InputError
from bayeslaw.proxy.study.config import (
    CorpusConfig,
    Record,
    RunSpec,
    StudyFile,
    Training,
)
from bayeslaw.proxy.study.schedule import cooldown_start, legs


def content_errors(study: StudyFile) -> list[InputError]:
    """Find undefined names and numbers out of range."""
    checks = (
        _mixture_errors,
        _name_errors,
        _proxy_errors,
        _training_errors,
        _translation_errors,
    )
    return [error for check in checks for error in check(study)]


def step_errors(training: Training, specs: Sequence[RunSpec]) -> Iterator[InputError]:
    """Find values of D whose legs are not whole chunks or end before the warm-up.

    Call it only if `content_errors` found nothing: it divides by the batch size.
    """
    unit = training.tokens_per_step * training.chunk
    for spec in specs:
        if any(
            tokens <= 0 or tokens % training.tokens_per_step for tokens in spec.tokens
        ):
            uneven = True
        else:
            uneven = any((leg.stop - leg.start) % training.chunk for leg in legs(spec))
        if uneven:
            yield InputError(
                "number of tokens does not divide into chunks",
                f"run {spec.run}, tokens",
                ", ".join(map(str, spec.tokens)),
                f"D, and D * (1 - cooldown_fraction), in multiples of {unit} tokens "
                "(batch_size * context * chunk)",
                "change tokens in [[grid]], or chunk or cooldown_fraction in "
                "[training]",
            )
        elif cooldown_start(training, spec.tokens[0]) < training.warmup:
            yield InputError(
                "the shortest run starts to cool down before the warm-up ends",
                f"run {spec.run}, tokens",
                str(spec.tokens[0]),
                f"a cooldown that starts after {training.warmup} steps of warm-up",
                "raise the smallest number of tokens, or lower [training] warmup",
            )


def _mixture_errors(study: StudyFile) -> Iterator[InputError]:
    families = study.corpus.families
    for name, mixture in study.mixtures.items():
        where = f"[mixtures.{name}]"
        if unknown := set(mixture) - set(families):
            yield InputError(
                "the mixture has a family outside the corpus",
                where,
                ", ".join(sorted(unknown)),
                f"families of [corpus]: {', '.join(families)}",
                "correct the name, or add the family to [corpus] families",
            )
        if not all(0 <= ratio <= 1 for ratio in mixture.values()):
            yield InputError(
                "ratio out of range",
                where,
                str(mixture),
                "sampling ratios in [0, 1]",
                "divide percentages by 100",
            )
        elif abs(sum(mixture.values()) - 1) > 1e-6:
            yield InputError(
                "ratios do not sum to 1",
                where,
                f"a sum of {sum(mixture.values()):.8g}",
                "a sum of 1 within 1e-6",
                "correct the ratios; an omitted family has ratio 0",
            )


def _name_errors(study: StudyFile) -> Iterator[InputError]:
    known = {
        "proxies": ("[proxies]", set(study.proxies)),
        "mixtures": ("[mixtures]", set(study.mixtures)),
        "tasks": (
            "[translation] tasks",
            set(study.translation.tasks if study.translation else ()),
        ),
    }
    for number, grid in enumerate(study.grid):
        for kind, (where, names) in known.items():
            for name in getattr(grid, kind) or ():
                if name not in names:
                    yield InputError(
                        f"the grid uses an undefined entry of {where}",
                        f"[[grid]] number {number + 1}, {kind}",
                        name,
                        f"one of: {', '.join(sorted(names)) or '(none)'}",
                        f"correct the name, or define it in {where}",
                    )
    if len(set(study.corpus.families)) != len(study.corpus.families):
        yield InputError(
            "a family is listed twice",
            "[corpus] families",
            ", ".join(study.corpus.families),
            "each family once",
            "remove the repetition",
        )


def _proxy_errors(study: StudyFile) -> Iterator[InputError]:
    for name, proxy in study.proxies.items():
        where = f"[proxies.{name}]"
        yield from _not_positive(proxy, where)
        if proxy.head_width > 0 and (
            proxy.width % proxy.head_width or proxy.head_width % 2
        ):
            yield InputError(
                "head width does not divide the width",
                where,
                f"width {proxy.width}, head_width {proxy.head_width}",
                "an even head_width that divides depth * width_per_depth",
                "change head_width or width_per_depth",
            )


def _training_errors(study: StudyFile) -> Iterator[InputError]:
    training = study.training
    may_be_zero = ("warmup", "weight_decay")
    negative = {name: getattr(training, name) < 0 for name in may_be_zero}
    rest = {name: 1 for name in may_be_zero if not negative[name]}
    yield from _not_positive(training.model_copy(update=rest), "[training]")
    if 0 < training.eval_tokens < training.context:
        yield InputError(
            "too few tokens to evaluate",
            "[training] eval_tokens",
            str(training.eval_tokens),
            f"at least one window, context = {training.context} tokens",
            "raise eval_tokens",
        )
    if training.accumulation > 0 and training.batch_size % training.accumulation:
        yield InputError(
            "the batch does not divide into forward passes",
            "[training] batch_size, accumulation",
            f"{training.batch_size}, {training.accumulation}",
            "a batch_size that is a multiple of accumulation",
            "change batch_size or accumulation",
        )
    shares = {
        "[training] cooldown_fraction": training.cooldown_fraction,
        "[training] beta1": training.beta1,
        "[training] beta2": training.beta2,
    }
    if isinstance(study.corpus, CorpusConfig):
        shares["[corpus] held_out_share"] = study.corpus.held_out_share
    for where, share in shares.items():
        if not 0 < share < 1:
            yield InputError(
                "share out of range",
                where,
                str(share),
                "a number between 0 and 1, both excluded",
                "correct the value",
            )


def _translation_errors(study: StudyFile) -> Iterator[InputError]:
    translation, training = study.translation, study.training
    if translation is None:
        return
    yield from _not_positive(translation, "[translation]")
    for task in translation.tasks:
        source, hyphen, target = task.partition("-")
        if not (source and hyphen and target) or (source == "en") == (target == "en"):
            yield InputError(
                "not a direction of translation",
                "[translation] tasks",
                task,
                "source-target, one of them en, e.g. en-de",
                "correct the name",
            )
    if sizes := [size for size in translation.pairs if size < 1]:
        yield InputError(
            "number out of range",
            "[translation] pairs",
            ", ".join(map(str, sizes)),
            "positive numbers of sentence pairs",
            "correct the values",
        )
    if translation.context is not None and translation.context > training.context:
        yield InputError(
            "context of translation exceeds that of training",
            "[translation] context",
            str(translation.context),
            f"at most [training] context, {training.context} tokens",
            "lower it, or raise [training] context",
        )
    if translation.min_steps > translation.max_steps:
        yield InputError(
            "limits of the fine-tuning exclude each other",
            "[translation] min_steps, max_steps",
            f"{translation.min_steps}, {translation.max_steps}",
            "min_steps at most max_steps",
            "lower min_steps, or raise max_steps",
        )


def _not_positive(record: Record, where: str) -> Iterator[InputError]:
    for name, value in record:
        if isinstance(value, int | float) and not value > 0 and value is not False:
            yield InputError(
                "number out of range",
                f"{where} {name}",
                str(value),
                "a positive number",
                "correct the value",
            )
