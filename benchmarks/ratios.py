"""How our work compares with that of others, side by side in one run: `python benchmarks/ratios.py`.

Prints ratios of CPU time, ours over theirs, and holds them against ratios.json; `--write` puts them there. With
`--peers` engines in an environment of their own take part too (`make peers` installs it).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from rook_bench.core import Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.ingest.abi import TOPICS
from rook_bench.ingest.log_stream import stream_events
from rook_bench.ingest.read import read_swaps
from rook_bench.market.features import compute_conditions, compute_features
from rook_bench.market.frame import SwapFrame
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.tape_file import write_tape
from rook_bench.market.view import MarketView
from rook_bench.plugins import Spec
from rook_bench.replay import ReplayConfig, replay
from rook_bench.replay.engine import execute
from rook_bench.risk import apply_risk
from rook_bench.sources.saved import write_decisions
from rook_bench.sweeps.replays import Decisions, Replays
from rook_bench.sweeps.settings import Asked
from rook_bench.tapecheck.check import check_tape
from rook_bench.workbench.config import BenchConfig

HERE = Path(__file__).resolve().parent
FILE = HERE / "ratios.json"
PEERS = HERE.parent / ".venv" / "peers"

ROWS, LOG_ROWS = 50_000, 20_000
"""Swaps of the tape, and rows of the log."""

ROUNDS = 7
"""Each side takes so many turns; the fastest of each counts."""

SLIPPED = 1.5
"""A ratio that has grown by more than this has slipped."""

FAST, SLOW = 50, 200
"""Swaps of the two means whose crossings are traded."""


@dataclass(frozen=True)
class Ratio:
    """One comparison.

    Attributes:
        name: of the work; ours, theirs: what each side does.
        sides: makes both ready, and gives what each repeats.
    """

    name: str
    ours: str
    theirs: str
    sides: Callable[[], tuple[Callable[[], object], Callable[[], object]]]

    def measure(self, rounds: int = ROUNDS) -> float:
        """CPU time of our side over theirs, the fastest turn of each, taking turns."""
        ours, theirs = self.sides()
        ours(), theirs()
        mine, other = [], []
        for _ in range(rounds):
            mine.append(_cpu_of(ours))
            other.append(_cpu_of(theirs))
        return min(mine) / min(other)


def _cpu_of(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


@cache
def tape() -> SwapFrame:
    """The swaps that all compare on."""
    return simulate(ROWS, np.random.default_rng(7))


@cache
def crossings() -> DecisionTape:
    """All in above the slow mean, all out below it."""
    price = pd.Series(tape().price)
    above = (price.rolling(FAST).mean() > price.rolling(SLOW).mean()).to_numpy(dtype=np.int8)
    turn = np.diff(above, prepend=above[:1])
    side = np.where(turn > 0, Side.BUY, np.where(turn < 0, Side.SELL, Side.HOLD))
    return DecisionTape.from_sides(side, 1.0, slippage_bps=9999.0, deadline_s=1e9)


def targets() -> pd.Series:
    """The same as target shares, on the row after, for engines that take such."""
    side = crossings().side
    wished = np.where(side == Side.BUY, 1.0, np.where(side == Side.SELL, 0.0, np.nan))
    return pd.Series(np.concatenate([[np.nan], wished[:-1]]))


def _vectorbt() -> Callable[..., Any]:
    import vectorbt

    price, size = pd.Series(tape().price), targets()
    fee = {"size": size, "size_type": "targetpercent", "init_cash": 1e4, "freq": "12s"}
    return lambda fees: vectorbt.Portfolio.from_orders(price, fees=fees, **fee)


def _execute() -> tuple[Callable[[], object], Callable[[], object]]:
    frame, decided, config = tape(), crossings(), ReplayConfig()
    permitted = apply_risk(config.risk, MarketView.whole(frame), decided)
    make = _vectorbt()
    return lambda: execute(frame, decided, permitted, config), lambda: make(5e-4).value()


def _replay() -> tuple[Callable[[], object], Callable[[], object]]:
    frame, path = tape(), Path(_folder().name) / "crossings.parquet"
    write_decisions(crossings(), path, {"data_hash": frame.data_hash})
    make = _vectorbt()
    return lambda: replay(frame, f"recorded:{path}"), lambda: make(5e-4).value()


def _point() -> tuple[Callable[[], object], Callable[[], object]]:
    frame, decided = tape(), crossings()
    spec = Spec("decision_source", "crossings", {}, "ratios.py", "")
    work = Replays(frame, frame.data_hash, (Decisions(decided, decided.content_hash, spec, ""),)).open()
    points = [[Asked(0, BenchConfig.parse({"frictions": {"fee_pips": fee}}, where="ratios"))] for fee in range(1000)]
    make, left = _vectorbt(), iter(range(1000))

    def theirs() -> object:
        portfolio = make(next(left) * 1e-6)
        return portfolio.total_return(), portfolio.sharpe_ratio(), portfolio.max_drawdown(), portfolio.orders.count()

    ours = iter(points)
    return lambda: work(next(ours)), theirs


def _log() -> tuple[Callable[[], object], Callable[[], object]]:
    path = Path(_folder().name) / "ethereum-0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640.raw.csv"
    if not path.exists():
        _raw_log(tape().take(np.arange(LOG_ROWS))).to_csv(path, index=False)

    def ours() -> object:
        return sum(len(table) for table in stream_events([path]))

    return ours, lambda: pd.read_csv(path, dtype=str, keep_default_na=False)


def _raw_log(frame: SwapFrame) -> pd.DataFrame:
    """The swaps as a node's log entries, in demeter's layout."""
    topic = next(topic for topic, name in TOPICS.items() if name == "Swap")
    amounts = frame.amounts
    columns = (*amounts, frame.sqrt_price_x96, frame.liquidity, frame.exact_tick.tolist())
    words = [
        "0x" + "".join((value % 2**256).to_bytes(32, "big").hex() for value in row)
        for row in zip(*columns, strict=True)
    ]
    n = len(frame)
    return pd.DataFrame(
        {
            "block_number": np.arange(n) + 18_000_000,
            "block_timestamp": pd.Series(frame.at).dt.strftime("%Y-%m-%d %H:%M:%S"),
            "transaction_hash": [f"0x{row:064x}" for row in range(n)],
            "transaction_index": 1,
            "log_index": 1,
            "topics": f"['{topic}', '0x{'1' * 64}', '0x{'2' * 64}']",
            "data": words,
        }
    )


def _read() -> tuple[Callable[[], object], Callable[[], object]]:
    path = _tape_file()
    return lambda: read_swaps(path), lambda: pq.read_table(path)


def _check() -> tuple[Callable[[], object], Callable[[], object]]:
    path = _tape_file()
    frames = iter([read_swaps(path) for _ in range(ROUNDS + 3)])
    return lambda: check_tape(next(frames)), lambda: pq.read_table(path)


def _features() -> tuple[Callable[[], object], Callable[[], object]]:
    path = _tape_file()
    frames = iter([read_swaps(path) for _ in range(ROUNDS + 3)])

    def ours() -> object:
        frame = next(frames)
        return compute_features(frame), compute_conditions(frame)

    return ours, lambda: pq.read_table(path)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="rook-bench-")


@cache
def _tape_file() -> Path:
    path = Path(_folder().name) / "tape.parquet"
    write_tape(tape(), path)
    return path


RATIOS = (
    Ratio("loop", "execute: orders and equity, exact pool", "vectorbt: from_orders and value()", _execute),
    Ratio("replay", "replay: kept decisions, checked, reconciled", "vectorbt: from_orders and value()", _replay),
    Ratio("point", "a sweep's point: five metrics, returns", "vectorbt: from_orders, return, Sharpe, drawdown", _point),
    Ratio("import", "events of a raw log, exact", "pandas reads the file as text", _log),
    Ratio("read", "read_swaps", "pyarrow reads the tape", _read),
    Ratio("check", "check_tape: re-pricing, chaining, order", "pyarrow reads the tape", _check),
    Ratio("features", "features and conditions", "pyarrow reads the tape", _features),
)
"""What is kept fast; HELD is held against the file in tests too. The frame of `replay` was replayed before."""

HELD = ("loop", "replay", "point", "import")


@contextmanager
def _peers() -> Iterator[Path]:
    """The tape and its targets in a file for engines of another environment."""
    with tempfile.TemporaryDirectory(prefix="rook-bench-") as folder:
        path = Path(folder) / "orders.npz"
        np.savez(path, price=tape().price, at=tape().at.astype(np.int64), size=targets().to_numpy())
        yield path


def peers() -> list[tuple[str, float]]:
    """Milliseconds of each peer and of ours, the same work in turns."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        raise SystemExit("no peers are installed: run make peers")
    ours = [ratio.sides()[0] for ratio in RATIOS if ratio.name in ("loop", "point")]
    for work in ours:
        work()
    best: dict[str, float] = {}
    with _peers() as path:
        for _ in range(3):
            for name, work in zip(("ours, execute", "ours, a point of a sweep"), ours, strict=True):
                best[name] = min(best.get(name, np.inf), min(_cpu_of(work) for _ in range(ROUNDS)) * 1e3)
            told = subprocess.run([python, HERE / "peer_loops.py", path], capture_output=True, text=True, check=True)
            for name, milliseconds in json.loads(told.stdout).items():
                best[name] = min(best.get(name, np.inf), milliseconds)
    return sorted(best.items(), key=lambda item: item[1])


def main() -> None:
    """Measure, print, compare or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the ratios into ratios.json")
    parser.add_argument("--peers", action="store_true", help="time engines of .venv/peers beside ours")
    asked = parser.parse_args()
    if asked.peers:
        for name, milliseconds in peers():
            print(f"{milliseconds:10.2f} ms  {name}")
        return
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    measured = {}
    for ratio in RATIOS:
        measured[ratio.name] = round(ratio.measure(), 3)
        before = known.get(ratio.name)
        mark = (
            ""
            if before is None
            else f" (was {before})" + (" SLIPPED" if measured[ratio.name] > SLIPPED * before else "")
        )
        print(f"{measured[ratio.name]:8.3f}{mark}  {ratio.ours}  /  {ratio.theirs}")
    if asked.write:
        FILE.write_text(json.dumps(measured, indent=2) + "\n")
    elif any(measured[name] > SLIPPED * before for name, before in known.items()):
        sys.exit("a ratio has slipped")


if __name__ == "__main__":
    main()
