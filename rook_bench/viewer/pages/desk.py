"""What a page is made from, and what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rook_bench.core import InputError
from rook_bench.viewer.columns import Reader
from rook_bench.viewer.links import Links
from rook_bench.viewer.shelf import Found, Library, Shelf
from rook_bench.viewer.tables import Grid

Query = Mapping[str, str]


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        template: its template; title: of the page; at: which of `NAV` it belongs to.
        context: what the template shows.
    """

    template: str
    title: str
    at: str
    context: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Desk:
    """Where pages take what they show from.

    Attributes:
        library: the folders; reader: reads runs' files; links: addresses of pages.
    """

    library: Library
    reader: Reader
    links: Links

    @property
    def shelf(self) -> Shelf:
        """What there is."""
        return self.library.look()


def whole_number(query: Query, name: str, default: int, most: int) -> int:
    """A whole number that an address asks for; InputError for anything else."""
    said = query.get(name, str(default))
    if not (said.isascii() and said.isdigit() and len(said) <= 12):
        raise InputError(f"{name} is a whole number", where="the address")
    return min(int(said), most)


def roles_of(shelf: Shelf) -> dict[str, list[tuple[str, Found]]]:
    """By run hash: what a run was to which verdicts, newest first."""
    roles: dict[str, list[tuple[str, Found]]] = {}
    for verdict in shelf.verdicts:
        for role in ("candidate", "champion"):
            side = getattr(verdict.facts, role)
            if side is not None:
                roles.setdefault(side.run_hash, []).append((role, verdict))
    return roles


def tokens_of(run: Found) -> tuple[str, str]:
    """Symbols of base and quote."""
    base, _, quote = run.facts.tape_check.pair.partition("/")
    return base[:20], quote[:20]


def told_apart(runs: Sequence[Found]) -> list[str]:
    """Names of runs; where two are alike, with their folders."""
    names = [run.name for run in runs]
    return [f"{name} ({run.place})" if names.count(name) > 1 else name for name, run in zip(names, runs, strict=True)]


def list_page(title: str, at: str, table: Grid | None, count: int, empty: str) -> Page:
    """A page of one table, or the sentence in its place."""
    context = {"title": title, "lead": "", "grids": [table] if count and table else [], "folded": [],
               "empty": "" if count else empty, "notes": []}  # fmt: skip
    return Page("list.html.j2", title, at, context)
