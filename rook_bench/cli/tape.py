"""The swaps that a verb works on, as its options ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rook_bench.core import ConfigError
from rook_bench.core.console import remark
from rook_bench.ingest.importing import read_input
from rook_bench.market.frame import SwapFrame
from rook_bench.workbench.rows import part_of

OPTIONS = {"since": "--from", "until": "--to", "limit": "--limit", "split": "--split"}
"""What `part_of` calls a part of a tape, and what the command line calls it."""


def read_part(data: Path, pool: str | None, allow_rounded: bool, **part: Any) -> SwapFrame:
    """Read INPUT, take the part of it that `part_of` is asked for, and say which rows that is."""
    whole = read_input(data, pool, allow_rounded=allow_rounded)
    frame = part_of(whole, **part)
    if frame is not whole:
        remark(frame.notes[-1])
    return frame


def refuse_part(part: Mapping[str, Any]) -> None:
    """ConfigError where a part is asked for of no tape."""
    for name, value in part.items():
        if value is not None:
            raise ConfigError("it takes part of a tape, and none is given", where=OPTIONS[name], hint="add --data")
