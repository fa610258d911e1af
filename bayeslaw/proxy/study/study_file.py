"""Read a study file, check it, and expand it to its runs."""

import tomllib
from itertools import product
from pathlib import Path

from pydantic import ValidationError

from bayeslaw.errors import InputError, InputErrors
from bayeslaw.proxy.study.config import (
    Grid,
    RunSpec,
    StudyFile,
    TokenizerConfig,
    Translation,
)
from bayeslaw.proxy.study.study_checks import content_errors, step_errors
from bayeslaw.proxy.study.study_corpus import pin_corpus


def read_study(path: str | Path) -> StudyFile:
    """Read and check the study file at `path`.

    Raises:
      InputError: not readable as TOML; `InputErrors` with every field that is wrong.
    """
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            "the study file cannot be read",
            str(path),
            str(error),
            "a TOML file with [study], [corpus], [proxies], [mixtures] and [[grid]]",
            "correct the path or the syntax",
        ) from error
    try:
        study = StudyFile.model_validate(content)
    except ValidationError as error:
        raise InputErrors(_field_errors(error, path), str(path)) from error
    errors = content_errors(study) or list(step_errors(study.training, expand(study)))
    if errors:
        raise InputErrors([_in_file(error, path) for error in errors], str(path))
    return pin_corpus(study, path)


def expand(study: StudyFile) -> list[RunSpec]:
    """Expand a study to its runs, in order of first appearance.

    A run that appears in several grids is trained once, to every D and with every
    translation task that they list.
    """
    wanted: dict[tuple[str, str, int], set[int]] = {}
    grids: dict[tuple[str, str, int], list[Grid]] = {}
    for grid in study.grid:
        for key in product(grid.proxies, grid.mixtures, grid.seeds):
            wanted.setdefault(key, set()).update(grid.tokens)
            grids.setdefault(key, []).append(grid)
    return [
        RunSpec(
            study=study.study.name,
            proxy_name=proxy,
            mixture_name=mixture,
            seed=seed,
            tokens=tuple(sorted(tokens)),
            mixture={
                family: study.mixtures[mixture].get(family, 0.0)
                for family in study.corpus.families
            },
            proxy=study.proxies[proxy],
            training=study.training,
            corpus=study.corpus,
            tokenizer=study.tokenizer or TokenizerConfig(),
            translation=_of_grids(study.translation, grids[proxy, mixture, seed]),
        )
        for (proxy, mixture, seed), tokens in wanted.items()
    ]


def _of_grids(translation: Translation | None, grids: list[Grid]) -> Translation | None:
    """The settings of translation that the grids of a run specify."""
    if translation is None:
        return None
    every, default = translation.tasks, translation.untrained
    tasks = {
        task for grid in grids for task in (every if grid.tasks is None else grid.tasks)
    }
    untrained = any(
        default if grid.untrained is None else grid.untrained for grid in grids
    )
    if not tasks:
        return None
    chosen = tuple(task for task in every if task in tasks)
    return translation.model_copy(update={"tasks": chosen, "untrained": untrained})


def _field_errors(error: ValidationError, path: Path) -> list[InputError]:
    """One five-part error for each field that pydantic rejects."""
    return [
        InputError(
            f"wrong field: {problem['msg'].lower()}",
            f"{path}, {'.'.join(map(str, problem['loc']))}",
            str(problem["input"]),
            "a field of the study file, of the right type",
            "correct the name or the value",
        )
        for problem in error.errors()
    ]


def _in_file(error: InputError, path: Path) -> InputError:
    where = f"{path}, {error.where}"
    return InputError(error.what, where, error.got, error.wanted, error.fix)
