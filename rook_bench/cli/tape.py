"""The swaps that a verb works on, as its options ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rook_bench.core import ConfigError, InputError
from rook_bench.core.console import remark
from rook_bench.dataset.split_tapes import has_split_tapes, split_tape
from rook_bench.ingest.importing import read_input
from rook_bench.market.frame import SwapFrame
from rook_bench.market.reference import with_reference
from rook_bench.workbench.rows import part_of

OPTIONS = {"since": "--from", "until": "--to", "limit": "--limit", "split": "--split", "prepared": "--prepared"}
"""What `part_of` calls a part of a tape, and what the command line calls it."""


def read_part(
    data: Path,
    pool: str | None,
    allow_rounded: bool,
    base: str | None = None,
    reference: Sequence[Path] | None = None,
    **part: Any,
) -> SwapFrame:
    """Read INPUT, take the part of it that `part_of` is asked for, and say which rows that is.

    A prepared folder's splits are the tapes it holds, exact; all of it is what its CSV files tell.
    """
    given = part.get("prepared")
    if given is not None and data.is_dir() and Path(given).resolve() == data.resolve():
        part["prepared"] = None  # the folder is asked for its own split
    own = data.is_dir() and has_split_tapes(data) and part.get("prepared") is None
    if own and part.get("split") is not None:
        if pool is not None or base is not None:
            option = "--base" if pool is None else "--pool"
            raise ConfigError("the folder's tapes know their pool", where=option, hint="drop it")
        whole = split_tape(data, part.pop("split")).read()
        remark(whole.notes[-1])
    else:
        whole = read_input(data, pool, allow_rounded=allow_rounded, base=base)
        if own:
            remark(f"{data}: its CSV files round amounts and prices; --split train, validation or test is exact")
    frame = part_of(whole, **part)
    if frame is not whole:
        remark(frame.notes[-1])
    for tape in reference or ():
        frame = with_reference(frame, _reference(tape))
        remark(frame.notes[-1])
    return frame


def _reference(tape: Path) -> SwapFrame:
    try:
        return read_input(tape)
    except InputError as error:  # --pool and --allow-rounded are for the tape itself
        hint = "import it to a tape of its one pool first (data import)"
        raise InputError(error.what, where=error.where, hint=hint) from None


def refuse_part(part: Mapping[str, Any]) -> None:
    """ConfigError where a part is asked for of no tape."""
    for name, value in part.items():
        if value is not None:
            raise ConfigError("it takes part of a tape, and none is given", where=OPTIONS[name], hint="add --data")
