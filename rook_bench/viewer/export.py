"""The pages as files beside each other: for a page host, an artefact of CI, or a stick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.progress import Progress

from rook_bench.core import InputError
from rook_bench.core.console import err, on_terminal
from rook_bench.core.files import check_replaceable, whole_folder
from rook_bench.viewer.columns import Reader
from rook_bench.viewer.links import FileLinks
from rook_bench.viewer.orders import Orders, csv_of, orders_of
from rook_bench.viewer.pages.adapters import adapter_page, adapters_page
from rook_bench.viewer.pages.compare import MOST, compare_page
from rook_bench.viewer.pages.desk import Desk, Page
from rook_bench.viewer.pages.ledgers import promotions_page, trials_page
from rook_bench.viewer.pages.row import row_page
from rook_bench.viewer.pages.run import run_page
from rook_bench.viewer.pages.runs import runs_page
from rook_bench.viewer.pages.verdicts import verdict_page, verdicts_page
from rook_bench.viewer.render import assets, render
from rook_bench.viewer.shelf import Found, Library, Shelf

ORDERS = 50
"""Orders of each run that get a page of their own, unless another number is asked for."""


def export(library: Library, folder: Path, *, orders: int = ORDERS) -> tuple[int, Sequence[tuple[str, str]]]:
    """Write every page into a folder, whole or not at all.

    Args:
        library: what is shown.
        folder: a new one, or one that was written so before.
        orders: of each run those that gained or lost most get pages, so many at most.

    Returns:
        How many pages those are, and the folders that were left out, each with the reason.

    Raises:
        InputError: where no run and no verdict lies in the folders, or the folder holds something else.
    """
    check_replaceable(folder)
    shelf = library.look()
    if not shelf.runs and not shelf.verdicts:
        where = ", ".join(map(str, library.roots))
        raise InputError("no run and no verdict lies there", where=where, hint="make one with rook-bench replay")
    reader, problems = Reader(), []
    rows: dict[str, list[int]] = {}
    for run in shelf.runs:
        try:
            rows[run.id] = _rows(_checked(reader, run), orders)
        except InputError as error:
            problems.append((str(run.folder), error.what))
    shown = [run for run in shelf.runs if run.id in rows]
    compared = {f"compare-{place}.html": ids for place, ids in enumerate(_compared(reader, shown), 1)}
    links = FileLinks(
        {id: frozenset(several) for id, several in rows.items()},
        {tuple(ids): name for name, ids in compared.items()},
    )
    desk = Desk(_Held(library, shown, problems), reader, links)
    pages: dict[str, Callable[[], Page]] = {
        links.top("runs"): partial(runs_page, desk, {}),
        links.top("verdicts"): partial(verdicts_page, desk),
        links.top("trials"): partial(trials_page, desk),
        links.top("promotions"): partial(promotions_page, desk),
        links.top("adapters"): partial(adapters_page, desk),
    }
    for run in shown:
        pages[links.page("run", run.id)] = partial(run_page, desk, run.id, {})
        pages |= {str(links.order(run.id, row)): partial(row_page, desk, run.id, row) for row in rows[run.id]}
    pages |= {name: partial(compare_page, desk, ids, {}) for name, ids in compared.items()}
    pages |= {links.page("verdict", found.id): partial(verdict_page, desk, found.id) for found in shelf.verdicts}
    pages |= {links.page("adapter", found.id): partial(adapter_page, desk, found.id) for found in shelf.adapters}
    with whole_folder(folder) as aside, Progress(console=err, transient=True, disable=not on_terminal()) as progress:
        for name, make in progress.track(pages.items(), description="writing pages"):
            (aside / name).write_text(render(make(), links), encoding="utf-8")
        for run in shown:
            with open(aside / str(links.orders(run.id)), "w", encoding="utf-8", newline="") as file:
                file.writelines(csv_of(orders_of(reader, run).table))
        (aside / "static").mkdir()
        for name, (_, content) in assets().items():
            (aside / "static" / name).write_bytes(content)
    return len(pages), desk.shelf.broken


class _Held(Library):
    """A library that stays as it was when the export began, with the runs that can be shown alone."""

    def __init__(self, library: Library, runs: Sequence[Found], problems: Sequence[tuple[str, str]]) -> None:
        super().__init__(library.roots, models=library.models, trials=library.trials)
        shelf = library.look()
        self._shown = replace(shelf, runs=runs, broken=(*shelf.broken, *problems))

    def look(self, **_: object) -> Shelf:
        return self._shown


def _rows(orders: Orders, most: int) -> list[int]:
    """Rows of the orders that gained or lost most, in the order of the tape; without evidence, the first ones."""
    rows = orders.numbers("row")
    if orders.recorded:
        size = np.nan_to_num(np.abs(orders.numbers("pnl")), nan=-1.0)
        rows = np.sort(rows[np.argsort(-size, kind="stable")[:most]])
    return [int(row) for row in rows[:most]]


def _checked(reader: Reader, run: Found) -> Orders:
    """A run's orders, once all that its pages are made of can be read; InputError where something can't."""
    rows, decided = len(reader.columns(run).at), len(reader.sides(run))
    if rows != decided:
        raise InputError(f"{decided:,} decisions for {rows:,} rows", where=run.folder)
    reader.answer(run, 0)
    return orders_of(reader, run)


def _compared(reader: Reader, runs: Sequence[Found]) -> list[list[str]]:
    """Ids of up to eight runs of each tape, newest first, where there are two."""
    tapes: dict[tuple[str, int], list[str]] = {}
    for run in runs:
        tapes.setdefault((run.facts.data_hash, len(reader.columns(run).at)), []).append(run.id)
    return [several[:MOST] for several in tapes.values() if len(several) > 1]
