"""Model specs: what is fixed before a fit, read from one TOML file."""

import difflib
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
)

from bayeslaw.errors import InputError, InputErrors
from bayeslaw.laws import LAWS, GroupPrior, Law
from bayeslaw.model.model_files import model_path
from bayeslaw.model.stated_priors import coordinate_priors, noise_priors

Pooling = Literal["partial", "none", "complete"]
Positive = Annotated[float, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rows(_Section):
    """Which rows of the table the model describes; notes name all that it leaves out.

    Attributes:
      metric: the metric to fit.
      schedule: "cooled" (learning rate annealed), "trunk", or "any".
    """

    metric: str = "loss"
    schedule: Literal["cooled", "trunk", "any"] = "cooled"


class PriorOverride(_Section):
    """Replacement of one coordinate's prior, see `GroupPrior`.

    Files may state it in other ways, see `coordinate_priors`.
    """

    loc: float
    scale: Positive
    spread: Positive


class ScalePrior(_Section):
    """LogNormal prior of a noise sd on log loss (relative error).

    Files may give two quantiles instead, see `noise_priors`.
    """

    median: Positive
    log_scale: Positive = 0.7


class GammaPrior(_Section):
    """Gamma prior of the degrees of freedom of Student-t noise; mean shape / rate.

    Files may give two quantiles instead, see `noise_priors`.
    """

    shape: Positive
    rate: Positive


class Noise(_Section):
    """Noise of log loss beyond the known standard error.

    | quantity   | distribution                          | shape    |
    |------------|---------------------------------------|----------|
    | sigma      | LogNormal(log median, log_scale)      | (group,) |
    | nu         | Gamma(shape, rate), Student-t only    | ()       |
    | sigma_ratio_power | Normal(0, 0.3), if it depends on the ratio | () |
    | run_sd     | LogNormal(log median, log_scale)      | ()       |
    | run_effect | Normal(0, run_sd)                     | (run,)   |

    Attributes:
      likelihood: "student_t", "normal" or "huber" (Normal with exponential tails), on
        log loss.
      run_effect: whether all rows of a run share a deviation (its seed).
      known_se: "independent" adds each row's se to its noise. "shared" does not: when
        all runs are scored on one held-out set, its sampling error moves them together
        and is no noise between runs; it is added to the loss level in decisions.
        "by_eval_set" chooses for each family: shared where all its rows name one
        eval_set, else independent.
      depends_on_ratio: whether sigma is multiplied by (p/p0)^-sigma_ratio_power: a
        family seen little is often noisier.
      sigma: prior of the discrepancy sd of each group.
      run_sd: prior of the sd between runs.
      nu: prior of the degrees of freedom, Gamma(2, 0.1) if not given.
    """

    likelihood: Literal["student_t", "normal", "huber"] = "student_t"
    run_effect: bool = True
    depends_on_ratio: bool = False
    known_se: Literal["by_eval_set", "independent", "shared"] = "by_eval_set"
    sigma: ScalePrior = ScalePrior(median=0.01)
    run_sd: ScalePrior = ScalePrior(median=0.01)
    nu: GammaPrior = GammaPrior(shape=2.0, rate=0.1)


class ModelSpec(_Section):
    """A statistical model: a law, how groups share strength, priors and noise.

    Attributes:
      name: name of the model; the stem of its file, where that states none.
      law: key of `LAWS`.
      source: paper or reason.
      extensions: nested additions to the law, on or off by name; what is not named is
        as the extension says (drift on, the others off).
      rows: rows used; `selection` in older files and posteriors.
      pooling: per coordinate "partial" (hierarchy), "none" (groups fitted apart) or
        "complete" (one value for all groups); key "default" sets the rest.
      priors: overrides of the law's default priors by coordinate.
      noise: noise model.
    """

    name: str
    law: str
    source: str = ""
    extensions: dict[str, bool] = {}
    rows: Rows = Field(Rows(), validation_alias=AliasChoices("rows", "selection"))
    pooling: dict[str, Pooling] = {}
    priors: dict[str, PriorOverride] = {}
    noise: Noise = Noise()
    _notes: tuple[str, ...] = PrivateAttr(())

    @property
    def notes(self) -> tuple[str, ...]:
        """What its file should say otherwise, one sentence each."""
        return self._notes

    @property
    def law_record(self) -> Law:
        """The law this spec names, with its extensions."""
        law = LAWS[self.law]
        return law.extended(
            [
                part.name
                for part in law.offered
                if self.extensions.get(part.name, part.is_default)
            ]
        )

    def pooling_of(self, coordinate: str) -> Pooling:
        """Pooling of one coordinate."""
        return self.pooling.get(coordinate, self.pooling.get("default", "partial"))

    def prior_of(self, coordinate: str) -> GroupPrior:
        """Prior of one coordinate: the spec's, else the law's default."""
        override = self.priors.get(coordinate)
        if override is None:
            return self.law_record.coordinates[coordinate].prior
        return GroupPrior(override.loc, override.scale, override.spread)

    def __hash__(self) -> int:
        return hash(self.sha256)

    @property
    def sha256(self) -> str:
        """Hash of the spec's content with all defaults written out."""
        content = json.dumps(self.model_dump(), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def read_spec(model: ModelSpec | str | Path) -> ModelSpec:
    """Read a model spec from TOML.

    Args:
      model: a file; a shipped model by its name, such as "token_drift", where there is
        no such file; or a spec, which is returned as it is.

    Returns:
      the spec; every key is known and every name it uses exists.

    Raises:
      InputError: no such model, not TOML, or unknown keys, laws or coordinates.

    Example:
      >>> read_spec("token_drift").law
      'family_loss'
    """
    if isinstance(model, ModelSpec):
        return model
    path = model_path(model)
    return parse_spec({"name": path.stem} | _read_toml(path), str(path))


def parse_spec(content: dict, where: str) -> ModelSpec:
    """Check the content of a spec; `where` names its origin in error messages."""
    _check_one_name_of_rows(content, where)
    # Priors need the law, so they come last; noise is stated in its own section.
    plain = {**content, "priors": {}}
    if "noise" in content:
        plain["noise"] = noise_priors(content["noise"], where)
    try:
        spec = ModelSpec.model_validate(plain)
    except ValidationError as error:
        raise InputErrors(_five_parts(error, where), where) from None
    if spec.law not in LAWS:
        raise _unknown(spec.law, f"{where}, key law", list(LAWS))
    offered = [part.name for part in LAWS[spec.law].offered]
    for name in spec.extensions:
        if name not in offered:
            raise _unknown(name, f"{where}, section [extensions]", offered)
    _check_trunk(spec, where)
    known = list(spec.law_record.coordinates)
    for name in spec.pooling:
        if name not in [*known, "default"]:
            raise _unknown(name, f"{where}, section [pooling]", known)
    priors = coordinate_priors(content.get("priors", {}), spec.law_record, where)
    overrides = {name: PriorOverride(**prior) for name, prior in priors.items()}
    spec = spec.model_copy(update={"priors": overrides})
    if "selection" in content:
        note = f"{where}: the section [selection] is now called [rows]; rename it"
        spec._notes = (note,)
    return spec


def _check_one_name_of_rows(content: dict, where: str) -> None:
    if "rows" in content and "selection" in content:
        raise InputError(
            "rows are selected twice",
            f"{where}, sections [rows] and [selection]",
            "both",
            "[rows]; [selection] is its former name",
            "move what you need to [rows] and delete [selection]",
        )


def _check_trunk(spec: ModelSpec, where: str) -> None:
    if spec.extensions.get("trunk_offset") and spec.rows.schedule != "any":
        raise InputError(
            "trunk_offset without trunk checkpoints",
            f"{where}, section [rows], key schedule",
            repr(spec.rows.schedule),
            '"any", so that trunk and cooled checkpoints are both fitted',
            'set schedule = "any", or trunk_offset = false',
        )


def _read_toml(path: Path) -> dict:
    wanted = "a model spec in TOML; `bayeslaw models token_drift` shows one"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            "model spec cannot be read",
            str(path),
            error.strerror or "",
            wanted,
            "check the path given with --model",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            "model spec is not TOML",
            str(path),
            str(error),
            wanted,
            "correct the line named",
        ) from None


def _five_parts(error: ValidationError, where: str) -> list[InputError]:
    return [
        InputError(
            "model spec has a wrong entry",
            f"{where}, key {'.'.join(str(part) for part in item['loc'])}",
            repr(item["input"]),
            item["msg"],
            "correct or remove the key; docs/reference lists all keys",
        )
        for item in error.errors()
    ]


def _unknown(name: str, where: str, known: list[str]) -> InputError:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    return InputError(
        "unknown name",
        where,
        name,
        "one of " + ", ".join(known),
        f"did you mean {nearest}?",
    )
