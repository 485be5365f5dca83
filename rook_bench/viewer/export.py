"""The pages as files beside each other: for a page host, an artefact of CI, or a stick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.progress import Progress

from rook_bench.core import InputError
from rook_bench.core.console import err, on_terminal
from rook_bench.core.files import check_replaceable, whole_folder
from rook_bench.viewer.app import csv_of
from rook_bench.viewer.columns import Reader
from rook_bench.viewer.links import FileLinks
from rook_bench.viewer.orders import Orders, orders_of
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


def export(library: Library, folder: Path, *, orders: int = ORDERS) -> int:
    """Write every page into a folder, whole or not at all; how many pages those are.

    Args:
        library: what is shown.
        folder: a new one, or one that was written so before.
        orders: of each run those that gained or lost most get pages, so many at most.

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
            reader.columns(run)
            rows[run.id] = _rows(orders_of(reader, run), orders)
        except InputError as error:
            problems.append((str(run.folder), error.what))
    shown = [run for run in shelf.runs if run.id in rows]
    compared = _compared(shown)
    names = {tuple(run.id for run in several): f"compare-{place}.html" for place, several in enumerate(compared, 1)}
    links = FileLinks({id: frozenset(several) for id, several in rows.items()}, names)
    desk = Desk(_Held(library, shown, problems), reader, links)
    pages: list[tuple[str, Callable[[], Page]]] = [
        ("index.html", lambda: runs_page(desk, {})),
        ("verdicts.html", lambda: verdicts_page(desk)),
        ("trials.html", lambda: trials_page(desk)),
        ("promotions.html", lambda: promotions_page(desk)),
        ("adapters.html", lambda: adapters_page(desk)),
    ]
    for run in shown:
        pages.append((links.page("run", run.id), lambda id=run.id: run_page(desk, id, {})))  # type: ignore[misc]
        for row in rows[run.id]:
            pages.append((str(links.order(run.id, row)), lambda id=run.id, row=row: row_page(desk, id, row)))  # type: ignore[misc]
    for several in compared:
        ids = [run.id for run in several]
        pages.append((names[tuple(ids)], lambda ids=ids: compare_page(desk, ids, {})))  # type: ignore[misc]
    for found in shelf.verdicts:
        pages.append((links.page("verdict", found.id), lambda id=found.id: verdict_page(desk, id)))  # type: ignore[misc]
    for found in shelf.adapters:
        pages.append((links.page("adapter", found.id), lambda id=found.id: adapter_page(desk, id)))  # type: ignore[misc]
    with whole_folder(folder) as aside, Progress(console=err, transient=True, disable=not on_terminal()) as progress:
        for name, make in progress.track(pages, description="writing pages"):
            (aside / name).write_text(render(make(), links), encoding="utf-8")
        for run in shown:
            with open(aside / str(links.orders(run.id)), "w", encoding="utf-8", newline="") as file:
                file.writelines(csv_of(orders_of(reader, run).table))
        (aside / "static").mkdir()
        for name, (_, content) in assets().items():
            (aside / "static" / name).write_bytes(content)
    return len(pages)


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


def _compared(runs: Sequence[Found]) -> list[list[Found]]:
    """Up to eight runs of each tape, newest first, where there are two."""
    tapes: dict[str, list[Found]] = {}
    for run in runs:
        tapes.setdefault(run.facts.data_hash, []).append(run)
    return [several[:MOST] for several in tapes.values() if len(several) > 1]
