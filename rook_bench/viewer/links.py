"""Addresses of pages: of a server, or of files beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

NAV = (("runs", "Runs"), ("verdicts", "Verdicts"), ("trials", "Trials"), ("promotions", "Promotions"),
       ("adapters", "Adapters"))  # fmt: skip


class Links:
    """Addresses of a server's pages; parts of them are ids and whole numbers alone."""

    live = True

    def top(self, name: str) -> str:
        """One of the pages of `NAV`."""
        return "/" if name == "runs" else f"/{name}"

    def page(self, kind: str, id: str) -> str:
        """A run's, a verdict's or an adapter's page."""
        return f"/{kind}/{id}"

    def order(self, run: str, row: int) -> str | None:
        """The page of an order, or of a row without one; None where there is none."""
        return f"/run/{run}/row/{row}"

    def orders(self, run: str) -> str | None:
        """All orders as CSV."""
        return f"/file/{run}/orders.csv"

    def compare(self, runs: list[str]) -> str | None:
        """Runs side by side."""
        return self.asking("/compare", [("run", run) for run in runs])

    def asset(self, name: str) -> str:
        """A file of the package."""
        return f"/static/{name}"

    def asking(self, page: str, query: Mapping[str, str] | list[tuple[str, str]]) -> str:
        """A page with a query."""
        said = urlencode(query)
        return f"{page}{'&' if '?' in page else '?'}{said}" if said else page


class FileLinks(Links):
    """Addresses of files in one folder, for those pages that were chosen.

    Args:
        orders: rows by run id whose orders have a page.
    """

    live = False

    def __init__(self, orders: Mapping[str, frozenset[int]], compared: Mapping[tuple[str, ...], str]) -> None:
        self._orders, self._compared = orders, compared

    def top(self, name: str) -> str:
        """One of the pages of `NAV`."""
        return "index.html" if name == "runs" else f"{name}.html"

    def page(self, kind: str, id: str) -> str:
        """A run's, a verdict's or an adapter's file."""
        return f"{kind}-{id}.html"

    def order(self, run: str, row: int) -> str | None:
        """The file of an order; None where it has none."""
        return f"run-{run}-row-{row}.html" if row in self._orders.get(run, ()) else None

    def orders(self, run: str) -> str | None:
        """All orders as CSV."""
        return f"run-{run}-orders.csv"

    def compare(self, runs: list[str]) -> str | None:
        """Runs side by side, where those were chosen."""
        return self._compared.get(tuple(runs))

    def asset(self, name: str) -> str:
        """A file of the package."""
        return f"static/{name}"
