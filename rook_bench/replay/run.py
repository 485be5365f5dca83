"""Run: everything one replay was made of and gave, in memory and on disk."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.files import write_json
from rook_bench.core.hashing import sha256_code, sha256_file, sha256_json
from rook_bench.market.frame import SwapFrame
from rook_bench.market.importers import read_swaps, write_tape
from rook_bench.market.tape_check import TapeCheck, check_tape
from rook_bench.plugins import Spec
from rook_bench.replay.orders import OrderTable
from rook_bench.risk import Permitted
from rook_bench.sources import Decided, Source
from rook_bench.sources.decide import decision_facts
from rook_bench.sources.lookahead import Lookahead
from rook_bench.sources.saved import read_decisions, write_decisions

if TYPE_CHECKING:
    from rook_bench.replay.engine import ReplayConfig
    from rook_bench.replay.ledger import Landed

VERSION = 3
FILES = ("decisions.parquet", "orders.parquet", "fills.parquet", "equity.parquet")


@dataclass(frozen=True, eq=False)
class Run:
    """One source replayed on one tape under one configuration; the money in it reconciles.

    Attributes:
        frame: the tape.
        decided: the decisions and their source.
        config: what was assumed.
        permitted: what sizing and filters made of the decisions.
        opening: quote and base at the start, smallest units.
        orders: every wish to trade and what became of it.
        equity: quote value of both balances after each row, float64, shape (n,).
        lookahead: what the look-ahead check found.
        tape_check: what the tape says about itself.
    """

    frame: SwapFrame
    decided: Decided
    config: ReplayConfig
    permitted: Permitted
    opening: tuple[int, int]
    orders: OrderTable
    equity: NDArray[np.float64]
    lookahead: Lookahead
    tape_check: TapeCheck

    @property
    def source(self) -> Source:
        """The decision source."""
        return self.decided.source

    @property
    def name(self) -> str:
        """The source's reference, short enough for a table ("rules:data_driven.json")."""
        return short_name(self.source.reference)

    @cached_property
    def hold_equity(self) -> NDArray[np.float64]:
        """Equity of keeping the opening balances, shape (n,)."""
        pool = self.frame.pool
        return self.opening[0] / pool.quote.unit + self.opening[1] / pool.base.unit * self.frame.price

    @cached_property
    def landed(self) -> tuple[Landed, ...]:
        """The orders that changed a balance, in Python integers, in the order in which they landed."""
        from rook_bench.replay.ledger import read_landed

        return read_landed(self)

    @property
    def run_hash(self) -> str:
        """Identity of what the run was made of: data, decisions, configuration, components, code."""
        return sha256_json(
            {
                "data": self.frame.data_hash,
                "decisions": self.decided.tape.content_hash,
                "config": self.config.model_dump(),
                "specs": [spec.to_json() for spec in self.specs],
                "source": self.source.content,
                "code": sha256_code(),
            }
        )

    @property
    def specs(self) -> tuple[Spec, ...]:
        """Records of every component."""
        return (self.source.spec, *self.permitted.specs)

    def portfolio(self) -> Any:
        """The fills as a vectorbt Portfolio; its value series agrees with the ledger."""
        from rook_bench.replay.portfolio import to_vectorbt

        return to_vectorbt(self)


def short_name(reference: str) -> str:
    """A reference without the folders of the paths in it."""
    return re.sub(r"[^:@=,]*/", "", reference)


def slug(reference: str) -> str:
    """A reference as a folder name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", short_name(reference)).strip("-.") or "source"


def save_run(run: Run, folder: Path, *, tape: Path | None = None) -> None:
    """Write a Run into an existing folder (metrics and report are added by their own layers).

    Args:
        tape: where the tape already lies, if several Runs share one; else it is written beside.
    """
    if tape is None:
        tape = folder / "tape.parquet"
        write_tape(run.frame, tape)
    facts = decision_facts(run.source, run.frame, run.config.seed)
    write_decisions(run.decided.tape, folder / "decisions.parquet", facts)
    table = run.orders.to_arrow()
    pq.write_table(table, folder / "orders.parquet", compression="zstd")
    pq.write_table(table.filter(pa.array(run.orders.sent)), folder / "fills.parquet", compression="zstd")
    pq.write_table(_equity_table(run), folder / "equity.parquet", compression="zstd")
    record = sealed(
        {
            "version": VERSION,
            "rook_bench": version("rook-bench"),
            "source": run.source.reference,
            "source_hash": run.source.content,
            "run_hash": run.run_hash,
            "data_hash": run.frame.data_hash,
            "decisions_hash": run.decided.tape.content_hash,
            "code_hash": sha256_code(),
            "config": run.config.model_dump(),
            "specs": [spec.to_json() for spec in run.specs],
            "opening": {"quote": str(run.opening[0]), "base": str(run.opening[1])},
            "seconds_per_decision": run.decided.seconds_per_decision,
            "lookahead": run.lookahead.to_json(),
            "tape_check": run.tape_check.to_json(),
            "tape": os.path.relpath(tape, folder),
            "files": {name: sha256_file(folder / name) for name in FILES},
        }
    )
    write_json(folder / "run.json", record)


def sealed(record: dict[str, Any]) -> dict[str, Any]:
    """The record with `seal`, the hash of all else in it: an edited record is noticed when it is read."""
    return record | {"seal": sha256_json({key: value for key, value in record.items() if key != "seal"})}


def _equity_table(run: Run) -> pa.Table:
    from rook_bench.replay.ledger import balances_by_row

    cash, base = balances_by_row(run)
    return pa.table(
        {
            "at": pa.array(run.frame.at, pa.timestamp("ns", "UTC")),
            "price": run.frame.price,
            "cash": cash,
            "base": base,
            "equity": run.equity,
            "hold_equity": run.hold_equity,
        }
    )


def load_run(folder: str | Path) -> Run:
    """Read a Run, check its hashes, replay its decisions and compare: a Run is never trusted as it lies.

    Raises:
        InputError: where files are missing, or don't match what run.json says of them.
    """
    try:
        return _load(Path(folder))
    except (KeyError, TypeError, AttributeError) as error:
        what = f"run.json lacks or garbles something ({type(error).__name__}: {error})"
        raise InputError(what, where=folder, hint="replay it again") from None


def _load(folder: Path) -> Run:
    from rook_bench.market.view import MarketView
    from rook_bench.replay.engine import ReplayConfig, execute
    from rook_bench.replay.ledger import reconcile
    from rook_bench.risk import apply_risk

    facts = _read_facts(folder)
    for name, digest in facts["files"].items():
        if not (folder / name).is_file():
            raise InputError(f"the run lacks {name}", where=folder, hint="replay it again")
        if sha256_file(folder / name) != digest:
            raise InputError(f"{name} does not match its hash in run.json", where=folder, hint="replay it again")
    frame = read_swaps(folder / facts["tape"])
    if frame.data_hash != facts["data_hash"]:
        raise InputError("the tape is not the one the run was made on", where=folder / facts["tape"])
    tape, decision = read_decisions(folder / "decisions.parquet")
    if tape.content_hash != facts["decisions_hash"] or len(tape) != len(frame):
        raise InputError("decisions.parquet does not belong to this run", where=folder, hint="replay it again")
    config = ReplayConfig.parse(facts["config"], where=folder / "run.json")
    source = Source.remembered(facts["source"], decision["content"])
    decided = Decided(source, tape, decision["key"], reused=True, seconds_per_decision=facts["seconds_per_decision"])
    permitted = apply_risk(config.risk, MarketView.whole(frame), tape)
    orders, equity, opening = execute(frame, decided, permitted, config)
    if not orders.to_arrow().equals(pq.read_table(folder / "orders.parquet").cast(orders.to_arrow().schema)):
        raise InputError(
            "replaying the decisions gives other orders than the run holds",
            where=folder,
            hint="the code or a plugin changed: replay it again",
        )
    run = Run(
        frame=frame,
        decided=decided,
        config=config,
        permitted=permitted,
        opening=opening,
        orders=orders,
        equity=equity,
        lookahead=Lookahead(**{**facts["lookahead"], "cuts": tuple(facts["lookahead"]["cuts"])}),
        tape_check=check_tape(frame),
    )
    reconcile(run)
    return run


def _read_facts(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            "the folder holds no run.json", where=folder, hint="make a run with rook-bench replay"
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"not a readable run.json ({error})", where=folder) from None
    if not isinstance(facts, dict):
        raise InputError("run.json is no record of a run", where=folder, hint="replay it again")
    if facts.get("version") != VERSION:
        raise InputError(f"run version {facts.get('version')} is not {VERSION}", where=folder, hint="replay it again")
    if sealed(facts) != facts:
        raise InputError("run.json was changed after it was written", where=folder, hint="replay it again")
    return facts
