"""What `data import` and `data check` do with logs, tapes and prepared files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress

from rook_bench.cli.output import err, on_terminal, remark

if TYPE_CHECKING:
    import pyarrow as pa

    from rook_bench.market.frame import SwapFrame
    from rook_bench.market.importers.logs import LogStream
    from rook_bench.market.pool import Pool
    from rook_bench.market.tape_check import TapeCheck


def is_log(path: Path) -> bool:
    """Whether a file or folder holds events of pools, and not swaps that were prepared already."""
    from rook_bench.market.importers.recognise import is_rook_folder, recognise
    from rook_bench.market.importers.records import columns_of
    from rook_bench.market.importers.tape import CONTENTS

    if path.is_dir():
        return not (path / CONTENTS).exists() and not is_rook_folder(path)
    traits = recognise(columns_of(path), where=path).traits
    return bool(traits.get("log") or traits.get("blocks"))


def import_logs(
    inputs: Sequence[Path], out: Path, pool: str | None, *, allow_rounded: bool, gas_prices: Path | None
) -> list[str]:
    """Stream event logs into a tape; lines that say what it holds."""
    from rook_bench.cli.data import pool_choice
    from rook_bench.market.importers.logs import stream_events
    from rook_bench.market.importers.tokens import unit_notes
    from rook_bench.market.partition import write_tape_of_events

    metadata, address = pool_choice(pool)
    if metadata is not None and metadata.address != "unknown":
        address = metadata.address
    stream = stream_events(inputs, address=address, allow_rounded=allow_rounded)
    pools: dict[str, Pool] = {}
    rounded: dict[str, str] = {}
    notes: list[str] = []
    written = write_tape_of_events(
        _learning(stream, metadata, pools, rounded, notes),
        out,
        pools,
        source=", ".join(map(str, inputs)),
        notes=notes,
        rounded=rounded,
        gas_prices=gas_prices,
    )
    for note in notes:
        remark(note)
    unnamed = sum(bool(unit_notes(one.pool)) for one in written)
    if unnamed:
        remark(f"{unnamed} pools have a token whose decimals are not known: it counts in smallest units")
    if len(written) == 1:
        one = written[0]
        days = len(one.swaps_by_day)
        return [f"{one.swaps:,} swaps of {one.pool.pair} {one.pool.protocol} on {days} day{'s' * (days > 1)}"]
    swaps = sum(one.swaps for one in written)
    most = sorted(written, key=lambda one: -one.swaps)[:3]
    named = ", ".join(f"{one.address} ({one.pool.pair}, {one.swaps:,})" for one in most)
    return [f"{swaps:,} swaps of {len(written)} pools; most of {named}"]


def _learning(
    stream: LogStream, metadata: Pool | None, pools: dict[str, Pool], rounded: dict[str, str], notes: list[str]
) -> Iterator[pa.Table]:
    """The stream's tables; what it learnt is put down when they are used up, before the tape is written."""
    from rook_bench.market.importers.one_pool import rounded_reasons

    seen: set[str] = set()
    with Progress(console=err, transient=True, disable=not on_terminal()) as progress:
        task = progress.add_task("reading events", total=None)
        for table in stream:
            seen.update(table["pool"].unique().to_pylist())
            progress.update(task, advance=len(table))
            yield table
    pools.update(stream.pools)
    if metadata is not None:
        pools.update(dict.fromkeys(seen, metadata))
    rounded.update(rounded_reasons(stream))
    notes.extend(stream.notes)


def import_others(
    inputs: Sequence[Path], out: Path, pool: str | None, *, allow_rounded: bool, gas_prices: Path | None
) -> list[str]:
    """Join tapes and prepared files into a tape; lines that say what it holds."""
    from rook_bench.cli.data import read_input
    from rook_bench.market.gas_prices import with_gas_prices
    from rook_bench.market.importers import join_swaps, write_tape
    from rook_bench.market.partition import write_by_day

    frame = join_swaps([read_input(path, pool, allow_rounded=allow_rounded) for path in inputs])
    if gas_prices is not None:
        frame = with_gas_prices(frame, gas_prices)
    if out.suffix == ".parquet":
        write_tape(frame, out)
    else:
        write_by_day(frame, out)
    span = f"{frame.at_index[0]} to {frame.at_index[-1]}"
    return [f"{len(frame):,} swaps, {frame.pool.pair} {frame.pool.protocol}, {span}"]


def check_each(source: Path, pool: str | None) -> list[TapeCheck]:
    """The check of every pool that INPUT holds swaps of, or of the one that `--pool` names."""
    from rook_bench.market.tape_check import check_tape

    frames = _frames(source, pool)
    checks = []
    with Progress(console=err, transient=True, disable=not on_terminal()) as progress:
        for frame in progress.track(frames, description="pricing swaps again"):
            checks.append(check_tape(frame))
    return checks


def _frames(source: Path, pool: str | None) -> Sequence[SwapFrame]:
    from rook_bench.cli.data import pool_choice, read_input
    from rook_bench.market.importers.one_pool import read_logs
    from rook_bench.market.importers.tape import CONTENTS, contents, read_tape_folder

    if pool is None and source.is_dir() and (source / CONTENTS).exists():
        return [read_tape_folder(source, address=address) for address in contents(source)["pools"]]
    metadata, address = pool_choice(pool)
    if address is None and metadata is None and source.exists() and is_log(source):
        return read_logs(source, allow_rounded=True)
    return [read_input(source, pool, allow_rounded=True)]
