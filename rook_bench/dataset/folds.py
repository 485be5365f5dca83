"""One tape cut for training again and again: walk-forward, and combinatorial purged cross-validation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from rook_bench.core import ConfigError, InputError
from rook_bench.core.config import Config, read_json_record
from rook_bench.core.files import write_json
from rook_bench.dataset.splits import SplitPlan, Splits
from rook_bench.market.frame import SwapFrame

RECORD = "folds.json"
"""The file of a folder of folds that says which rows each is judged on."""

MOST_FOLDS = 100
"""Folds, each of which a model is trained for, at most."""

PREPARED, TRAINED, REWARDED = "data prepare --walk-forward", "train", "reward"


class FoldPlan(Config):
    """How a tape becomes folds; one of both.

    Attributes:
        walk_forward: so many stretches, each judged by what was learned before it.
        purged: groups, and how many of them are held out at once: every choice of them is a fold.
        split: window length, purge and embargo, and the share of what is learned from that is validation.
    """

    walk_forward: int | None = Field(default=None, ge=1)
    purged: tuple[int, int] | None = None
    split: SplitPlan = SplitPlan()

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.walk_forward is None) == (self.purged is None):
            raise ValueError("give walk_forward or purged")
        groups, held_out = self.purged or (2, 1)
        if not 1 <= held_out < groups:
            raise ValueError(f"{held_out} of {groups} groups can't be held out: write N,k with k below N, such as 6,2")
        if groups > MOST_FOLDS:
            raise ValueError(f"{groups:,} groups are at least as many folds; {MOST_FOLDS} are the most")
        count = self.walk_forward or math.comb(groups, held_out)
        if count > MOST_FOLDS:
            raise ValueError(f"{count:,} folds; {MOST_FOLDS} are the most: ask for fewer")
        return self


class Stretch(Config):
    """Consecutive rows of the tape that was cut.

    Attributes:
        first, last: rows; first_at, last_at: their times, ISO 8601 to the nanosecond, UTC.
    """

    first: int = Field(ge=0)
    last: int = Field(ge=0)
    first_at: str
    last_at: str

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if np.isnat(self.begins) or np.isnat(self.ends):  # which is before and after nothing
            raise ValueError("a stretch has no times")
        if self.first > self.last or self.begins > self.ends:
            raise ValueError("a stretch ends before it begins")
        return self

    @property
    def begins(self) -> np.datetime64:
        """Time of its first row."""
        return np.datetime64(self.first_at, "ns")

    @property
    def ends(self) -> np.datetime64:
        """Time of its last row."""
        return np.datetime64(self.last_at, "ns")


class Folds(Config):
    """Which rows each fold is judged on; folder number i (from 1) is `fold-i`.

    Attributes:
        scheme: how the tape was cut.
        source, source_hash: the tape.
        stretches: that are judged, in order of time.
        folds: by fold, the stretches that it did not learn from.
        paths: which fold decides on each stretch: one way through the tape, or several.
        made: what the folders hold ("data", "adapters", "rewards").
    """

    version: Literal[1] = 1
    scheme: Literal["walk-forward", "combinatorial purged"]
    source: str
    source_hash: str
    stretches: list[Stretch] = Field(min_length=1, max_length=MOST_FOLDS)
    folds: list[list[int]] = Field(min_length=1, max_length=MOST_FOLDS)
    paths: list[list[int]] = Field(min_length=1, max_length=MOST_FOLDS)
    made: Literal["data", "adapters", "rewards"] = "data"

    @model_validator(mode="after")
    def _fits(self) -> Self:
        times = [edge for stretch in self.stretches for edge in (stretch.begins, stretch.ends)]
        if any(later < earlier for earlier, later in pairwise(times)):
            raise ValueError("the stretches are not in order of time")
        if any(not 0 <= stretch < len(self.stretches) for fold in self.folds for stretch in fold):
            raise ValueError("a fold holds out a stretch that is not listed")
        for path in self.paths:
            known = len(path) == len(self.stretches) and all(0 <= fold < len(self.folds) for fold in path)
            if not known or any(stretch not in self.folds[fold] for stretch, fold in enumerate(path)):
                raise ValueError("a path has a stretch decided by a fold that learned from it")
        return self

    @property
    def names(self) -> list[str]:
        """Folders of the folds."""
        return [f"fold-{number + 1}" for number in range(len(self.folds))]

    @property
    def forward(self) -> bool:
        """Whether nothing was learned from what comes after it is judged."""
        return self.scheme == "walk-forward"

    def on(self, path: int) -> list[int]:
        """The fold of each stretch on a path, counted from 1; ConfigError where there is none."""
        if not 1 <= path <= len(self.paths):
            have, hint = f"there are {len(self.paths)}", f"give 1 to {len(self.paths)}"
            if len(self.paths) == 1:
                have, hint = "there is one", "leave it away; hold out two groups or more for several paths"
            raise ConfigError(f"no path {path}: {have}", where="path", hint=hint)
        return self.paths[path - 1]

    def spans(self, places: list[int]) -> str:
        """When some stretches are, in words; those that follow each other as one."""
        begins = [self.stretches[place].first_at for place in places if place - 1 not in places]
        ends = [self.stretches[place].last_at for place in places if place + 1 not in places]
        return ", ".join(f"{first[:16]} to {last[:16]}" for first, last in zip(begins, ends, strict=True))

    def save(self, folder: Path) -> None:
        """Write the record into an existing folder."""
        write_json(folder / RECORD, self.model_dump(mode="json"))


def has_folds(folder: str | Path) -> bool:
    """Whether a folder holds folds."""
    return (Path(folder) / RECORD).is_file()


def refuse_folds(folder: Path) -> None:
    """InputError for a folder of folds, where the folder of one is asked for."""
    if has_folds(folder):
        raise InputError(
            "holds folds, and one is asked for", where=folder, hint=f"name one, such as {folder / 'fold-1'}"
        )


def read_folds(folder: str | Path, made: str) -> Folds:
    """The record of a folder of folds.

    Args:
        folder: the folder; made: what it should hold.

    Raises:
        InputError: where there is none, it can't be read, or it holds something else.
    """
    folder = Path(folder)
    by = {"data": PREPARED, "adapters": TRAINED, "rewards": REWARDED}[made]
    if not folder.is_dir():
        raise InputError("no such folder", where=folder, hint=f"give what rook-bench {by} wrote")
    if not has_folds(folder):
        raise InputError(f"holds no {RECORD}", where=folder, hint=f"give the folder that rook-bench {by} wrote")
    found = read_json_record(Folds, folder / RECORD, "the list of folds", f"make it again with rook-bench {by}")
    if found.made != made:
        raise InputError(f"its folds hold {found.made}", where=folder, hint=f"give what rook-bench {by} wrote")
    return found


def of_fold(path: str | Path, name: str) -> Path:
    """The same fold's part of a folder of folds; what is no such folder serves all folds."""
    return Path(path) / name if has_folds(path) else Path(path)


@dataclass(frozen=True)
class Cut:
    """A tape cut into folds.

    Attributes:
        folds: the record; splits: the rows of each fold.
    """

    folds: Folds
    splits: list[Splits]


def cut(frame: SwapFrame, plan: FoldPlan) -> Cut:
    """Cut a tape into folds.

    A stretch never begins inside a second or a block of another, so that a time tells whose it is. Between what is
    learned from and what is judged `purge` and `embargo` rows are left out on either side: features look back over
    them (Lopez de Prado 2018, "Advances in Financial Machine Learning", chapters 7 and 12).

    Raises:
        InputError: for a tape too short for them.
    """
    parts = plan.walk_forward + 1 if plan.walk_forward else plan.purged[0] if plan.purged else 0
    n, at = len(frame), frame.at
    edges = [*(_apart(frame, part * n // parts) for part in range(parts)), n]
    if any(later <= earlier for earlier, later in pairwise(edges)):
        raise _too_short(frame, parts)
    places = [slice(first, stop) for first, stop in pairwise(edges)]
    if plan.purged:
        picks = [list(pick) for pick in combinations(range(parts), plan.purged[1])]
        holding = [[fold for fold, pick in enumerate(picks) if group in pick] for group in range(parts)]
        paths = [list(path) for path in zip(*holding, strict=True)]
    else:
        places, parts = places[1:], parts - 1
        picks, paths = [[part] for part in range(parts)], [list(range(parts))]
    splits = [
        _split(frame, [places[group] for group in pick], plan.split, forward=plan.purged is None, parts=parts)
        for pick in picks
    ]
    record = Folds(
        scheme="combinatorial purged" if plan.purged else "walk-forward",
        source=str(frame.source),
        source_hash=frame.data_hash,
        stretches=[_stretch(at, place) for place in places],
        folds=picks,
        paths=paths,
    )
    return Cut(record, splits)


def _apart(frame: SwapFrame, row: int) -> int:
    """The first row of this row's second, and of its block: no other row before it has either."""
    while True:
        second = frame.at[row].astype("datetime64[s]").astype(frame.at.dtype)
        first = int(np.searchsorted(frame.at, second, side="left"))
        if frame.block is not None:
            first = min(first, int(np.searchsorted(frame.block, frame.block[row], side="left")))
        if first == row:
            return row
        row = first


def _stretch(at: NDArray[np.datetime64], place: slice) -> Stretch:
    first, last = place.start, place.stop - 1
    told: Any = [np.datetime_as_string(at[row].astype("datetime64[ns]")) for row in (first, last)]
    return Stretch(first=first, last=last, first_at=str(told[0]), last_at=str(told[1]))


def _split(frame: SwapFrame, held_out: list[slice], plan: SplitPlan, *, forward: bool, parts: int) -> Splits:
    """Rows to learn from, to choose by and to judge on, of the fold that holds some stretches out."""
    apart = plan.purge + plan.embargo
    usable = np.ones(len(frame), dtype=bool)
    for place in held_out:
        usable[max(place.start - apart, 0) : len(frame) if forward else place.stop + apart] = False
    usable[: plan.seq_len - 1] = False
    rows = np.flatnonzero(usable)
    border = min(round(len(rows) * (1 - plan.val_share)), max(len(rows) - 1, 0))
    begins = _apart(frame, int(rows[border])) if len(rows) and plan.val_share else len(frame)
    val = rows[rows >= begins][plan.embargo :]
    train = rows[rows < begins - (plan.purge if plan.val_share else 0)]
    test = np.concatenate([np.arange(place.start, place.stop) for place in held_out])
    if not len(train) or (not len(val) and plan.val_share > 0):
        raise _too_short(frame, parts)
    return Splits(train, val, test[test >= plan.seq_len - 1])


def _too_short(frame: SwapFrame, parts: int) -> InputError:
    what = f"{len(frame):,} swaps are too few for {parts} stretches with what is left out between them"
    return InputError(what, where=frame.source, hint="ask for fewer folds, or use a longer tape")
