"""Which importer reads a file or folder: decided by its columns, refused with the reason."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rook_bench.core import InputError
from rook_bench.plugins import Plugin, importer


def recognise(columns: list[str], *, where: object) -> Plugin:
    """The importer whose columns are all present; InputError for none, or for a mixture.

    A column "a|b" of an importer is met by either; letter case matters only for layouts that are
    no logs, because databases change it on export. Of two that match, one that asks for all the
    other does and more is meant.
    """
    if not columns:
        raise InputError("the file holds no rows", where=where)
    plugins = [plugin for plugin in importer if plugin.traits.get("columns")]
    matches = [plugin for plugin in plugins if not _missing(plugin, columns) and not _barred(plugin, columns)]
    known = [plugin for plugin in matches if not plugin.traits.get("fallback")]
    matches = known or matches
    matches = [plugin for plugin in matches if not any(_needs(plugin) < _needs(other) for other in matches)]
    if len(matches) > 1:
        raise InputError(
            f"mixed layout: the columns of {' and '.join(plugin.name for plugin in matches)}",
            where=where,
            hint="keep the columns of one of them",
        )
    if matches:
        return matches[0]
    plugins = [plugin for plugin in plugins if not plugin.traits.get("fallback")]
    nearest = max(plugins, key=lambda plugin: _nearness(plugin, columns))
    missing = _missing(nearest, columns)
    if len(missing) < len(_needs(nearest)):
        names = ", ".join(f"'{name.split('|')[0]}'" for name in missing)
        raise InputError(
            f"missing column {names}", where=where, hint=f"the file looks like {nearest.name} ({nearest.summary})"
        )
    names = ", ".join(plugin.name for plugin in plugins)
    raise InputError("the columns match no known layout", where=where, hint=f"known: {names}")


def explained(columns: list[str]) -> list[tuple[str, str]]:
    """Every layout, the nearest first, and what keeps a file of these columns from being read as it."""
    plugins = [plugin for plugin in importer if plugin.traits.get("columns")]
    lines = []
    for plugin in sorted(plugins, key=lambda plugin: _nearness(plugin, columns), reverse=True):
        missing, barred = _missing(plugin, columns), _unwanted(plugin, columns)
        if missing:
            lines.append((plugin.name, "lacks " + ", ".join(column.replace("|", " or ") for column in missing)))
        elif barred:
            lines.append((plugin.name, f"is not meant for files with {', '.join(barred)}"))
        else:
            lines.append((plugin.name, "fits"))
    return lines


def spelled(columns: Iterable[str], plugin: Plugin) -> dict[str, str]:
    """The columns that a log importer reads, by the names the file gives them."""
    asked = (*plugin.traits["columns"], *plugin.traits.get("optional", ()))
    names = {name.lower(): name for source in asked for name in source.split("|")}
    return {column: names[_plain(column)] for column in columns if _plain(column) in names}


def _plain(column: str) -> str:
    """The name in lower case; cryo numbers its event columns when it decodes several (event0__tick)."""
    return re.sub(r"^event\d+__", "event__", column.lower())


def _needs(plugin: Plugin) -> set[str]:
    return set(plugin.traits["columns"])


def _present(plugin: Plugin, columns: Iterable[str]) -> set[str]:
    return {_plain(column) for column in columns} if plugin.traits.get("log") else set(columns)


def _has(plugin: Plugin, column: str, present: set[str]) -> bool:
    names = column.split("|")
    return any((name.lower() if plugin.traits.get("log") else name) in present for name in names)


def _missing(plugin: Plugin, columns: Iterable[str]) -> list[str]:
    present = _present(plugin, columns)
    return [column for column in plugin.traits["columns"] if not _has(plugin, column, present)]


def _barred(plugin: Plugin, columns: Iterable[str]) -> bool:
    return bool(_unwanted(plugin, columns))


def _unwanted(plugin: Plugin, columns: Iterable[str]) -> list[str]:
    present = _present(plugin, columns)
    return [column for column in plugin.traits.get("unless", ()) if _has(plugin, column, present)]


def _nearness(plugin: Plugin, columns: Iterable[str]) -> tuple[int, int]:
    missing = len(_missing(plugin, columns))
    return len(_needs(plugin)) - missing, -missing
