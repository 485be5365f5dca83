"""Adapters that were trained fold by fold, each deciding on the stretches that it did not learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError
from rook_bench.core.arrays import text_column
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.hashing import sha256_json
from rook_bench.dataset.folds import Folds, read_folds
from rook_bench.language.manifest import Manifest, adapter_hash, read_manifest
from rook_bench.language.template import Template
from rook_bench.market.frame import SwapFrame
from rook_bench.market.pool import Pool
from rook_bench.market.view import MarketView
from rook_bench.plugins import decision_source
from rook_bench.sources.lora import LanguageModel, Mode
from rook_bench.sources.protocol import Ask

MARK = " | "
"""Between the name of a fold and the prompt that it is shown: what a row is asked depends on both."""


def stretches_of(folds: Folds, path: int, at: NDArray[np.datetime64], where: object) -> Iterator[tuple[int, slice]]:
    """The fold that decides on each stretch of some rows, with those rows, in order.

    Args:
        folds, path: the record, and the way through it.
        at: times of the rows, shape (n,), ascending.
        where: what an error names.

    Raises:
        InputError: for rows that no fold decides on. The last of a walk-forward goes on after its stretch.
    """
    chosen, begins = folds.on(path), np.array([stretch.begins for stretch in folds.stretches])
    if len(at) and at[0] < begins[0]:
        what = f"no fold decides before {folds.stretches[0].first_at[:19]}, where the first stretch begins"
        raise InputError(what, where=where, hint="give the test.parquet that data prepare wrote with the folds")
    if len(at) and not folds.forward and at[-1] > folds.stretches[-1].ends:
        what = f"no fold decides after {folds.stretches[-1].last_at[:19]}, where the last stretch ends"
        raise InputError(what, where=where, hint="give the test.parquet that data prepare wrote with the folds")
    borders = [*np.searchsorted(at, begins, side="left").tolist(), len(at)]
    for place, fold in enumerate(chosen):
        rows = slice(borders[place], borders[place + 1])
        if rows.start < rows.stop:
            yield fold, rows


class FoldedModels:
    """The models of a folder of folds as one source; each is loaded when a prompt of its own has no answer yet."""

    def __init__(self, folder: Path, path: int, make: Callable[[Path], LanguageModel]) -> None:
        self._folder, self._path = folder, path
        self._record = read_folds(folder, "adapters")
        self._record.on(path)
        self._make, self._notes = make, dict[str, list[str]]()

    @cached_property
    def _template(self) -> Template:
        """The prompt of all of them; InputError where they were trained on different ones."""
        told = [read_manifest(self._folder / name).template for name in self._record.names]
        if len({template.sha256 for template in told}) > 1:
            raise InputError("its folds were trained on different prompts", where=self._folder, hint="train them again")
        return told[0]

    def decide(self, view: MarketView, ask: Ask) -> DecisionTape:
        """The answers to the prompts of the first `ask.rows` rows, each by the model of its stretch."""
        prompts = self._template.render(view)
        parts = []
        for name, rows in self._named(view["at"][: ask.rows]):
            # Not kept: what was loaded last stays so for a while, and not as many models as there are folds.
            model = self._make(self._folder / name)
            said = model.decisions(prompts.rows(rows), view.pool, progress=ask.progress, fresh=ask.fresh)
            self._notes[name] = list(model.notes())
            parts.append(said)
        return DecisionTape.concat(parts) if parts else DecisionTape.from_sides(np.empty(0, dtype=np.int8), 0.0)

    def prompts(self, view: MarketView) -> Sequence[str]:
        """The fold that decides on each row, and what it is shown there."""
        texts, told = self._template.render(view).texts, []
        for name, rows in self._named(view["at"]):
            told += [f"{name}{MARK}{text}" if text else "" for text in texts[rows]]
        return told

    def answers(self, texts: Sequence[str], pool: Pool | None = None) -> DecisionTape:
        """The answers to such prompts about a pool's swaps, one decision each."""
        heads = text_column(text.partition(MARK)[0] for text in texts)
        parts, order = [], []
        for name in dict.fromkeys([*heads, *self._record.names[: not len(heads)]]):
            mine = np.flatnonzero(heads == name)
            asked = [texts[row].partition(MARK)[2] for row in mine.tolist()]
            parts.append(self._make(self._folder / name).answers(asked, pool))
            order.append(mine)
        stacked = DecisionTape.concat(parts).bare
        return stacked.with_rows(np.concatenate(order), stacked)

    def notes(self) -> Sequence[str]:
        """What each model has to say."""
        return [f"{name}: {note}" for name, notes in self._notes.items() for note in notes]

    def _named(self, at: NDArray[np.datetime64]) -> Iterator[tuple[str, slice]]:
        for fold, rows in stretches_of(self._record, self._path, at, self._folder):
            yield self._record.names[fold], rows


def _identity(adapters: Path, **options: Any) -> str:
    """Identity of what is asked: which fold decides when, and every adapter."""
    del options
    record = read_folds(adapters, "adapters")
    told = record.model_dump(mode="json", exclude={"source"})
    return sha256_json([told, [adapter_hash(Path(adapters) / name) for name in record.names]])


def _lessons(frame: SwapFrame, adapters: Path, path: int = 1, **options: Any) -> list[tuple[Manifest, list[slice]]]:
    """What each deciding model says of itself, with the rows that it decides on."""
    del options
    record = read_folds(adapters, "adapters")
    rows: dict[int, list[slice]] = {}
    for fold, stretch in stretches_of(record, int(path), frame.at, adapters):
        rows.setdefault(fold, []).append(stretch)
    return [(read_manifest(Path(adapters) / record.names[fold]), own) for fold, own in rows.items()]


def _profit_horizon(adapters: Path, **options: Any) -> float | None:
    """Seconds behind a confidence that is the chance of a profit."""
    del options
    told = read_manifest(Path(adapters) / read_folds(adapters, "adapters").names[0])
    return told.horizon_s if told.confidence == "profit" else None


@decision_source(
    content=_identity,
    language_model=True,
    lessons=_lessons,
    profit_horizon=_profit_horizon,
    no_candidate="a walk-forward judges how models are trained, and no one model: promote the adapter of a fold",
)
def folds(
    adapters: Path,
    path: int = 1,
    mode: Mode = "score",
    engine: str = "torch",
    base: str | None = None,
    transfer: bool = False,
) -> FoldedModels:
    """Adapters trained fold by fold (`folds:DIR`), each asked on the stretches that it did not learn from."""
    return FoldedModels(
        adapters, path, lambda folder: LanguageModel(folder, mode, engine, base, adapted=True, transfer=transfer)
    )
