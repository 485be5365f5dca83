"""The splits of a tape as tapes of their own: exact, labelled, with what the rows before them told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, InputError, UnknownName
from rook_bench.core.config import read_mapping
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.files import write_json
from rook_bench.dataset.folds import refuse_folds
from rook_bench.dataset.splits import Splits
from rook_bench.market.features import compute_features
from rook_bench.market.frame import RECORDED, SwapFrame
from rook_bench.market.tape_file import read_tape, write_tape

if TYPE_CHECKING:
    import pandas as pd

LISTING = "splits.json"
"""The file of a prepared folder that says where in the tape its split tapes lie."""

SPLITS = {"train": "train", "validation": "val", "test": "test"}
"""What a split is called, and what the prepared folder calls it."""


@dataclass(frozen=True)
class SplitTape:
    """One split of a prepared folder.

    Attributes:
        file: the tape.
        first, last: its first and last row in the tape that was prepared.
        data_hash: identity of its rows.
        source_hash: identity of the tape that was prepared.
    """

    file: Path
    first: int
    last: int
    data_hash: str
    source_hash: str

    def read(self) -> SwapFrame:
        """The split's swaps with their labels; InputError where they are not those that were written."""
        if not self.file.is_file():
            raise InputError("there is no such tape", where=self.file, hint="prepare the folder again")
        frame = read_tape(self.file)
        if frame.data_hash != self.data_hash:
            raise InputError(
                f"its swaps or labels are not those that {LISTING} lists",
                where=self.file,
                hint="prepare the folder again",
            )
        return frame


def with_past(frame: SwapFrame, rows: NDArray[np.intp]) -> SwapFrame:
    """Consecutive rows of a tape, with the features of `RECORDED` as the rows before them made them.

    What looks back in another way (a source of one's own, conditions) begins anew at the first of the rows.
    """
    return with_features(frame).take(rows)


def with_features(frame: SwapFrame, features: pd.DataFrame | None = None) -> SwapFrame:
    """The swaps with the features of `RECORDED` in columns of their own, which stay what they are in any part.

    Args:
        frame: the swaps; features: theirs, where they were computed already.
    """
    known = compute_features(frame) if features is None else features
    features = known[list(RECORDED)].dropna(axis="columns", how="all")  # the log may lack volumes
    return replace(frame, recorded={str(name): column.to_numpy() for name, column in features.items()})


def with_labels(frame: SwapFrame, labels: DecisionTape) -> SwapFrame:
    """The swaps with what the rules say about each as their labels."""
    columns = {
        "label_side": np.array(SIDE_NAMES, dtype=object)[labels.side],
        "label_size": labels.size,
        "label_slippage_bps": labels.slippage_bps,
        "label_deadline_s": labels.deadline_s,
        "label_confidence": labels.confidence,
        "label_rule": labels.reason[:],
    }
    return replace(frame, labels=columns)


def write_split_tapes(
    frame: SwapFrame, features: pd.DataFrame, labels: DecisionTape, splits: Splits, folder: Path
) -> None:
    """Write train.parquet, val.parquet and test.parquet into an existing folder, and the listing of them."""
    write_parts(with_labels(with_features(frame, features), labels), splits, folder, frame)


def write_parts(whole: SwapFrame, splits: Splits, folder: Path, tape: SwapFrame) -> None:
    """The same of a tape that has its features and labels in columns.

    Args:
        whole: the labelled swaps (see `with_features`).
        splits: rows in order of time; where they leave some out, the tape has a hole there.
        folder: an existing one.
        tape: what was prepared.
    """
    listed: dict[str, Any] = {}
    for name, rows in splits.items():
        if not len(rows):
            continue
        part = pieces_of(whole, rows)
        word = next(word for word, file in SPLITS.items() if file == name)
        note = f"swaps {rows[0] + 1:,} to {rows[-1] + 1:,} of {len(whole):,} ({word} split)"
        write_tape(replace(part, notes=(*tape.notes, note)), folder / f"{name}.parquet")
        listed[name] = {
            "file": f"{name}.parquet",
            "first": int(rows[0]),
            "last": int(rows[-1]),
            "data_hash": part.data_hash,
        }
    write_json(folder / LISTING, {"source": tape.source, "source_hash": tape.data_hash, "splits": listed})


def pieces_of(frame: SwapFrame, rows: NDArray[np.intp]) -> SwapFrame:
    """Some rows of a tape in order of time; where others lie between them there is a hole, told or not by the times.

    Rows that follow each other keep the liquidity history; what it did in a hole is known to nobody.
    """
    borders = np.flatnonzero(np.diff(rows) != 1) + 1
    if not len(borders):
        return frame.take(rows)
    stacked = SwapFrame.concat([replace(frame.take(piece), history=None) for piece in np.split(rows, borders)])
    return replace(stacked, breaks=tuple(sorted({*map(int, stacked.holes), *borders.tolist()})))


def has_split_tapes(folder: Path) -> bool:
    """Whether a folder was prepared with exact tapes of its splits."""
    return (folder / LISTING).is_file()


def split_tape(folder: Path, split: str) -> SplitTape:
    """Where the split of this name lies in a prepared folder.

    Raises:
        UnknownName: for what is no split.
        InputError: for a folder without split tapes, or without this one.
    """
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    if not folder.is_dir():
        raise InputError("no such folder", where=folder, hint="give what rook-bench data prepare wrote")
    refuse_folds(folder)
    if not has_split_tapes(folder):
        raise InputError(
            f"holds no {LISTING}, so where its splits lie is not known",
            where=folder,
            hint="prepare the tape again with rook-bench data prepare",
        )
    listing = folder / LISTING
    facts = read_mapping(listing)
    try:
        entry = facts["splits"].get(SPLITS[split])
        if entry is None:
            raise InputError(f"it has no {split} split", where=listing)
        first, last = int(entry["first"]), int(entry["last"])
        hashes = str(entry["data_hash"]), str(facts["source_hash"])
        return SplitTape(folder / Path(entry["file"]).name, first, last, *hashes)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError("not a readable list of splits", where=listing, hint="prepare the folder again") from None
