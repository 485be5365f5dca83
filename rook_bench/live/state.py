"""What a session knows: the swaps it needs, its desks, and the blocks that nothing may be traded on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rook_bench.core import ConfigError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.live.desk import Desk, Settled
from rook_bench.live.follower import DEPTH
from rook_bench.live.rows import Block, Rows
from rook_bench.market.history import LiquidityHistory
from rook_bench.market.pool import Pool
from rook_bench.replay.config import ReplayConfig
from rook_bench.sources import Source

SLACK = 256
"""Swaps beyond those that are needed, before they are forgotten all at once."""


def live_config(config: ReplayConfig, pool: Pool, *, paper: bool) -> ReplayConfig:
    """The configuration as a live session can hold it: an order lands a block or some time later, never between swaps.

    Gas costs what the transactions of the pool's swaps paid, where nobody says what it costs.

    Raises:
        ConfigError: latency in swaps, or none; a setting that needs another pool's tape.
    """
    config = config.on(pool)
    frictions, latency = config.frictions, config.frictions.latency
    if latency.swaps is not None and "swaps" in latency.model_fields_set:
        what = "a block's swaps become known together: no order can land between them"
        raise ConfigError(what, where=f"latency.swaps = {latency.swaps}", hint="give blocks or seconds")
    if latency.swaps is not None:
        latency = type(latency)(blocks=1)
    if latency.blocks == 0 or latency.seconds == 0:
        what = "an order can't land in the block that it was decided on"
        raise ConfigError(what, where="latency", hint="give one block or more, or some seconds")
    gas = frictions.gas
    if paper and not {"gwei", "flat_quote"} & gas.model_fields_set:
        gas = gas.model_copy(update={"gwei": "tape"})
    update: dict[str, Any] = {"latency": latency, "gas": gas}
    if pool.protocol == "v3" and frictions.fee_pips is None:
        update["fee_pips"] = pool.fee_pips  # the contract's own, which no tape has to tell
    return config.model_copy(update={"frictions": frictions.model_copy(update=update)})


class State:
    """Swaps, desks and blackouts of a session, moved on by what happens and by what a journal says that happened.

    Attributes:
        rows: the swaps that are kept.
        desks: by name.
        blackouts: ranges of blocks on whose swaps nothing is traded, as far as the rows reach back.
        longest: most swaps that are needed before a row, None for all of them.

    Args:
        sources: by name.
        config: see `live_config`.
        start: the tick map before the tape.
        paper: whether there are ledgers.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        config: ReplayConfig,
        pool: Pool,
        start: LiquidityHistory | None,
        *,
        paper: bool,
    ) -> None:
        self.rows = Rows(pool, start)
        self.desks = {name: Desk(name, source, config, self.rows, paper=paper) for name, source in sources.items()}
        self.blackouts: list[tuple[int, int]] = []
        lookbacks = [desk.lookback for desk in self.desks.values()]
        self.longest = None if None in lookbacks else max(one for one in lookbacks if one is not None)

    def add(self, blocks: Iterable[Block]) -> int:
        """Blocks that come next; how many swaps are in them."""
        before = self.rows.end_row
        for block in blocks:
            self.rows.add(block)
        return self.rows.end_row - before

    def black_out(self, first: int, last: int) -> None:
        """Nothing is traded on the swaps of these blocks."""
        if self.blackouts and self.blackouts[-1][1] + 1 >= first:
            first = self.blackouts.pop()[0]
        self.blackouts.append((first, last))

    def keep(self, answers: Mapping[str, DecisionTape]) -> None:
        """The decisions on the swaps that came last, by desk."""
        for name, tape in answers.items():
            self.desks[name].keep(tape)

    def settle(self) -> dict[str, Settled]:
        """What became certain at each desk."""
        return {name: desk.settle(self.blackouts) for name, desk in self.desks.items()}

    def fork(self, to: int) -> tuple[int, dict[str, tuple[int, int]]]:
        """The blocks after `to` are gone.

        Returns:
            The number of the first swap that is gone, and by desk what it tells again (see `Desk.fork`).
        """
        row = self.rows.row_of_block(to + 1)
        told = {name: desk.fork(row) for name, desk in self.desks.items()}
        self.rows.drop_after(to)
        self.blackouts = [(first, min(last, to)) for first, last in self.blackouts if first <= to]
        return row, told

    def tidy(self, head: int) -> None:
        """Forget what is not needed any more, once it is much; blocks near the head may still be replaced."""
        if self.longest is None:
            return
        # One less: what landed in a block that is replaced may land on the swap before it now.
        final = self.rows.row_of_block(head - DEPTH) - 1
        if final - self.rows.first_row < self.longest + SLACK:
            return
        for desk in self.desks.values():
            desk.finalise(final, self.blackouts)
        count = self.rows.forget(min(desk.needed for desk in self.desks.values()))
        for desk in self.desks.values():
            desk.forget(count)
        if self.rows.blocks:
            oldest = self.rows.blocks[0].number
            self.blackouts = [one for one in self.blackouts if one[1] >= oldest]


def merged(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of blocks, those that touch as one."""
    out = list[tuple[int, int]]()
    for first, last in sorted(ranges):
        if out and out[-1][1] + 1 >= first:
            first, last = out[-1][0], max(last, out[-1][1])
            out.pop()
        out.append((first, last))
    return out
