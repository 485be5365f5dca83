"""One date that cuts several pools: what is learned of one must not be the future of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.dataset.split_tapes import has_split_tapes, split_tape
from rook_bench.ingest.text_columns import times
from rook_bench.ingest.text_files import read_text_columns
from rook_bench.market.features import LOOKBACK
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import same_pool

FITTED = "rules.json"
"""The file of a prepared folder whose rules were fitted to its training rows."""


@dataclass(frozen=True)
class Folders:
    """Prepared folders, one pool each, that are learned from together.

    Attributes:
        paths: the folders.
        beside: further ones, nothing of which is learned, whose dates cut these too: what is trained on some of a set
            of pools then stands fairly beside what is trained on all of them.
    """

    paths: tuple[Path, ...]
    beside: tuple[Path, ...] = ()

    @property
    def all(self) -> tuple[Path, ...]:
        """Those whose dates count."""
        return self.paths + self.beside


DataDir = str | Path | Sequence[str | Path] | Folders
"""A prepared folder, or several of different pools."""


def folders_of(given: DataDir) -> Folders:
    """What is given as folders; InputError for none."""
    if isinstance(given, Folders):
        return given
    found = tuple(Path(one) for one in ([given] if isinstance(given, str | Path) else given))
    if not found:
        hint = "give what rook-bench data prepare wrote"
        raise InputError("no prepared folder is given", where="data_dir", hint=hint)
    return Folders(found)


@dataclass(frozen=True, eq=False)
class SplitRows:
    """How a prepared folder cuts its own pool.

    Attributes:
        folder: the prepared folder.
        at: times of its rows, shape (rows,), ascending.
        train, val: rows of its own train and validation split.
        judged_from: time of the first row that it holds out for a test; None where it holds none.
    """

    folder: Path
    at: NDArray[np.datetime64]
    train: NDArray[np.intp]
    val: NDArray[np.intp]
    judged_from: np.datetime64 | None

    @classmethod
    def of(cls, folder: Path, frame: SwapFrame, train: NDArray[np.intp], val: NDArray[np.intp]) -> SplitRows:
        """Of a folder's rows."""
        return cls(folder, frame.at.astype("M8[ns]"), train, val, judged_from(folder))

    @classmethod
    def of_tapes(cls, folder: Path, train: SwapFrame, val: SwapFrame) -> SplitRows:
        """Of a folder's two tapes, the rows of the second behind those of the first."""
        at = np.concatenate([one.at.astype("M8[ns]") for one in (train, val)])
        rows = np.arange(len(at))
        return cls(folder, at, rows[: len(train)], rows[len(train) :], judged_from(folder))


@dataclass(frozen=True)
class CommonSplit:
    """When all of some pools are cut.

    Attributes:
        validation_from: where the first of them begins its validation split; nothing at or after it is learned from.
        test_from: where the first of them begins its test split; nothing at or after it is looked at. None where none
            of them has one.
    """

    validation_from: np.datetime64
    test_from: np.datetime64 | None

    @classmethod
    def of(cls, pools: Sequence[SplitRows]) -> CommonSplit:
        """The earliest dates of the folders' own splits.

        Pools move together: a row of one pool at a time when another is validated or judged tells of that. What a
        folder learned from or chose by after the common dates is moved to the later split, or left out.
        """
        first = min(pool.at[pool.val[0]] for pool in pools)
        tests = [pool.judged_from for pool in pools if pool.judged_from is not None]
        return cls(first, min(tests) if tests else None)

    def cut(self, pool: SplitRows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows of a pool to learn from, and to choose by.

        Where the date falls into its train split, the last rows before it are left out: features of the first ones
        after it look back on them.

        Raises:
            InputError: where none are left of either.
        """
        rows = np.concatenate([pool.train, pool.val])
        at = pool.at[rows]
        train, val = rows[at < self.validation_from], rows[at >= self.validation_from]
        if self.test_from is not None:
            val = val[pool.at[val] < self.test_from]
        if len(val) and len(train) < len(pool.train):
            train = train[train < val[0] - LOOKBACK]
        if len(train) and len(train) < len(pool.train) and (pool.folder / FITTED).is_file():
            what = f"its rules were fitted on rows until {_told(pool.at[pool.train[-1]])}, and validation begins at "
            what += f"{_told(self.validation_from)} in one of the pools: what its labels say rests on what comes later"
            date = f"--validation-from {_told(self.validation_from)}"
            raise InputError(what, where=pool.folder, hint=f"prepare it with {date}, or with rules from a file")
        hint = "prepare the pools over the same stretch of time (--from, --to, --validation-from, --test-from)"
        if not len(train):
            what = f"no row before {_told(self.validation_from)}, when validation begins in one of the pools"
            raise InputError(f"{what}: they are cut at one time", where=pool.folder, hint=hint)
        if not len(val):
            until = "" if self.test_from is None else f" and before {_told(self.test_from)}, when a test begins"
            what = f"no row from {_told(self.validation_from)} on{until} in one of the pools"
            raise InputError(f"{what}: they are cut at one time", where=pool.folder, hint=hint)
        return train, val

    def to_json(self) -> dict[str, str | None]:
        """For the adapter's record."""
        return {
            "validation_from": _told(self.validation_from),
            "test_from": None if self.test_from is None else _told(self.test_from),
        }


def judged_from(folder: Path) -> np.datetime64 | None:
    """When the test split of a prepared folder begins; None where it has none."""
    if has_split_tapes(folder):
        try:
            tape = split_tape(folder, "test")
        except InputError:  # it was prepared without one
            return None
        return np.datetime64(tape.read().at[0], "ns")
    path = next((folder / name for name in ("test.csv", "test.csv.gz") if (folder / name).is_file()), None)
    if path is None:
        return None
    stamps = times(read_text_columns(path, ("timestamp",))["timestamp"], path)
    return np.datetime64(stamps[0], "ns") if len(stamps) else None


def refuse_twice(folders: Sequence[Path], frames: Sequence[SwapFrame]) -> None:
    """InputError where two folders are of one pool, whose rows would be learned from twice."""
    pools = [frame.pool for frame in frames]
    for later, pool in enumerate(pools):
        for earlier in pools[:later]:
            told = {"chain": earlier.chain, "address": earlier.address, "pair": earlier.pair}
            if same_pool(told, pool) and earlier.fee_pips == pool.fee_pips:
                first = folders[pools.index(earlier)]
                what = f"of the same pool as {first} ({pool.pair}, {pool.fee_pips / 1e4:g}%, {pool.address})"
                raise InputError(what, where=folders[later], hint="prepare one folder of each pool")


def _told(at: np.datetime64) -> str:
    return str(np.datetime_as_string(at.astype("M8[s]")))
