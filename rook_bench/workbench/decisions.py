"""Decisions as a file of one's own: Parquet to replay, CSV to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rook_bench.core import SIDE_NAMES, InputError
from rook_bench.core.decision_tape import UNPARSED, DecisionTape
from rook_bench.core.files import whole_file
from rook_bench.market.frame import SwapFrame
from rook_bench.sources.saved import write_decisions

FORMATS = (".parquet", ".csv")


def check_format(path: Path) -> None:
    """InputError for an ending that is none of `FORMATS`, before anybody is asked anything."""
    if path.suffix not in FORMATS:
        raise InputError(
            f"'{path.suffix}' is no format of decisions" if path.suffix else "the name has no ending",
            where=path,
            hint="end it in .parquet (replays as recorded:FILE) or .csv (to look at)",
        )


def save_decisions(tape: DecisionTape, frame: SwapFrame, path: Path, facts: dict[str, Any]) -> None:
    """Write decisions in the format that the path's ending names.

    A CSV has the time and price of each swap beside its decision, and UNPARSED where an answer could not be read. It
    carries no facts, so that any spreadsheet reads it, and does not replay.

    Args:
        tape: the decisions.
        frame: the swaps they are about.
        path: file to write, whole.
        facts: what a Parquet file says of itself; see `sources.decide.decision_facts`.

    Raises:
        InputError: for another ending.
    """
    check_format(path)
    if path.suffix == ".parquet":
        write_decisions(tape, path, facts)
        return
    with whole_file(path) as aside:
        _table(tape, frame).to_csv(aside, index=False)


def _table(tape: DecisionTape, frame: SwapFrame) -> pd.DataFrame:
    names = np.array([*SIDE_NAMES, "UNPARSED"], dtype=object)  # UNPARSED is -1, the last
    assert UNPARSED == -1
    table = pd.DataFrame({"at": frame.at_index, "price": frame.price, "side": names[tape.side]})
    for name in ("size", "slippage_bps", "deadline_s", "confidence", "reason"):
        table[name] = getattr(tape, name)[:]
    return table if tape.raw_text is None else table.assign(raw_text=tape.raw_text[:])
