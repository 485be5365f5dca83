"""Our own code as it is sent: what a wheel would install, from wherever it is installed here."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.core.hashing import PACKAGE, SHIPPED
from rook_bench.core.shipped import shipped_file

ENDINGS = (".py", ".toml", ".json", ".typed", ".j2", ".css")
LOCKS = ("requirements.lock", "requirements-train.lock", "requirements-setup.lock", "requirements-torch.txt")


def code_files(aside: Path) -> dict[str, Path]:
    """Every file of the package, by its name below the folder that Python is to look in.

    With what an installed package says of itself, by which plugins are found; that is written to a folder `aside`, for
    it has another form in a checkout.
    """
    files = {
        f"{PACKAGE.name}/{path.relative_to(PACKAGE).as_posix()}": path
        for path in sorted(PACKAGE.rglob("*"))
        if path.is_file() and path.suffix in ENDINGS and not _stays(path.relative_to(PACKAGE).as_posix())
    }
    found = distribution("rook-bench")
    told = {
        "METADATA": found.read_text("METADATA") or found.read_text("PKG-INFO"),
        "entry_points.txt": found.read_text("entry_points.txt"),
    }
    for name, text in told.items():
        (aside / name).write_text(text or "", encoding="utf-8")
        files[f"rook_bench-{found.version}.dist-info/{name}"] = aside / name
    return files


def _stays(name: str) -> bool:
    """What is not for the box: files that ship by name, and this very room, which training there knows nothing of."""
    return name.startswith((f"{SHIPPED}/", "remote/", "cli/remote"))


def lock_files() -> dict[str, Path]:
    """The locked requirements that the other machine installs."""
    found = {name: shipped_file(name) for name in LOCKS}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise InputError(f"{missing[0]} did not come with this installation", where=PACKAGE, hint="install it again")
    return {name: path for name, path in found.items() if path is not None}
