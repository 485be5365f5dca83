"""Part of a tape: between two times, one of its splits, the first so many swaps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import ConfigError, InputError, UnknownName
from rook_bench.dataset.split_tapes import SPLITS, split_tape, with_past
from rook_bench.dataset.splits import SplitPlan, split_rows
from rook_bench.market.frame import SwapFrame
from rook_bench.market.row_checks import EARLIEST, LATEST


class NoSwapLeft(InputError):
    """A part of a tape in which no swap lies."""


def part_of(
    frame: SwapFrame,
    *,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    limit: int | None = None,
    split: str | None = None,
    plan: SplitPlan | None = None,
    prepared: str | Path | None = None,
) -> SwapFrame:
    """The swaps that are asked for, consecutive as they are on the tape, with a note that says which.

    Args:
        frame: the tape.
        since, until: from this time on, and before this time; text is ISO 8601, UTC where it names no zone.
        limit: the first so many swaps of what is left.
        split: "train", "validation" or "test" of the whole tape, as `prepare` cuts it.
        plan: how it cuts it; the default plan by default.
        prepared: the folder that `prepare` wrote of this tape: the split is the one it holds, with its labels.

    Returns:
        The same frame where nothing is asked. A part that begins later keeps its features as the rows before it
        made them (see `dataset.split_tapes.with_past`).

    Raises:
        InputError, UnknownName: for what is no time, limit or split, or leaves no swap.
    """
    if prepared is not None:
        return part_of(_prepared(frame, Path(prepared), split), since=since, until=until, limit=limit)
    if since is None and until is None and limit is None and split is None:
        return frame
    start, stop = 0, len(frame)
    if split is not None:
        start, stop = _split(frame, split, plan or SplitPlan())
    asked = {"from": _time(since, "from"), "to": _time(until, "to")}
    bounds = {name: at for name, at in asked.items() if at is not None}
    _check_times(frame, bounds)
    if "from" in bounds:
        start = max(start, int(np.searchsorted(frame.at, bounds["from"])))
    if "to" in bounds:
        stop = min(stop, int(np.searchsorted(frame.at, bounds["to"])))
    if limit is not None:
        if limit < 1:
            raise InputError(f"{limit} is no number of swaps", where="limit", hint="take at least 1")
        stop = min(stop, start + limit)
    if start >= stop:
        where = " ".join(f"{name} {_shown(at)}" for name, at in bounds.items())
        what = f"no swap{f' of the {split} split' if split else ''} lies there; {_spans(frame)}"
        raise NoSwapLeft(what, where=where or "split")
    part = with_past(frame, np.arange(start, stop)) if start else frame[:stop]  # before the first row lies nothing
    return replace(part, notes=(*frame.notes, _note(frame, start, stop, split, bounds)))


def _prepared(frame: SwapFrame, folder: Path, split: str | None) -> SwapFrame:
    """The split of a prepared folder, once it is known to be of this tape."""
    if split is None:
        raise ConfigError(
            "it says where the splits lie, and none is asked for", where="prepared", hint="add --split test"
        )
    tape = split_tape(folder, split)
    own = tape.read()
    if own.pool != frame.pool and own.pool.address == frame.pool.address:
        raise InputError(
            f"was prepared from {own.pool.pair} with a fee of {own.pool.fee:.4%}, and the tape is read as "
            f"{frame.pool.pair} with {frame.pool.fee:.4%}",
            where=folder,
            hint="prepare it again, or read the tape as it was read then (--base, --pool)",
        )
    if frame.data_hash != tape.source_hash:
        raise InputError(
            f"was prepared from another tape than {frame.source or 'this one'}, or the tape has changed since",
            where=folder,
            hint="prepare this tape, or leave --prepared out",
        )
    return own


def _split(frame: SwapFrame, split: str, plan: SplitPlan) -> tuple[int, int]:
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    rows: NDArray[np.intp] = getattr(split_rows(len(frame), plan, where=frame.source), SPLITS[split])
    return (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)


def split_dates(validation_from: datetime | str | None, test_from: datetime | str | None) -> dict[str, datetime]:
    """Dates of a `SplitPlan` that are given, with UTC where no zone is; InputError for what is no time."""
    given = {"validation_from": validation_from, "test_from": test_from}
    times = {name: _time(value, name) for name, value in given.items()}
    return {name: at.astype("M8[us]").item().replace(tzinfo=UTC) for name, at in times.items() if at is not None}


def _time(given: datetime | str | None, name: str) -> np.datetime64 | None:
    if given is None:
        return None
    try:
        at = given if isinstance(given, datetime) else datetime.fromisoformat(given)
    except ValueError:
        raise InputError(f"'{given}' is not a time", where=name, hint="write 2025-01-31 or 2025-01-31T12:00Z") from None
    if not EARLIEST.astype("datetime64[Y]").item().year <= at.year <= LATEST.astype("datetime64[Y]").item().year:
        raise InputError(f"{at.year} is not a year of any tape", where=f"{name} {given}")
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return np.datetime64(at.replace(tzinfo=None), "ns")


def _check_times(frame: SwapFrame, bounds: dict[str, np.datetime64]) -> None:
    """InputError for a time that leaves nothing of the tape."""
    if len(bounds) == 2 and bounds["from"] >= bounds["to"]:
        raise InputError("it is not after the time to begin from", where=f"to {_shown(bounds['to'])}")
    if "from" in bounds and bounds["from"] > frame.at[-1]:
        raise NoSwapLeft(f"the tape ends before it; {_spans(frame)}", where=f"from {_shown(bounds['from'])}")
    if "to" in bounds and bounds["to"] <= frame.at[0]:
        raise NoSwapLeft(f"the tape begins after it; {_spans(frame)}", where=f"to {_shown(bounds['to'])}")


def _note(frame: SwapFrame, start: int, stop: int, split: str | None, bounds: dict[str, np.datetime64]) -> str:
    """For example "swaps 5,105 to 6,000 of 6,000 (test split), 2025-03-05 12:00:01 to 2025-03-05 18:00:00 UTC"."""
    name = f" ({split} split)" if split else ""
    times = f"{_shown(frame.at[start])} to {_shown(frame.at[stop - 1])} UTC"
    outside = any(not frame.at[0] <= at <= frame.at[-1] for at in bounds.values())
    return f"swaps {start + 1:,} to {stop:,} of {len(frame):,}{name}, {times}" + (
        f"; {_spans(frame)}" if outside else ""
    )


def _spans(frame: SwapFrame) -> str:
    return f"it spans {_shown(frame.at[0])} to {_shown(frame.at[-1])} UTC"


def _shown(at: np.datetime64) -> str:
    return str(at.astype("datetime64[s]")).replace("T", " ")
