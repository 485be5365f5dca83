"""The folder that `rook-bench reward` writes: rewards of the train and validation rows, and their record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core import InputError
from rook_bench.core.config import Grown, read_json_record
from rook_bench.core.hashing import sha256_file
from rook_bench.language.manifest import LearnedFrom, OfPool
from rook_bench.rewards.reward import Action
from rook_bench.rewards.rows import Split

RECORD, TABLE, PICTURE = "rewards.json", "rewards.parquet", "rewards.png"
SPLITS = ("train", "validation")
"""Splits that have rewards. Those of the test split are never worked out."""


class PoolRewards(OfPool):
    """What is told of one of several pools.

    Attributes:
        name: how it is called beside the others.
        splits, facts: as of a `RewardsRecord`, of its rows alone.
    """

    name: str
    splits: dict[str, dict[str, Any]]
    facts: dict[str, Any] = Field(default_factory=dict)


class RewardsRecord(Grown):
    """The record beside the rewards.

    Attributes:
        actions: columns of the table.
        horizon_s: seconds from landing to the mark.
        config: capital, sizing and frictions behind the rewards.
        splits: data hash, rows and defined rows of each split; of several pools their sums, without a hash.
        template: SHA-256 of the template that the critic reads.
        file: SHA-256 of the table.
        learned_from: rows behind all of it.
        facts: what was measured, for a reader.
        common_split, pools: of several pools, the date that cuts all of them, and each of them.
    """

    LATER: ClassVar = ("common_split", "pools")

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
    common_split: dict[str, str | None] | None = None
    pools: list[PoolRewards] | None = None

    @property
    def made_of(self) -> list[dict[str, dict[str, Any]]]:
        """Data hash, rows and defined rows of each split, by pool."""
        return [self.splits] if self.pools is None else [pool.splits for pool in self.pools]


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
            (rows,); NaN where a number or a reward is undefined, and of several pools on rows that are for nothing.
        pool: of which of several pools each row is; those of the first come first.
    """

    bps: NDArray[np.float64]
    foretold: NDArray[np.float64]
    pool: NDArray[np.intp]


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
    pool = np.asarray(table["pool"] if "pool" in table.column_names else np.zeros(len(table), dtype=np.intp))
    return record, {
        name: SplitRewards(bps[split == name], foretold[split == name], pool[split == name]) for name in SPLITS
    }


def write_table(splits: Sequence[Split], foretold: Sequence[NDArray[np.float64]], path: Path) -> None:
    """Write the rewards of each split, a row per swap, beside the mark-out that was foretold of it."""
    parts, several = [], any(split.pool for split in splits)
    for split, told in zip(splits, foretold, strict=True):
        frame, rewards = split.frame, split.rewards
        columns: dict[str, Any] = {
            "split": pa.array([split.name] * len(frame)).dictionary_encode(),
            **({"pool": pa.array(np.full(len(frame), split.pool, dtype=np.int32))} if several else {}),
            "row": pa.array(np.arange(len(frame), dtype=np.int32)),
            "at": pa.array(frame.at.astype("datetime64[ns]")),
            "landing_row": pa.array(rewards.landing_row.astype(np.int32)),
            "exit_row": pa.array(rewards.exit_row.astype(np.int32)),
            "foretold": pa.array(told),
        }
        for column in range(len(rewards.actions)):
            columns[f"reward_{column}"] = pa.array(rewards.bps[:, column])
            columns[f"outcome_{column}"] = pa.array(rewards.outcome[:, column])
        parts.append(pa.table(columns))
    pq.write_table(pa.concat_tables(parts).unify_dictionaries(), path, compression="zstd")
