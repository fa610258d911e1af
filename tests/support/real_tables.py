"""Public tables of real runs as RunTables, converted as a user would with pandas.

The tables lie outside the repository and are never copied into it. Each was published
by others (see the README beside them); none is about language families: their domains
are English text and code, a stand-in.
"""

import json
import tempfile
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from bayeslaw.data.losses import RunTable, read_runs

DATA = Path(__file__).parents[3] / "shared" / "data"

needs_real_tables = pytest.mark.skipif(
    not DATA.is_dir(), reason="no folder ../shared/data with the public tables"
)


@cache
def chinchilla() -> RunTable:
    """245 runs of Hoffmann et al. 2022, digitised; `outlier` marks five of them."""
    frame = _frame("chinchilla.csv")
    return _read(frame.assign(outlier=_extra(frame, "outlier")), keep=["outlier"])


def chinchilla_without_outliers() -> RunTable:
    """The 240 runs that Besiroglu et al. 2024 fitted."""
    table = chinchilla()
    return table.select(
        table.columns["outlier"] == "False",
        why="the five highest losses, as in arXiv 2404.10102",
    )


@cache
def gadre() -> RunTable:
    """104 runs of three corpora on seven held-out sets; a family is a pair of them.

    Every corpus has its own law, so corpora must not share a family; all runs are
    scored on the same held-out sets, so these are named and their se is common.
    """
    frame = _frame("gadre.csv")
    frame = frame.assign(
        eval_set=frame["family"],
        family=frame["train_set"] + "/" + frame["family"],
        params=_extra(frame, "params_no_embed"),
    )
    return _read(frame, keep=["train_set"])


@cache
def gemstones() -> RunTable:
    """22 shapes with 35 checkpoints each, at constant learning rate, on two sets."""
    return _read(_frame("gemstones.csv").assign(schedule="trunk"))


@cache
def regmix() -> RunTable:
    """512 mixtures of 17 domains at one size and one token count, 13 evaluated."""
    return read_runs(
        DATA / "regmix_1m.csv.gz", origin="published", normalise_mixtures=True
    )


@cache
def three_mix() -> RunTable:
    """40 runs of 33 mixtures of three domains, with their checkpoints."""
    frame = _frame("mixinglaws_3mix.csv.gz").assign(schedule="trunk")
    return _read(frame, mixtures=DATA / "mixinglaws_3mix_mixtures.csv")


@cache
def data_constrained() -> RunTable:
    """161 runs on C4 that repeat a known number of distinct tokens."""
    frame = _frame("data_constrained_train.csv")
    unique_tokens = _extra(frame, "unique_tokens")
    return _read(frame.assign(unique_tokens=unique_tokens, ratio=1))


@cache
def language_curves() -> RunTable:
    """Five learning curves; `split` is the published one, by tokens.

    The losses were published on a scale from 0 to 1, whose unit is not known.
    """
    frame = _frame("curves_lm_nanogpt.csv")
    frame = frame[frame["source"] == "revisiting_lang"]
    return _read(
        frame.assign(params=_extra(frame, "model"), unit="fraction", schedule="trunk"),
        keep=["split"],
    )


@cache
def width_curves(metric: str = "final_val_loss") -> RunTable:
    """Twelve curves of the loss against the width; `split` holds the widest out.

    Neither size nor tokens are published. Parameters grow with the squared width at
    fixed depth, so that square stands for N, and D is 1 in all rows.
    """
    frame = _frame("curves_lm_nanogpt.csv")
    frame = frame[(frame["source"] == "nanogpt") & (frame["metric"] == metric)]
    curve = frame["run_id"].str.split("|").str[2]
    return _read(
        frame.assign(
            run_id=frame["run_id"] + "|" + frame["tokens"].astype(int).astype(str),
            family="curve " + curve,
            params=frame["tokens"] ** 2,
            tokens=1,
            metric="loss",
            unit="nats/token",  # what nanoGPT prints
        ),
        keep=["split"],
    )


@cache
def greek(sweep: str) -> RunTable:
    """One of two sweeps of small Greek runs, which must not be pooled."""
    frame = _frame("greek.csv")
    return _read(frame[_extra(frame, "sweep") == sweep])


def _frame(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / name)


def _extra(frame: pd.DataFrame, key: str) -> pd.Series:
    """One entry of the column `extra`, which holds a JSON object in every row."""
    return frame["extra"].map(lambda text: json.loads(text)[key])


def _read(frame: pd.DataFrame, **arguments) -> RunTable:
    # As a file, because a file is what users have; its name stands in messages only.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "converted.csv"
        frame.drop(columns="extra").to_csv(path, index=False)
        return read_runs(path, origin="published", **arguments)
