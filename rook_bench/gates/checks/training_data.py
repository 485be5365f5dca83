"""Whether the candidate learned from what it is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rook_bench.core import RookError
from rook_bench.gates.check import Check, Status
from rook_bench.gates.policy import Evidence
from rook_bench.ingest.read import read_swaps
from rook_bench.language.manifest import LearnedFrom, read_manifest
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import DOLLARS
from rook_bench.market.row_sketch import RowSketch, placed_hashes
from rook_bench.metrics import Analysis
from rook_bench.sources import Source

TITLE = "training data"

NOTHING = "nothing"
"""What a plugin declares that learned from no swaps: trained_on="nothing"."""


SAY = "rook-bench adopt --trained-on says it of a model from elsewhere"


def training_data(asked: Evidence, candidate: Analysis) -> Check:
    """Hold what the candidate says it learned from against the judged swaps.

    Overlap is invalid: no test can tell memory from skill. What is unknown is said, and where the policy asks for it
    leaves the verdict inconclusive.
    """
    source, frame = candidate.run.source, candidate.run.frame
    unknown: Status = "inconclusive" if asked.training_data == "known" else "info"
    try:
        found = _held_against(_lessons(source, frame), frame, unknown)
        if found.status == "pass" and not _lessons_told(source):
            return Check(TITLE, unknown, f"what it was taught isn't known ({SAY}); its calibration: {found.detail}")
        return found
    except (RookError, OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        return Check(TITLE, unknown, f"what it learned from can't be read ({error})")


@dataclass(frozen=True, eq=False)
class _Lesson:
    """What was learned from, and the judged swaps that are decided by it."""

    told: LearnedFrom
    stretches: list[SwapFrame]
    sketch: RowSketch


def _lessons(source: Source, frame: SwapFrame) -> list[_Lesson] | None:
    """What a source learned from, with the swaps that it decides on by that; None where it does not say."""
    told = source.choice.plugin.traits.get("lessons")
    if told is None or not source.installed:
        known = _learned_from(source)
        mine = RowSketch.of(frame) if known else None
        return None if known is None else [_Lesson(one, [frame], mine) for one in known if mine is not None]
    lessons: list[_Lesson] = []
    # Of the whole tape: a part that is cut small enough has no three prices, and shares nothing with anybody.
    hashes, ends = placed_hashes(frame)
    for manifest, stretches in told(frame, **source.choice.params):
        if manifest.learned_from is None or not manifest.lessons_known:
            return None
        own = np.zeros(len(frame), dtype=bool)
        for rows in stretches:
            own[rows] = True
        sketch = RowSketch.of_hashes(hashes[own[ends]], int(own.sum()))
        lessons.append(_Lesson(manifest.learned_from, [frame[rows] for rows in stretches], sketch))
    return lessons


def _held_against(known: list[_Lesson] | None, frame: SwapFrame, unknown: Status) -> Check:
    if known is None:
        return Check(TITLE, unknown, f"it does not say what it learned from (plugins declare trained_on; {SAY})")
    if not known:
        return Check(TITLE, "pass", "it learned from no swaps")
    folded = known[0].stretches[0] is not frame
    for lesson in known:
        told = lesson.told
        shared, of = lesson.sketch.shared(RowSketch.from_json(told.rows)) if told.rows else (0, 0)
        if shared:
            detail = f"it learned from these very swaps: {shared} of {of} that were compared are among its own"
            return Check(TITLE, "invalid", detail)
        if folded and not len(lesson.sketch.hashes):
            return Check(TITLE, unknown, "a fold decides on so few swaps that they can't be told from others")
        for judged in lesson.stretches:
            if folded and np.datetime64(told.last_at[:19], "ns") >= judged.at[0]:
                what = f"a fold learned from swaps until {told.last_at[:19]}, after those it decides on"
                return Check(
                    TITLE, "invalid", f"{what}: a cross-validation tells how to train, and nobody could trade it"
                )
            if _same_time(told, judged):
                detail = f"it learned from this market until {told.last_at[:19]}, and the tape begins before that"
                return Check(TITLE, "invalid", detail)
    until = max(lesson.told.last_at for lesson in known)[:19]
    if folded:
        detail = f"{len(known)} folds learned until {until}, each from no swap that it decides on, and from none after"
        return Check(TITLE, "pass", f"{detail}; they are no one model, and can't be promoted")
    return Check(TITLE, "pass", f"it learned from swaps until {until}, none of them judged here")


def _learned_from(source: Source) -> list[LearnedFrom] | None:
    """What a source learned from, empty where from nothing; None where it does not say."""
    declared = source.choice.plugin.traits.get("trained_on")
    told = source.choice.plugin.traits.get("learned_from")
    if told is not None and source.installed:
        return [told(**source.choice.params)]
    if declared is None and source.installed:
        adapter = source.choice.params.get("adapter")
        if not source.language_model:
            return []  # rules and baselines; what comes from a file is a handful of thresholds
        if adapter is None:
            return None
        model = read_manifest(adapter)
        if model.learned_from is None:
            return [] if model.lessons_known else None
        return [model.learned_from]
    if declared is None:
        return None
    if isinstance(declared, str) and declared == NOTHING:
        return []
    return [_declared(one, source.choice.plugin.file.parent) for one in _listed(declared)]


def _lessons_told(source: Source) -> bool:
    """Whether all that a source learned from is told; of an adopted model, somebody had to say it."""
    adapter = source.choice.params.get("adapter")
    if not (source.installed and source.language_model and adapter is not None):
        return True
    return read_manifest(adapter).lessons_known


def _tokens(pair: str) -> set[str]:
    """The tokens of a pair, wrapped ether as ether, all dollars as one."""
    names = pair.upper().replace("WETH", "ETH").split("/")
    return {DOLLAR if name in DOLLARS else name for name in names}


DOLLAR = "USD"
"""Stands for every token that stands for a dollar: what two pools are both quoted in moves neither."""


def _listed(declared: Any) -> Sequence[Any]:
    return [declared] if isinstance(declared, str | Path | dict | SwapFrame) else list(declared)


def _declared(one: Any, folder: Path) -> LearnedFrom:
    """A tape, by its path from the plugin's folder, or a table with pool, first_at and last_at."""
    if isinstance(one, dict):
        pool = {"chain": str(one.get("chain", "")), "address": str(one.get("pool", "")).lower()}
        first, last = (pd.Timestamp(str(one[name]), tz="UTC").isoformat() for name in ("first_at", "last_at"))
        if first > last:
            raise ValueError(f"trained_on ends ({last}) before it begins ({first})")
        pool["pair"] = str(one.get("pair", ""))
        return LearnedFrom(pools=[pool], first_at=first, last_at=last, rows={})
    frame = one if isinstance(one, SwapFrame) else read_swaps(folder / str(one))
    pool = {"chain": frame.pool.chain, "address": frame.pool.address.lower(), "pair": frame.pool.pair}
    first, last = (frame.at_index[row].isoformat() for row in (0, -1))
    return LearnedFrom(pools=[pool], first_at=first, last_at=last, rows=RowSketch.of(frame).to_json())


def _same_time(told: LearnedFrom, frame: SwapFrame) -> bool:
    """Whether the tape and what was learned from are of one market and one time.

    Pools of one pair have one price, and pools that share a token move together: what one does tells of the others. A
    pool without its pair might be any.
    """
    pool = frame.pool
    if pool.chain == "simulated":  # these all start on one day and have no address: only their swaps tell
        return False
    here = [
        one
        for one in told.pools
        if one["address"].lower() in ("", pool.address.lower())
        or one["pair"] == ""
        or _tokens(one["pair"]) == _tokens(pool.pair)
        or (_tokens(one["pair"]) & _tokens(pool.pair)) - {DOLLAR}
    ]
    first, last = (np.datetime64(text[:19], "ns") for text in (told.first_at, told.last_at))
    return bool(here) and bool(first <= frame.at[-1]) and bool(frame.at[0] <= last)
