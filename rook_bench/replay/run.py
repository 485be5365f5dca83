"""Run: everything one replay was made of and gave, in memory and on disk."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import mapped
from rook_bench.core.hashing import sha256_code, sha256_json
from rook_bench.core.reference import short_name
from rook_bench.market.frame import SwapFrame
from rook_bench.plugins import Spec
from rook_bench.replay.orders import OrderTable
from rook_bench.risk import Permitted
from rook_bench.sources import Decided, Source
from rook_bench.sources.lookahead import Lookahead
from rook_bench.tapecheck.check import TapeCheck

if TYPE_CHECKING:
    from rook_bench.replay.config import ReplayConfig
    from rook_bench.replay.orders import Landings


@dataclass(frozen=True, eq=False, repr=False)
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
        label: the name that somebody gave it, "" where nobody did.
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
    label: str = ""

    @property
    def source(self) -> Source:
        """The decision source."""
        return self.decided.source

    @property
    def name(self) -> str:
        """What it is called in tables: its label, or the source's reference without folders ("rules:data.json")."""
        return self.label or short_name(self.source.reference)

    @cached_property
    def hold_equity(self) -> NDArray[np.float64]:
        """Equity of keeping the opening balances, shape (n,)."""
        pool, price = self.frame.pool, self.frame.price
        quote, base = self.opening[0] / pool.quote.unit, self.opening[1] / pool.base.unit
        return mapped.by_part(len(price), lambda rows: quote + base * price[rows])

    @cached_property
    def landed(self) -> Landings:
        """The orders that changed a balance, in Python integers, in the order in which they landed."""
        return self.orders.landed(self.opening)

    @property
    def run_hash(self) -> str:
        """Identity of what the run was made of: data, decisions, configuration, components, code."""
        tape = self.decided.tape.content_hash
        return run_identity(self.frame.data_hash, tape, self.config, self.specs, self.source.content)

    @property
    def specs(self) -> tuple[Spec, ...]:
        """Records of every component."""
        return (self.source.spec, *self.permitted.specs)

    def __repr__(self) -> str:
        return f"<Run {self.name} on {self.frame.pool.pair}: {len(self.frame):,} swaps, {len(self.orders):,} orders>"

    def portfolio(self) -> Any:
        """Every fill as an order of a vectorbt Portfolio with a row for each swap; its value series is the ledger's.

        Its index counts swaps: do not annualise it. `rook_bench.evaluate(...).portfolio()` samples it on a clock.
        """
        from rook_bench.replay.portfolio import by_swap

        return by_swap(self.frame, self.opening, self.landed)


def run_identity(data: str, decisions: str, config: ReplayConfig, specs: Sequence[Spec], source: str) -> str:
    """Identity of what a run is made of; see `Run.run_hash`.

    Args:
        data, decisions: hashes of tape and decisions.
        config: what is assumed.
        specs: records of source, sizer and filters.
        source: `Source.content`.
    """
    return sha256_json(
        {
            "data": data,
            "decisions": decisions,
            "config": config.model_dump(),
            "specs": [spec.to_json() for spec in specs],
            "source": source,
            "code": sha256_code(),
        }
    )


def slug(reference: str) -> str:
    """A reference as a folder name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", short_name(reference)).strip("-.") or "source"
