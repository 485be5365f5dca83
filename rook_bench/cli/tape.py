"""The swaps that a verb works on, as its options ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rook_bench.core import ConfigError, InputError
from rook_bench.core.console import remark
from rook_bench.dataset.split_tapes import has_split_tapes, split_tape
from rook_bench.ingest.importing import read_input
from rook_bench.ingest.one_pool import SeveralPools, read_logs
from rook_bench.market.frame import SwapFrame
from rook_bench.market.reference import with_reference
from rook_bench.market.tape_file import CONTENTS, contents, read_tape_folder
from rook_bench.workbench.rows import NoSwapLeft, part_of

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


def only(given: Sequence[Path] | None, option: str) -> Path | None:
    """The one value of an option that takes several for several tapes; ConfigError for more on one tape."""
    if given is not None and len(given) > 1:
        raise ConfigError(f"{len(given)} are given for one tape", where=option, hint="name one, or several tapes")
    return given[0] if given else None


def refuse_with_several(options: Mapping[str, Any]) -> None:
    """ConfigError where an option is given that is about one tape."""
    for option, value in options.items():
        if value is not None:
            hint = "import each pool to a tape of its own first (data import), or drop it"
            raise ConfigError("it is about one tape, and several are replayed", where=option, hint=hint)


def read_several(
    data: Sequence[Path],
    min_swaps: int | None,
    allow_rounded: bool,
    reference: Sequence[Path] | None = None,
    **part: Any,
) -> list[SwapFrame]:
    """Read every INPUT, a tape of one pool each; with `min_swaps` every pool of each that trades so often.

    Raises:
        InputError: where none does, and for what can't be read.
    """
    if min_swaps is None:
        return [read_part(path, None, allow_rounded, None, reference, **part) for path in data]
    references = [(tape, _reference(tape)) for tape in reference or ()]
    found: list[SwapFrame] = []
    for path in data:
        for frame in _pools_in(path, allow_rounded, min_swaps):
            with suppress(NoSwapLeft):
                cut = part_of(frame, **part)
                found += [cut] if len(cut) >= min_swaps else []
    if not found:
        where = data[0] if len(data) == 1 else "INPUT"
        raise InputError(f"no pool trades {min_swaps:,} times", where=where, hint="lower --min-swaps")
    for _, tape in references:
        found = [with_reference(frame, tape) for frame in found]
    remark(f"{len(found)} pools trade at least {min_swaps:,} times: {_names(found)}")
    return found


def _pools_in(path: Path, allow_rounded: bool, min_swaps: int) -> list[SwapFrame]:
    if path.is_dir() and (path / CONTENTS).is_file():
        pools = contents(path)["pools"]
        busy = [
            name for name in sorted(pools, key=lambda one: -pools[one]["swaps"]) if pools[name]["swaps"] >= min_swaps
        ]
        return [read_tape_folder(path, address=name) for name in busy]
    try:
        return [read_input(path, allow_rounded=allow_rounded)]
    except SeveralPools:
        return read_logs(path, allow_rounded=allow_rounded, least=min_swaps)


def _names(frames: Sequence[SwapFrame]) -> str:
    pairs = [frame.pool.pair for frame in frames]
    return ", ".join(pairs[:6]) + (f" and {len(pairs) - 6} more" if len(pairs) > 6 else "")
