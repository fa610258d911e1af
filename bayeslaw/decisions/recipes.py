"""The recommended mixture in the formats of trainers: levanter, MaxText, Olmix."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import version

from bayeslaw.decisions.decision import Decision
from bayeslaw.errors import InputError

LEAST_DECIMALS = 6
# The smallest share keeps this many digits that count.
LEAST_DIGITS = 3


@dataclass(frozen=True)
class Source:
    """Where a trainer finds the text of a family.

    Attributes:
      path: file, pattern or address, as the trainer takes it.
      tokens_per_example: mean tokens of one record, where a trainer draws records and
        not tokens; None if not given.
    """

    path: str
    tokens_per_example: float | None = None


def recipe(
    decision: Decision, trainer: str, sources: Mapping[str, Source] | None = None
) -> str:
    """The recommended mixture as a file of a trainer.

    Args:
      decision: result of `optimal_ratios`.
      trainer: `levanter` (YAML), `maxtext` (JSON) or `olmix` (YAML).
      sources: where the text of each family lies; MaxText needs it, the others take it.

    Returns:
      the content of the file. Its weights are decimals that sum to 1 exactly.

    Raises:
      InputError: the trainer is not known, or sources are missing or do not fit.

    Source: `LmDataConfig` in marin-community/marin,
      lib/levanter/src/levanter/data/text/datasets.py; AI-Hypercomputer/maxtext,
      docs/guides/data_input_pipeline/data_input_grain.md; `LaunchConfig` in
      allenai/olmix, olmix/aliases.py.

    Example:
      >>> Path("mix.yaml").write_text(recipe(decision, "levanter"))
    """
    if trainer not in TRAINERS:
        raise InputError(
            "trainer is not known",
            "argument trainer",
            repr(trainer),
            ", ".join(TRAINERS),
            "name one of these, or copy the ratios by hand",
        )
    _check_sources(decision, trainer, sources)
    return TRAINERS[trainer](decision, sources or {})


def exact_shares(shares: Mapping[str, float]) -> dict[str, Decimal]:
    """Shares rounded to decimals that sum to 1 exactly, by the largest remainders.

    Six decimals, more where the smallest share would keep fewer than three digits; only
    a share of 0 becomes 0, which trainers take for "leave it out".
    """
    # Fractions: at twenty decimals the rounding of floats would spoil the sum.
    whole = sum(Fraction(share) for share in shares.values())
    parts = {name: Fraction(share) / whole for name, share in shares.items()}
    smallest = float(min(part for part in parts.values() if part > 0))
    n_decimals = max(
        LEAST_DECIMALS, LEAST_DIGITS - 1 - math.floor(math.log10(smallest))
    )
    unit = 10**n_decimals
    exact = {name: part * unit for name, part in parts.items()}
    counts = {name: math.floor(value) for name, value in exact.items()}
    # Largest remainder first; so many lack one unit. Names decide between equals. At
    # least as many shares have a remainder, so that a 0 stays one.
    order = sorted(exact, key=lambda name: (counts[name] - exact[name], name))
    for name in order[: unit - sum(counts.values())]:
        counts[name] += 1
    return {name: Decimal(n).scaleb(-n_decimals) for name, n in counts.items()}


def _levanter(decision: Decision, sources: Mapping[str, Source]) -> str:
    shares = exact_shares(decision.ratios)
    lines = [
        *_provenance(decision),
        "# For the section `data` of a levanter training config, or a file that it",
        "# includes. Every name must be one of `components`.",
        "train_weights:",
        *(f"  {_text(name)}: {share:f}" for name, share in shares.items()),
    ]
    if sources:
        lines.append("components:")
        for name in shares:
            lines += [
                f"  {_text(name)}:",
                "    source:",
                "      type: url",
                "      train_urls:",
                f"      - {_text(sources[name].path)}",
            ]
    return "\n".join(lines) + "\n"


def _maxtext(decision: Decision, sources: Mapping[str, Source]) -> str:
    # MaxText draws records; a family with long records needs fewer of them.
    per_record = {
        name: ratio / (sources[name].tokens_per_example or 1.0)
        for name, ratio in decision.ratios.items()
    }
    entries = [
        f'  {_text(name)}: {{"path": {_text(sources[name].path)}, "weight": {share:f}}}'
        for name, share in exact_shares(per_record).items()
    ]
    return "{\n" + ",\n".join(entries) + "\n}\n"


def _olmix(decision: Decision, sources: Mapping[str, Source]) -> str:
    lines = [
        *_provenance(decision),
        "# For an `olmix launch` config. repetition_factor is how often at most a",
        "# source may be seen: the epochs this mixture needs, rounded up, where the",
        "# unique tokens are known; else 1, to be raised by hand.",
    ]
    if sources:
        lines += ["data:", "  sources:"]
        for name, source in sources.items():
            lines += [
                f"  - name: {_text(name)}",
                "    paths:",
                f"    - {_text(source.path)}",
            ]
    lines.append("mix:")
    for name, share in exact_shares(decision.ratios).items():
        epochs = decision.family(name).epochs or 1.0
        lines += [
            f"  {_text(name)}:",
            f"    weight: {share:f}",
            f"    repetition_factor: {max(1.0, math.ceil(10 * epochs) / 10):.1f}",
        ]
    return "\n".join(lines) + "\n"


TRAINERS: dict[str, Callable[[Decision, Mapping[str, Source]], str]] = {
    "levanter": _levanter,
    "maxtext": _maxtext,
    "olmix": _olmix,
}


def _text(value: str) -> str:
    # A string of JSON is one of YAML too, whatever the name holds.
    return json.dumps(value, ensure_ascii=False)


def _provenance(decision: Decision) -> list[str]:
    """Comments that say what the mixture came from, failed checks first."""
    target, made_from = decision.target, decision.made_from
    names = ", ".join(decision.doubts.failed_checks)
    kind = "loss relative to p = 1" if target.normalised else "raw loss"
    weights = ", ".join(f"{one.name} {one.weight:.4g}" for one in decision.families)
    failed = [f"FAILED CHECKS: {names}. Do not trust this mixture."] if names else []
    sentences = [
        *failed,
        f"Recommended mixture of bayeslaw {version('bayeslaw')}, shares of the tokens.",
        f"Target run: N = {target.N:.4g} non-embedding parameters, D = "
        f"{target.D:.4g} tokens. Minimises the expected weighted {kind}.",
        f"Weights: {weights}.",
        f"Fitted to {made_from.origin} rows, table {made_from.table_sha256}, model "
        f"{made_from.spec_sha256}.",
    ]
    # Names come from users: a line break in one must not end the comment.
    return ["# " + " ".join(sentence.split()) for sentence in sentences]


def _check_sources(
    decision: Decision, trainer: str, sources: Mapping[str, Source] | None
) -> None:
    families = ", ".join(decision.names)
    if sources is None:
        if trainer == "maxtext":
            raise InputError(
                "the recipe of MaxText needs the paths of the text",
                "argument sources (option --sources)",
                "none",
                f"a path for each of {families}",
                'give a TOML file with lines such as: germanic = "gs://bucket/de*"',
            )
        return
    if set(sources) != set(decision.names):
        raise InputError(
            "sources do not match the families",
            "argument sources (option --sources)",
            ", ".join(sources) or "none",
            families,
            "name each of these, and no other",
        )
    lengths = [source.tokens_per_example for source in sources.values()]
    is_given = [length is not None for length in lengths]
    is_wrong = [length is not None and not 0 < length < math.inf for length in lengths]
    if any(is_wrong) or (any(is_given) and not all(is_given)):
        raise InputError(
            "tokens of a record are missing or no number",
            "argument sources (option --sources), tokens_per_example",
            ", ".join(f"{n} {s.tokens_per_example}" for n, s in sources.items()),
            "a positive number for every family, or for none",
            "count the tokens and the records of each family",
        )
