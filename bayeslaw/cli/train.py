"""`bayeslaw train`: train the proxies of a study."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bayeslaw.cli.options import Json
from bayeslaw.cli.terminal import print_json, print_lines, print_table
from bayeslaw.errors import InputError

if TYPE_CHECKING:
    from bayeslaw.proxy.execution import Executor, Summary

Study = Annotated[Path, typer.Argument(metavar="STUDY", help="Study file, TOML.")]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes on this machine. Default: one per core."),
]
ExecutorName = Annotated[
    Literal["local", "slurm"],
    typer.Option("--executor", help="Train on this machine, or as a Slurm job array."),
]
SlurmOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Option for sbatch; may be repeated."),
]
ArrayCap = Annotated[
    int | None, typer.Option(min=1, help="Maximum Slurm jobs running at a time.")
]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="Submit the Slurm jobs and return.")
]
Index = Annotated[
    int | None,
    typer.Option(min=0, help="Train only the run with this number, in this process."),
]
Collect = Annotated[
    bool,
    typer.Option("--collect", help="Append measured rows to the table; train nothing."),
]
ShowStatus = Annotated[
    bool, typer.Option("--status", help="Show the study's progress; change nothing.")
]
Distributed = Annotated[
    bool,
    typer.Option(
        "--distributed",
        help="Train each run on all devices of all processes; start it in each.",
    ),
]
Board = Annotated[
    Path | None,
    typer.Option(
        "--tensorboard",
        metavar="FOLDER",
        help="Copy the logs to TensorBoard event files in this folder.",
    ),
]
Weights = Annotated[
    Literal["replicated", "full"],
    typer.Option(
        help="With --distributed: all weights on each device, or divided among them."
    ),
]


def train(
    study: Study,
    workers: Workers = None,
    executor: ExecutorName = "local",
    slurm_option: SlurmOption = None,
    array_cap: ArrayCap = None,
    no_wait: NoWait = False,
    index: Index = None,
    collect: Collect = False,
    status: ShowStatus = False,
    tensorboard: Board = None,
    distributed: Distributed = False,
    weights: Weights = "replicated",
    as_json: Json = False,
) -> None:
    """Train the proxies of a study.

    Skips finished runs and resumes interrupted ones.
    """
    _check_choice(
        alone={
            "--index": index is not None,
            "--collect": collect,
            "--status": status,
            "--distributed": distributed,
        },
        slurm=executor == "slurm",
        on_slurm={
            "--slurm-option": bool(slurm_option),
            "--array-cap": array_cap is not None,
            "--no-wait": no_wait,
        },
        here={"--workers": workers is not None},
        waiting={"--tensorboard": tensorboard is not None},
    )
    if status:
        _print_status(study, as_json=as_json)
    elif index is not None:
        _train_one(study, index, as_json=as_json)
    elif collect:
        from bayeslaw.proxy.execution import collect_study

        _print_summary(collect_study(study), as_json=as_json)
    elif distributed:
        from bayeslaw.proxy.execution import train_together

        _print_added(train_together(study, weights=weights), as_json=as_json)
    else:
        where = _executor(executor, workers, slurm_option or [], array_cap, no_wait)
        _train_all(study, where, tensorboard, as_json=as_json)


def _check_choice(
    *,
    alone: dict[str, bool],
    slurm: bool,
    on_slurm: dict[str, bool],
    here: dict[str, bool],
    waiting: dict[str, bool],
) -> None:
    """Refuse options that cannot be combined."""
    by_slurm = {"--executor slurm": slurm}
    _check_options(alone, here | by_slurm | on_slurm | waiting)
    _check_options(by_slurm, here)
    if not slurm:
        _check_options({"--executor local": True}, on_slurm)


def _train_all(
    study: Path, where: "Executor", tensorboard: Path | None, *, as_json: bool
) -> None:
    from bayeslaw.proxy.execution import TensorBoard, train_study

    board = TensorBoard(tensorboard) if tensorboard else None
    summary = train_study(study, executor=where, board=board, progress=not as_json)
    _print_summary(summary, as_json=as_json)


def _executor(
    name: str,
    workers: int | None,
    slurm_options: list[str],
    array_cap: int | None,
    no_wait: bool,
) -> "Executor":
    from bayeslaw.proxy.execution import JobArray, Pool, SlurmQueue, read_options

    if name == "local":
        return Pool(workers)
    queue = SlurmQueue(read_options(slurm_options), array_cap=array_cap)
    return JobArray(queue, wait=not no_wait)


def _train_one(study: Path, index: int, *, as_json: bool) -> None:
    """Train one run; the exit status is 1 if it crashed, so that it can be retried."""
    from bayeslaw.proxy.execution import train_numbered

    run = train_numbered(study, index)
    reason = run.failure.get("reason", "")
    if as_json:
        print_json({"index": index, "failed": reason})
    else:
        print(f"run {index}: {reason or 'finished'}")
    if run.has_crashed:
        raise typer.Exit(1)


def _print_added(rows: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"rows_added": rows})
    else:
        print(f"{rows} rows appended")


def _print_status(study: Path, *, as_json: bool) -> None:
    from bayeslaw.proxy.execution import read_status

    status = read_status(study)
    if as_json:
        print_json(status.to_dict())
        return
    if rows := status.table():
        print_table(
            "Unfinished runs that have started",
            ["run", "state", "tokens", "tokens/s", "time left"],
            rows,
        )
        print()
    print_lines(status.sentences())


def _print_summary(summary: "Summary", *, as_json: bool) -> None:
    if as_json:
        print_json(summary.to_dict())
    else:
        print(summary)


def _check_options(first: dict[str, bool], second: dict[str, bool]) -> None:
    """Refuse options that exclude each other: two of the first set, or one of each."""
    chosen = [name for name, is_given in first.items() if is_given]
    others = [name for name, is_given in second.items() if is_given]
    if len(chosen) > 1 or (chosen and others):
        raise InputError(
            "options cannot be combined",
            "command train",
            " and ".join([*chosen, *others]),
            "--index, --collect, --status or --distributed alone; --workers only when "
            "training on this machine; --slurm-option, --array-cap and --no-wait only "
            "with --executor slurm",
            "remove one of the options",
        )
