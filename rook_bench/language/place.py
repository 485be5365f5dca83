"""Where a model's files and its record lie: the record in the folder, beside it, or wherever it was told to be."""

from __future__ import annotations

import glob
import json
from dataclasses import dataclass
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.core.project import project_folder
from rook_bench.core.untrusted import confined

FILE = "rook.json"
BESIDE = ".rook.json"
"""How the name of a record ends that lies beside a folder: `NAME.rook.json` beside `NAME`."""

ADOPTED = Path("models") / "adopted"
"""Where models come to that have a name and no folder: of the hub, or shipped."""


@dataclass(frozen=True)
class Place:
    """A model's folder, and its record, which need not exist."""

    folder: Path
    record: Path

    @property
    def own(self) -> bool:
        """Whether the record is one of the folder's files."""
        return self.record.parent == self.folder


def place_of(reference: str | Path) -> Place:
    """Where the model lies that a reference means: a folder, a record beside one, or the name of an adopted one.

    Raises:
        InputError: where nothing is there; for a record that names no folder, or one elsewhere.
    """
    path = Path(reference)
    if path.is_dir():
        return _at(path)
    if path.name.endswith(BESIDE) and path.is_file():
        return Place(_folder_of(path), path)
    adopted = _adopted(str(reference))
    if adopted is not None:
        return _at(adopted)
    hint = "make one with rook-bench train, or take one that is there with rook-bench adopt"
    raise InputError("no such adapter folder", where=reference, hint=hint)


def _at(folder: Path) -> Place:
    return Place(folder, folder / FILE if (folder / FILE).is_file() else beside(folder))


def beside(folder: Path) -> Path:
    """Where the record of a folder lies that it does not hold itself."""
    folder = folder if folder.name not in ("", ".", "..") else folder.resolve()
    return folder.parent / f"{folder.name}{BESIDE}"


def adopted_folder(name: str) -> Path:
    """Where a model of the hub (ORG/NAME, or ORG/NAME@REVISION) or a shipped one comes to when it is adopted."""
    return (project_folder() or Path.cwd()) / ADOPTED / name.replace("/", "--")


def _adopted(name: str) -> Path | None:
    """The folder of an adopted model by its name, which may leave the commit out where there is one of it only."""
    exact = adopted_folder(name)
    if exact.is_dir():
        return exact
    if "/" not in name or name.startswith((".", "/", "~")):
        return None
    found = sorted(path for path in exact.parent.glob(f"{glob.escape(exact.name)}*") if path.is_dir())
    found = [path for path in found if path.name.partition("@")[0] == exact.name.partition("@")[0]]
    if len(found) > 1:
        hint = f"say which: {', '.join(path.name.partition('@')[2] for path in found)}"
        raise InputError("several commits of it were adopted", where=name, hint=hint)
    return found[0] if found else None


def _folder_of(record: Path) -> Path:
    try:
        told = json.loads(record.read_text(encoding="utf-8"))
        name = told.get("folder") if isinstance(told, dict) else None
    except (OSError, ValueError, RecursionError):
        name = None  # whoever reads the record says so
    folder = confined(record.parent, name) if isinstance(name, str) else record.with_name(record.name[: -len(BESIDE)])
    if not folder.is_dir():
        raise InputError(f"the folder that the record is of, {folder.name}, is not beside it", where=record)
    return folder
