"""Where a project lies: the folder that its models, its trial ledger and its strategies belong to."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

TRIALS_VARIABLE = "ROOK_BENCH_TRIALS"

MARKERS = ("rook-bench.toml", ".git")
"""What the top folder of a project holds: the file that `rook-bench init` writes, or a repository."""


def project_folder(start: Path | None = None) -> Path | None:
    """The nearest folder from `start` (the working folder) upwards that is a project's top; None outside of any."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if any((folder / name).exists() for name in MARKERS)), None)


def models_folder() -> Path:
    """The project's models folder, which holds the promotion record; outside a project that of the working folder."""
    return _shown((project_folder() or Path.cwd()) / "models")


def trials_folder(models: Path | None = None) -> Path:
    """Where the trial ledger lies if nobody names a place, the same from every folder of a project.

    What ROOK_BENCH_TRIALS names, else `trials` in the models folder of the project, else the user's data folder.

    Args:
        models: the models folder that a verb was given.
    """
    named = os.environ.get(TRIALS_VARIABLE)
    if named:
        return Path(named)
    if models is not None:
        return models / "trials"
    if project_folder() is not None:
        return models_folder() / "trials"
    return Path(platformdirs.user_data_dir("rook-bench")) / "trials"


def _shown(path: Path) -> Path:
    """Relative to the working folder where it lies below it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
