"""The folder that `rook-bench reward` writes: rewards of the train and validation rows, and their record."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core import InputError
from rook_bench.core.config import Config, read_json_record
from rook_bench.core.hashing import sha256_file
from rook_bench.language.manifest import LearnedFrom
from rook_bench.market.frame import SwapFrame
from rook_bench.rewards.reward import Action, Rewards

RECORD, TABLE, PICTURE = "rewards.json", "rewards.parquet", "rewards.png"
SPLITS = ("train", "validation")
"""Splits that have rewards. Those of the test split are never worked out."""


class RewardsRecord(Config):
    """The record beside the rewards.

    Attributes:
        actions: columns of the table.
        horizon_s: seconds from landing to the mark.
        config: capital, sizing and frictions behind the rewards.
        splits: data hash, rows and defined rows of each split.
        template: SHA-256 of the template that the critic reads.
        file: SHA-256 of the table.
        learned_from: rows behind all of it.
        facts: what was measured, for a reader.
    """

    version: Literal[2] = 2
    actions: list[Action]
    horizon_s: float = Field(gt=0)
    config: dict[str, Any]
    splits: dict[str, dict[str, Any]]
    template: str
    file: str
    code: str
    learned_from: LearnedFrom
    facts: dict[str, Any] = Field(default_factory=dict)


def read_record(folder: str | Path) -> RewardsRecord:
    """The record of a rewards folder; InputError where there is none or it can't be read."""
    path = Path(folder) / RECORD
    if not path.is_file():
        raise InputError("no rewards folder", where=folder, hint="make one with rook-bench reward")
    return read_json_record(RewardsRecord, path, "the record of the rewards", "make it again with rook-bench reward")


@dataclass(frozen=True, eq=False)
class SplitRewards:
    """Rewards of one split, in the order of its tape.

    Attributes:
        bps: net reward of each action, shape (rows, actions); NaN where it is undefined.
        foretold: mark-out of a buy as trees foretold it that had not seen the row, bps, before shrinking, shape
            (rows,); NaN where a number or a reward is undefined.
    """

    bps: NDArray[np.float64]
    foretold: NDArray[np.float64]


def read_table(folder: str | Path) -> tuple[RewardsRecord, dict[str, SplitRewards]]:
    """The record, and the rewards of each split.

    Raises:
        InputError: where the table is not the one that was written.
    """
    record, path = read_record(folder), Path(folder) / TABLE
    if not path.is_file() or path.is_symlink() or sha256_file(path) != record.file:
        raise InputError("not the rewards that the record names", where=path, hint="make them again")
    table = pq.read_table(path)
    names = [f"reward_{index}" for index in range(len(record.actions))]
    bps = np.column_stack([table[name].to_numpy() for name in names])
    split = np.asarray(table["split"].to_pylist(), dtype=object)
    foretold = table["foretold"].to_numpy()
    return record, {name: SplitRewards(bps[split == name], foretold[split == name]) for name in SPLITS}


def write_table(splits: dict[str, tuple[SwapFrame, Rewards, NDArray[np.float64]]], path: Path) -> None:
    """Write the rewards of each split, a row per swap, beside the mark-out that was foretold of it."""
    parts = []
    for name, (frame, rewards, foretold) in splits.items():
        columns: dict[str, Any] = {
            "split": pa.array([name] * len(frame)).dictionary_encode(),
            "row": pa.array(np.arange(len(frame), dtype=np.int32)),
            "at": pa.array(frame.at.astype("datetime64[ns]")),
            "landing_row": pa.array(rewards.landing_row.astype(np.int32)),
            "exit_row": pa.array(rewards.exit_row.astype(np.int32)),
            "foretold": pa.array(foretold),
        }
        for column in range(len(rewards.actions)):
            columns[f"reward_{column}"] = pa.array(rewards.bps[:, column])
            columns[f"outcome_{column}"] = pa.array(rewards.outcome[:, column])
        parts.append(pa.table(columns))
    pq.write_table(pa.concat_tables(parts).unify_dictionaries(), path, compression="zstd")
