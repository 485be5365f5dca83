"""Which rows a sweep chooses by, and which it leaves for judging."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rook_bench.core import ConfigError, UnknownName
from rook_bench.core.console import remark
from rook_bench.dataset.split_tapes import SPLITS, split_tape
from rook_bench.dataset.splits import SplitPlan, split_rows
from rook_bench.market.frame import SwapFrame
from rook_bench.workbench.rows import part_of

DEVELOPMENT, WHOLE = "development", "whole"
"""All rows before the test split, and all rows."""

NAMES = (*SPLITS, DEVELOPMENT, WHOLE)


@dataclass(frozen=True)
class Part:
    """The rows of a sweep.

    Attributes:
        split: what they are called.
        frame: the swaps.
        test: those that the best is judged on; None where that is not asked for.
    """

    split: str
    frame: SwapFrame
    test: SwapFrame | None


def rows_of(frame: SwapFrame, split: str | None, prepared: str | Path | None, *, forward: bool, judge: bool) -> Part:
    """The rows to sweep: validation by default, all before test where the sweep itself judges in parts.

    Raises:
        ConfigError: where the rows to judge on are among those that are swept.
        InputError, UnknownName: for what is no split, or leaves no rows.
    """
    name = split or (DEVELOPMENT if forward else "validation")
    if name not in NAMES:
        raise UnknownName("split", name, NAMES)
    if judge and name in ("test", WHOLE):
        _refuse_to_judge(name)
    swept = frame
    if name == DEVELOPMENT:
        swept = part_of(frame, limit=_development(frame, prepared))
    elif name != WHOLE:
        swept = part_of(frame, split=name, prepared=prepared)
    if swept is not frame:
        remark(swept.notes[-1])
    return Part(name, swept, part_of(frame, split="test", prepared=prepared) if judge else None)


def rows_of_folder(folder: Path, split: str | None, *, forward: bool, judge: bool) -> Part:
    """The rows of a prepared folder, whose splits are tapes of their own; errors are those of `rows_of`."""
    name = split or ("train" if forward else "validation")
    if name in (DEVELOPMENT, WHOLE):
        hint = f"sweep the tape that it was prepared from, with prepared={folder} (--prepared)"
        raise ConfigError("a prepared folder holds its splits apart", where=folder, hint=hint)
    if judge and name == "test":
        _refuse_to_judge(name)
    swept = split_tape(folder, name).read()
    remark(swept.notes[-1])
    return Part(name, swept, split_tape(folder, "test").read() if judge else None)


def _refuse_to_judge(name: str) -> None:
    what = f"the best of a sweep on {name} rows can't be judged on the test rows, which it was chosen by"
    raise ConfigError(what, where="judge", hint="sweep validation, train or development")


def _development(frame: SwapFrame, prepared: str | Path | None) -> int:
    """How many rows come before what the test split looks back on."""
    if prepared is not None:
        return split_tape(Path(prepared), "validation").last + 1
    splits = split_rows(len(frame), SplitPlan(), where=frame.source)
    return int(np.max(splits.val)) + 1
