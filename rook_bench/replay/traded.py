"""What was traded on one tape, whoever's money it was."""

from __future__ import annotations

from typing import Protocol

from rook_bench.market.frame import SwapFrame
from rook_bench.replay.config import ReplayConfig
from rook_bench.replay.orders import OrderTable
from rook_bench.risk import Permitted
from rook_bench.sources import Decided


class Traded(Protocol):
    """A Run, or a pool's part of one purse: decisions on a tape, and what became of them."""

    @property
    def frame(self) -> SwapFrame:
        """The tape."""

    @property
    def decided(self) -> Decided:
        """The decisions and their source."""

    @property
    def config(self) -> ReplayConfig:
        """What was assumed."""

    @property
    def permitted(self) -> Permitted:
        """What sizing and filters made of the decisions."""

    @property
    def orders(self) -> OrderTable:
        """Every wish to trade and what became of it."""
