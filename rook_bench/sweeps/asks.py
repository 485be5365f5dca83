"""The other work of a sweep: sources that are asked, each once, and looked at for look-ahead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rook_bench.market.frame import SwapFrame
from rook_bench.sources import Decided, Source, decide
from rook_bench.sources.checked import checked
from rook_bench.sources.lookahead import Lookahead


@dataclass(frozen=True)
class Asks:
    """A job (see `engines.Job`): pieces are sources, and their results what they decided and what the check found.

    Attributes:
        frame: the swaps.
        seed: of sources that draw random numbers.
        fresh: ask again what is kept.
        progress: show a bar while a slow source decides.
    """

    frame: SwapFrame
    seed: int
    fresh: bool
    progress: bool = False

    def open(self) -> Callable[[Source], tuple[Decided, Lookahead]]:
        """Nothing is shared between sources."""
        return self._ask

    def _ask(self, source: Source) -> tuple[Decided, Lookahead]:
        decided = decide(source, self.frame, seed=self.seed, progress=self.progress, fresh=self.fresh)
        return decided, checked(decided, self.frame, seed=self.seed)
