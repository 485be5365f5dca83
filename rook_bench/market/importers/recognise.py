"""Which importer reads a file or folder: decided by its columns, refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.market.frame import SwapFrame
from rook_bench.market.importers.columns import read_header
from rook_bench.market.pool import Pool
from rook_bench.plugins import Plugin, importer

Reader = Callable[[Path, Pool | None], SwapFrame]


def read_swaps(path: str | Path, pool: Pool | None = None) -> SwapFrame:
    """Read a tape, a log file, a ROOK folder or one of ROOK's CSV files.

    Args:
        path: file or folder; a folder is ROOK's when it holds core_features.csv.
        pool: metadata for logs that do not say which pool they come from.

    Raises:
        InputError: missing, empty or damaged file; columns of no or of two layouts; bad values.
    """
    path = Path(path)
    if path.is_dir():
        path = _file_in_folder(path)
    plugin = recognise(read_header(path), where=path)
    read: Reader = plugin.build()
    return read(path, pool)


def recognise(columns: list[str], *, where: object) -> Plugin:
    """The importer whose columns are all present; InputError for none, or for a mixture."""
    plugins = [plugin for plugin in importer if plugin.traits.get("columns")]
    present = set(columns)
    matches = [plugin for plugin in plugins if set(plugin.traits["columns"]) <= present]
    if len(matches) > 1:
        raise InputError(
            f"mixed layout: the columns of {' and '.join(plugin.name for plugin in matches)}",
            where=where,
            hint="keep the columns of one of them",
        )
    if matches:
        return matches[0]
    nearest = max(plugins, key=lambda plugin: len(present & set(plugin.traits["columns"])))
    needed = nearest.traits["columns"]
    missing = [name for name in needed if name not in present]
    if len(missing) < len(needed):
        names = ", ".join(f"'{name}'" for name in missing)
        raise InputError(
            f"missing column {names}", where=where, hint=f"the file looks like {nearest.name} ({nearest.summary})"
        )
    known = ", ".join(plugin.name for plugin in plugins)
    raise InputError("the columns match no known layout", where=where, hint=f"known: {known}")


def _file_in_folder(folder: Path) -> Path:
    for name in ("core_features.csv", "core_features.csv.gz"):
        if (folder / name).exists():
            return folder / name
    raise InputError("the folder holds no core_features.csv", where=folder, hint="name one file inside it")
