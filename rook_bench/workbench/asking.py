"""Sources that are asked side by side: in processes, or on the machines of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import chdir, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from rich.progress import Progress

from rook_bench.core import InputError
from rook_bench.core.console import err, on_terminal
from rook_bench.engines import Engine
from rook_bench.market.frame import SwapFrame
from rook_bench.sources import Decided, Source, decide


@dataclass(frozen=True)
class Asking:
    """A job (see `engines.Job`): pieces are references of sources with their content, and their results are `Decided`.

    Attributes:
        frame: the swaps; seed: of sources that draw random numbers.
        fresh: ask again even where the decisions are kept.
        folder: that relative paths begin at.
    """

    frame: SwapFrame
    seed: int
    fresh: bool
    folder: str

    def open(self) -> Callable[[tuple[str, str]], Decided]:
        """Ready to ask sources."""
        return self._ask

    def _ask(self, piece: tuple[str, str]) -> Decided:
        reference, content = piece
        with chdir(self.folder) if Path(self.folder).is_dir() else nullcontext():
            source = Source.parse(reference)
            if source.content != content:
                what = "is another one on the machine that was to ask it"
                raise InputError(what, where=f"source {reference}", hint="put the same files under the same path there")
            return decide(source, self.frame, seed=self.seed, fresh=self.fresh)


def asked_elsewhere(
    frame: SwapFrame, sources: Sequence[Source], engine: Engine, *, seed: int, fresh: bool
) -> list[Decided | None]:
    """What each source decides that can be asked in another process; None for functions in memory and recorded ones.

    Args:
        frame, seed, fresh: see `Asking`.
        sources: which.
        engine: where they are asked; what they are made of lies there under the same path.
    """
    far = [place for place, one in enumerate(sources) if one.reusable and not one.choice.plugin.in_memory]
    found: list[Decided | None] = [None] * len(sources)
    job = Asking(frame, seed, fresh, str(Path.cwd()))
    pieces = [(sources[place].reference, sources[place].content) for place in far]
    with Progress(console=err, transient=True, disable=not on_terminal()) as progress:
        task = progress.add_task(f"asking in {engine}", total=len(far))
        for place, decided in engine.results(job, pieces):
            found[far[place]] = replace(decided, source=sources[far[place]])
            progress.advance(task)
    return found
