"""Prepared folders as training data: prompts, labels and the rows of each split; of several pools one date cuts all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, InputError, Side
from rook_bench.core.hashing import sha256_json
from rook_bench.dataset.common_split import CommonSplit, DataDir, SplitRows, folders_of, refuse_twice
from rook_bench.dataset.folds import refuse_folds
from rook_bench.dataset.split_tapes import has_split_tapes, split_tape
from rook_bench.ingest.read import read_swaps
from rook_bench.ingest.text_columns import times
from rook_bench.ingest.text_files import read_text_columns
from rook_bench.language.manifest import LearnedFrom
from rook_bench.language.template import Prompts, Template
from rook_bench.market.features import FEATURES, LOOKBACK, compute_features
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool, names_apart
from rook_bench.market.view import MarketView


@dataclass(frozen=True)
class Label:
    """What the rules said about one row."""

    side: Side
    size: float
    slippage_bps: float
    deadline_s: float


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Rows of one prepared folder or several, one pool each: all of them, or those of their split tapes.

    Attributes:
        folders: where they come from; frames: their swaps.
        prompts: of every row, those of the first pool first.
        features: every causal feature of every row, in the order of `market.features.FEATURES`, shape (rows, features).
        labels: of every row.
        train, val: row numbers with a defined prompt.
        data_hash: identity of the swaps and their labels.
        overlap: rows of validation whose features look back into the train split.
        learned_from: pools, times and rows of both splits; chosen_by: of the validation split.
        common: the date that cuts several pools; None of one, which is cut as its folder says.
    """

    folders: tuple[Path, ...]
    frames: tuple[SwapFrame, ...]
    prompts: Prompts
    features: NDArray[np.float64]
    labels: list[Label]
    train: NDArray[np.intp]
    val: NDArray[np.intp]
    data_hash: str
    overlap: bool
    learned_from: LearnedFrom
    chosen_by: LearnedFrom
    common: CommonSplit | None = None

    @property
    def folder(self) -> Path:
        """The only folder, or the first."""
        return self.folders[0]

    @property
    def pools(self) -> list[Pool]:
        """Of each folder."""
        return [frame.pool for frame in self.frames]

    @property
    def names(self) -> list[str]:
        """Of the pools; see `names_apart`."""
        return names_apart(self.pools)

    @cached_property
    def pool_of(self) -> NDArray[np.intp]:
        """The pool of every row, by its place."""
        return np.repeat(np.arange(len(self.frames)), [len(frame) for frame in self.frames])

    @cached_property
    def at(self) -> NDArray[np.datetime64]:
        """The time of every row; it ascends within a pool."""
        return np.concatenate([frame.at.astype("M8[ns]") for frame in self.frames])

    @cached_property
    def side(self) -> NDArray[np.int8]:
        """Side codes of every row."""
        return np.array([label.side for label in self.labels], dtype=np.int8)

    def by_pool(self, rows: NDArray[np.intp]) -> list[NDArray[np.intp]]:
        """Where in `rows` those of each pool are."""
        return [np.flatnonzero(self.pool_of[rows] == pool) for pool in range(len(self.frames))]

    def draw(self, rows: NDArray[np.intp], most: int, seed: int) -> NDArray[np.intp]:
        """At most so many rows of each pool, drawn without replacement, in order."""
        return np.concatenate([draw_rows(rows[own], most, seed) for own in self.by_pool(rows)])

    def rendered(self, template: Template, *, mirrored: bool = False) -> Prompts:
        """What a template shows of every row, or of its mirror image."""
        return Prompts.concat([template.render(MarketView.whole(one), mirrored=mirrored) for one in self.frames])

    def column(self, feature: str) -> NDArray[np.float64] | None:
        """A feature by its name, shape (rows,); None for what is no feature."""
        names = list(FEATURES)
        return self.features[:, names.index(feature)] if feature in names else None

    def answers(self, rows: NDArray[np.intp]) -> dict[str, list[tuple[float, float, float]]]:
        """The different (size, slippage_bps, deadline_s) among these rows, by side."""
        seen: dict[str, set[tuple[float, float, float]]] = {name: set() for name in SIDE_NAMES}
        for row in rows:
            label = self.labels[row]
            seen[label.side.name].add((label.size, label.slippage_bps, label.deadline_s))
        return {name: sorted(values) for name, values in seen.items()}


def read_training_data(folder: DataDir, template: Template, seq_len: int | None = None) -> TrainingData:
    """Read a folder that `data prepare` (or ROOK's own pipeline) wrote, or several, each of another pool.

    Prompts are rendered with all the history there is: from the exact tapes of the splits, which remember what
    the rows before them told, or in a folder without them from core_features.csv; train.csv and val.csv then only
    say which rows belong to which split (their own values are standardised). Several folders are cut at one date
    (see `CommonSplit`), whatever their own splits are.

    Raises:
        InputError: where files are missing or do not belong together, a split has one class only, or the same pool is
            given twice.
    """
    given = folders_of(folder)
    folders, parts = given.paths, [_read(path, seq_len) for path in given.all]
    refuse_twice(given.all, [frame for frame, *_ in parts])
    cuts = [SplitRows.of(path, *part[:3]) for path, part in zip(given.all, parts, strict=True)] if parts[1:] else []
    common = CommonSplit.of(cuts) if cuts else None
    parts = parts[: len(folders)]
    prompts, train, val = [], [], []
    learned, chosen, hashes, first = [], [], [], 0
    for place, (path, (frame, own_train, own_val, _)) in enumerate(zip(folders, parts, strict=True)):
        shown = template.render(MarketView.whole(frame))
        if common is not None:
            own_train, own_val = common.cut(cuts[place])
        own_train, own_val = (rows[shown.defined[rows]] for rows in (own_train, own_val))
        sides = frame.labels["label_side"].astype(str)
        for name, rows in (("train", own_train), ("val", own_val)):
            if len(np.unique(sides[rows])) < 2:
                raise InputError(
                    f"the {name} split holds one class only",
                    where=path,
                    hint="use a longer tape, or rules that fire on this pool (data prepare --rules fit:...)",
                )
        hashes.append([frame.data_hash, *(sides[rows].tolist() for rows in (own_train, own_val))])
        learned.append(LearnedFrom.of(frame[int(own_train[0]) : int(own_val[-1]) + 1]))
        chosen.append(LearnedFrom.of(frame[int(own_val[0]) : int(own_val[-1]) + 1]))
        prompts.append(shown)
        train.append(first + own_train)
        val.append(first + own_val)
        first += len(frame)
    frames = tuple(frame for frame, *_ in parts)
    return TrainingData(
        folders=folders,
        frames=frames,
        prompts=Prompts.concat(prompts),
        features=np.concatenate(
            [compute_features(frame)[list(FEATURES)].to_numpy(dtype=np.float64) for frame in frames]
        ),
        labels=[label for frame in frames for label in _labels(frame)],
        train=np.concatenate(train),
        val=np.concatenate(val),
        data_hash=sha256_json(hashes[0] if common is None else [hashes, common.to_json()]),
        overlap=any(part[3] for part in parts),
        learned_from=learned[0] if common is None else LearnedFrom.union(learned),
        chosen_by=chosen[0] if common is None else LearnedFrom.union(chosen),
        common=common,
    )


def _labels(frame: SwapFrame) -> list[Label]:
    names = ("side", "size", "slippage_bps", "deadline_s")
    return [
        Label(Side[str(side)], float(size), float(slippage), float(deadline))
        for side, size, slippage, deadline in zip(*(frame.labels[f"label_{name}"] for name in names), strict=True)
    ]


def check_made_of(
    data: TrainingData,
    template: Template,
    sha256: str,
    splits: Sequence[Mapping[str, Mapping[str, Any]]],
    path: Path,
    verb: str,
) -> None:
    """InputError where what a verb made of prepared folders is of another prompt, or of other rows.

    Args:
        data, template: what it is to be used with.
        sha256: of the template that it was made with; splits: of each folder, "data_hash" of the rows by split.
        path: where it lies; verb: that makes it.
    """
    again = f"make it again with rook-bench {verb}"
    if sha256 != template.sha256:
        what = f"made with another prompt than {template.name} v{template.version}"
        named = " --pair-token" if template.pair else ""
        raise InputError(what, where=path, hint=f"{again} --template {template.name}{named}")
    if len(splits) != len(data.folders):
        what = f"made of {len(splits)} prepared folders, and {len(data.folders)} are learned from"
        raise InputError(what, where=path, hint=f"{again} of the same folders")
    for folder, told in zip(data.folders, splits, strict=True):
        for name, facts in told.items():
            if split_tape(folder, name).data_hash != facts["data_hash"]:
                raise InputError(f"made from other {name} rows than those of {folder}", where=path, hint=again)


def draw_rows(rows: NDArray[np.intp], most: int, seed: int) -> NDArray[np.intp]:
    """At most so many rows, drawn without replacement, in order of time."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, size=most, replace=False))


_Read = tuple[SwapFrame, NDArray[np.intp], NDArray[np.intp], bool]
"""Labelled rows, those of the train and of the validation split, and whether the second looks back into the first."""


def _read(folder: Path, seq_len: int | None) -> _Read:
    refuse_folds(folder)
    _check_seq_len(folder, seq_len)
    return (_from_tapes if has_split_tapes(folder) else _from_tables)(folder)


def _from_tapes(folder: Path) -> _Read:
    listed = [split_tape(folder, name) for name in ("train", "validation")]
    # What liquidity did is nothing a prompt shows, and the rows between the splits are missing.
    train, val = (replace(tape.read(), history=None) for tape in listed)
    rows = np.arange(len(train) + len(val))
    overlap = listed[1].first - listed[0].last <= LOOKBACK
    return SwapFrame.concat([train, val], source=str(folder)), rows[: len(train)], rows[len(train) :], overlap


def _from_tables(folder: Path) -> _Read:
    frame = read_swaps(folder)
    if "label_side" not in frame.labels:
        raise InputError("there is no labeled_dataset.csv", where=folder, hint="make it with rook-bench data prepare")
    splits = dict(_splits(folder, frame.at, frame.labels["label_side"].astype(str)))
    train, val = splits["train"], splits["val"]
    return frame, train, val, bool(val[0] - train[-1] <= LOOKBACK)


def _check_seq_len(folder: Path, seq_len: int | None) -> None:
    path = folder / "metadata.json"
    if seq_len is None or not path.is_file():
        return
    recorded = json.loads(path.read_text(encoding="utf-8")).get("seq_len")
    if recorded is not None and recorded != seq_len:
        raise InputError(f"seq_len is {seq_len}, the folder's windows have {recorded} swaps", where=path)


def _splits(
    folder: Path, at: NDArray[np.datetime64], sides: NDArray[np.str_]
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Row numbers of the train and validation split: each is one stretch of the labelled rows."""
    after = 0
    for name in ("train", "val"):
        path = next((folder / file for file in (f"{name}.csv", f"{name}.csv.gz") if (folder / file).is_file()), None)
        if path is None:
            raise InputError(f"there is no {name}.csv", where=folder, hint="make it with rook-bench data prepare")
        table = read_text_columns(path, ("timestamp", "side_raw"))
        if table.empty:
            raise InputError("the split is empty", where=path, hint="use a longer tape")
        stamps, words = times(table["timestamp"], path), table["side_raw"].to_numpy(dtype=str)
        count = len(table)
        # Several rows may share a second, hence every place where the stretch could start is tried.
        starts = after + np.flatnonzero(at[after : max(after, len(at) - count + 1)] == stamps[0])
        fits = (
            start
            for start in starts
            if (at[start : start + count] == stamps).all() and (sides[start : start + count] == words).all()
        )
        start = int(next(fits, -1))
        if start < 0:
            raise InputError(
                "its rows are not a stretch of labeled_dataset.csv", where=path, hint="prepare the folder again"
            )
        yield name, np.arange(start, start + count)
        after = start + count
