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
    """A job (see `engines.Job`): pieces are sources with seeds, results what they decided and what the check found.

    Attributes:
        frame: the swaps.
        fresh: ask again what is kept.
        progress: show a bar while a slow source decides.
    """

    frame: SwapFrame
    fresh: bool
    progress: bool = False

    def open(self) -> Callable[[tuple[Source, int]], tuple[Decided, Lookahead]]:
        """Nothing is shared between sources."""
        return self._ask

    def _ask(self, piece: tuple[Source, int]) -> tuple[Decided, Lookahead]:
        source, seed = piece
        decided = decide(source, self.frame, seed=seed, progress=self.progress, fresh=self.fresh)
        return decided, checked(decided, self.frame, seed=seed)
