"""Read swaps: the door to every layout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.core.shipped import find
from rook_bench.ingest.one_pool import read_log
from rook_bench.ingest.recognise import recognise
from rook_bench.ingest.text_rows import columns_of
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool
from rook_bench.market.tape_file import read_tape_folder

Reader = Callable[[Path, Pool | None], SwapFrame]


def read_swaps(
    path: str | Path,
    pool: Pool | None = None,
    *,
    address: str | None = None,
    allow_rounded: bool = False,
    base: str | None = None,
) -> SwapFrame:
    """Read a tape, a log, a ROOK folder or one of ROOK's CSV files.

    Args:
        path: file or folder, or a tape that goes by name (`sample`). A folder is ROOK's when it holds
            core_features.csv, a tape when it holds tape.json, what folds are judged on when it holds folds.json,
            else a folder of log files.
        pool: metadata for logs that do not tell it.
        address: the pool (v4: pool id) to read out of a log or tape of several.
        allow_rounded: take integers that have been through a float; the frame says which.
        base: the token that is bought and sold (a symbol, "token0" or "token1"), where it is not the usual one.

    Raises:
        InputError: missing, empty or damaged file; columns of no or of two layouts; bad values;
            a log of several pools and no address.
    """
    frame = _read(find("tape", path), pool, address, allow_rounded)
    return frame if base is None else with_base(frame, base)


def with_base(frame: SwapFrame, base: str) -> SwapFrame:
    """The same swaps with this token as the base; InputError where features or labels were made for the other."""
    pool = frame.pool.with_base(base)
    if pool != frame.pool and (frame.labels or frame.recorded):
        raise InputError(
            f"its features and labels were made for {frame.pool.pair}", where=frame.source, hint="drop --base"
        )
    return replace(frame, pool=pool)


def _read(path: Path, pool: Pool | None, address: str | None, allow_rounded: bool) -> SwapFrame:
    if path.is_dir():
        if (path / "tape.json").exists():
            return read_tape_folder(path, pool, address=address)
        rook = _rook_file(path) or _judged_file(path)
        if rook is None:
            return read_log(path, pool, address=address, allow_rounded=allow_rounded)
        path = rook
    plugin = recognise(columns_of(path), where=path)
    if plugin.traits.get("log"):
        return read_log(path, pool, address=address, allow_rounded=allow_rounded)
    if plugin.traits.get("blocks"):
        raise InputError("holds times of blocks, no swaps", where=path, hint="name the log beside it")
    read: Reader = plugin.build()
    return read(path, pool)


def _rook_file(folder: Path) -> Path | None:
    names = ("core_features.csv", "core_features.csv.gz")
    return next((folder / name for name in names if (folder / name).exists()), None)


def _judged_file(folder: Path) -> Path | None:
    """The tape that folds are judged on; InputError for the folder of one fold, which has three."""
    if (folder / "folds.json").is_file() and (folder / "test.parquet").is_file():
        return folder / "test.parquet"
    if (folder / "folds.json").is_file():
        what = "its folds hold no swaps"
        raise InputError(what, where=folder, hint="name what rook-bench data prepare wrote, before training")
    if (folder / "splits.json").is_file():
        what = "holds the tapes of one fold's splits"
        raise InputError(what, where=folder, hint=f"name one of them, such as {folder / 'test.parquet'}")
    return None


def is_rook_folder(folder: Path) -> bool:
    """Whether a folder is one of ROOK's, or of the tapes that `data prepare` cut."""
    return _rook_file(folder) is not None or any((folder / name).is_file() for name in ("folds.json", "splits.json"))
