"""Whether what an entry of the record promoted is still as it was."""

from __future__ import annotations

from pathlib import Path

from rook_bench.core import RookError
from rook_bench.core.hash_chain import Entry
from rook_bench.core.hashing import sha256_file
from rook_bench.core.reference import plugin_path
from rook_bench.plugins import strategies_folder
from rook_bench.promotion.store import stored_reference


def changed_verdict(entry: Entry, models: Path) -> list[str]:
    """What is wrong with the stored verdict of an entry."""
    path = models / entry["verdict_file"]
    if not path.is_file():
        return [f"{path}: missing"]
    return [] if sha256_file(path) == entry["verdict_sha256"] else [f"{path}: changed"]


def changed_source(entry: Entry, models: Path) -> list[str]:
    """Whether an entry's source, as it would be asked now, is still the one that was promoted; no plugin is run."""
    if entry["plugin_sha256"] is not None:
        return _changed_plugin(entry)
    from rook_bench.sources import Source
    from rook_bench.sources.identity import plugin_file_hash

    reference = stored_reference(entry, models)
    try:
        source = Source.parse(reference)
    except RookError as error:
        return [f"{reference}: can't be asked any more ({error})"]
    same = source.content == entry["source_hash"] and plugin_file_hash(source.choice) == entry["plugin_sha256"]
    return [] if same else [f"{reference}: changed since it was promoted"]


def _changed_plugin(entry: Entry) -> list[str]:
    """The same of a user's plugin, by its file's hash: a record may be anybody's, and no code is run to check it."""
    reference, wanted = str(entry["source"]), entry["plugin_sha256"]
    for name, digest in (entry.get("companions") or {}).items():
        if not Path(name).is_file() or sha256_file(name) != digest:
            return [f"{name}: changed since {reference} was promoted"]
    path = plugin_path(reference)
    if path is None:
        found = any(sha256_file(file) == wanted for file in strategies_folder().glob("*.py"))
        return [] if found else [f"{reference}: changed since it was promoted"]
    if not path.is_file():
        return [f"{reference}: can't be asked any more (no such plugin file)"]
    return [] if sha256_file(path) == wanted else [f"{reference}: changed since it was promoted"]
