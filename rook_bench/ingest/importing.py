"""What `data import` and `data check` do with logs, tapes and prepared files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.progress import Progress

from rook_bench.core.console import err, on_terminal, remark
from rook_bench.core.shipped import find

if TYPE_CHECKING:
    import pyarrow as pa

    from rook_bench.ingest.log_stream import LogStream
    from rook_bench.market.frame import SwapFrame
    from rook_bench.market.pool import Pool
    from rook_bench.tapecheck.check import TapeCheck


def is_log(path: Path) -> bool:
    """Whether a file or folder holds events of pools, and not swaps that were prepared already."""
    from rook_bench.ingest.read import is_rook_folder
    from rook_bench.ingest.recognise import recognise
    from rook_bench.ingest.text_rows import columns_of
    from rook_bench.market.tape_file import CONTENTS

    path = find("tape", path)
    if path.is_dir():
        return not (path / CONTENTS).exists() and not is_rook_folder(path)
    traits = recognise(columns_of(path), where=path).traits
    return bool(traits.get("log") or traits.get("blocks"))


def import_logs(
    inputs: Sequence[Path],
    out: Path,
    pool: str | None,
    *,
    allow_rounded: bool,
    gas_prices: Path | None,
    base: str | None = None,
) -> list[str]:
    """Stream event logs into a tape; lines that say what it holds."""
    from rook_bench.ingest.log_stream import stream_events
    from rook_bench.ingest.partition import write_tape_of_events
    from rook_bench.ingest.pool_metadata import unit_notes

    metadata, address = pool_choice(pool, inputs)
    if metadata is not None:
        address = metadata.log_address
    stream = stream_events(inputs, address=address, allow_rounded=allow_rounded)
    pools: dict[str, Pool] = {}
    rounded: dict[str, str] = {}
    notes: list[str] = []
    written = write_tape_of_events(
        _learning(stream, metadata, pools, rounded, notes, base),
        out,
        pools,
        source=", ".join(map(str, inputs)),
        notes=notes,
        rounded=rounded,
        gas_prices=gas_prices,
        allow_rounded=allow_rounded,
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
    stream: LogStream,
    metadata: Pool | None,
    pools: dict[str, Pool],
    rounded: dict[str, str],
    notes: list[str],
    base: str | None,
) -> Iterator[pa.Table]:
    """The stream's tables; what it learnt is put down when they are used up, before the tape is written."""
    from rook_bench.ingest.one_pool import described_pool, rounded_reasons

    seen: set[str] = set()
    with Progress(console=err, transient=True, disable=not on_terminal()) as progress:
        task = progress.add_task("reading events", total=None)
        for table in stream:
            seen.update(table["pool"].unique().to_pylist())
            progress.update(task, advance=len(table))
            yield table
    pools.update(stream.pools)
    if metadata is not None:
        pools.update({address: described_pool(metadata, address) for address in seen})
    if base is not None:
        pools.update(_with_base({address: one for address, one in pools.items() if address in seen}, base, notes))
    rounded.update(rounded_reasons(stream))
    notes.extend(stream.notes)


def _with_base(pools: Mapping[str, Pool], base: str, notes: list[str]) -> dict[str, Pool]:
    """The pools with this token as base; of several those that do not hold it stay as they are, which is noted."""
    if len(pools) == 1:
        return {address: one.with_base(base) for address, one in pools.items()}
    changed, others = {}, 0
    for address, one in pools.items():
        symbols = {"TOKEN0", "TOKEN1", one.token0.symbol.upper(), one.token1.symbol.upper()}
        if base.upper() in symbols:
            changed[address] = one.with_base(base)
        else:
            others += 1
    if others:
        notes.append(f"{others} of {len(pools)} pools do not hold {base}, and keep their own base")
    return changed


def import_others(
    inputs: Sequence[Path],
    out: Path,
    pool: str | None,
    *,
    allow_rounded: bool,
    gas_prices: Path | None,
    base: str | None = None,
) -> list[str]:
    """Join tapes and prepared files into a tape; lines that say what it holds."""
    from rook_bench.ingest.gas_prices import with_gas_prices
    from rook_bench.ingest.partition import write_by_day
    from rook_bench.market.join import join_swaps
    from rook_bench.market.tape_file import write_tape

    frame = join_swaps([read_input(path, pool, allow_rounded=allow_rounded, base=base) for path in inputs])
    if gas_prices is not None:
        frame = with_gas_prices(frame, gas_prices)
    if out.suffix == ".parquet":
        write_tape(frame, out)
    else:
        write_by_day(frame, out)
    span = f"{frame.at_index[0]} to {frame.at_index[-1]}"
    return [f"{len(frame):,} swaps, {frame.pool.pair} {frame.pool.protocol}, {span}"]


def check_each(source: Path, pool: str | None, base: str | None = None) -> list[TapeCheck]:
    """The check of every pool that INPUT holds swaps of, or of the one that `--pool` names."""
    from rook_bench.ingest.read import with_base
    from rook_bench.tapecheck.check import check_tape

    frames = _frames(find("tape", source), pool)
    checks = []
    with Progress(console=err, transient=True, disable=not on_terminal()) as progress:
        for frame in progress.track(frames, description="pricing swaps again"):
            checks.append(check_tape(frame if base is None else with_base(frame, base)))
    return checks


def explain_layouts(source: Path) -> tuple[list[str], dict[str, str]]:
    """A file's columns, and of each layout whether it is read as it, or what it lacks, the nearest first.

    Raises:
        InputError: no such file, a folder, or a file that can't be read at all.
    """
    from rook_bench.core import InputError
    from rook_bench.ingest.recognise import explained
    from rook_bench.ingest.text_rows import columns_of

    path = find("tape", source)
    if path.is_dir():
        raise InputError("is a folder", where=path, hint="name one of its files")
    columns = columns_of(path)
    return list(columns), dict(explained(columns))


def _frames(source: Path, pool: str | None) -> Sequence[SwapFrame]:
    from rook_bench.ingest.one_pool import read_logs
    from rook_bench.market.tape_file import CONTENTS, contents, read_tape_folder

    if pool is None and source.is_dir() and (source / CONTENTS).exists():
        return [read_tape_folder(source, address=address) for address in contents(source)["pools"]]
    metadata, address = pool_choice(pool, [source])
    if address is None and metadata is None and source.exists() and is_log(source):
        return read_logs(source, allow_rounded=True)
    return [read_input(source, pool, allow_rounded=True)]


def read_input(
    path: Path, pool: str | None = None, *, allow_rounded: bool = False, base: str | None = None
) -> SwapFrame:
    """Read INPUT, with the pool that `--pool` names or describes and the base token that `--base` names."""
    from rook_bench.ingest.read import read_swaps

    metadata, address = pool_choice(pool, [path])
    return read_swaps(path, metadata, address=address, allow_rounded=allow_rounded, base=base)


def pool_choice(pool: str | None, inputs: Sequence[Path]) -> tuple[Pool | None, str | None]:
    """What `--pool` gives: metadata out of a file, or an address (v4: a pool id).

    Args:
        pool: a file, an address, or a pair ("WETH/USDC") of which the inputs hold one pool.
        inputs: where to look for that pair.
    """
    from rook_bench.core import InputError
    from rook_bench.core.config import read_mapping
    from rook_bench.market.pool import Pool

    if pool is None:
        return None, None
    if re.fullmatch(r"0x([0-9a-fA-F]{40}|[0-9a-fA-F]{64})", pool):
        return None, pool.lower()
    if pool.lower().startswith("0x") and not Path(pool).exists():
        raise InputError(
            f"'{pool}' is no address", where="--pool", hint="an address has 40 digits after 0x, a v4 pool id 64"
        )
    if PAIR.fullmatch(pool) and Path(pool).suffix not in MAPPINGS and not Path(pool).exists():
        from rook_bench.ingest.pair import address_of

        return None, address_of(pool, inputs)
    return Pool.parse(read_mapping(pool), where=pool), None


PAIR = re.compile(r"[^/\\]{1,40}/[^/\\]{1,40}(/[0-9.]{1,8}%)?")
"""A pair, with the pool's fee where several trade it: "WETH/USDC/0.05%"."""

MAPPINGS = (".toml", ".yaml", ".yml", ".json")
"""How a file of metadata ends."""
