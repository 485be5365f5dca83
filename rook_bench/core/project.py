"""Where a project lies: the folder that its models, its trial ledger and its strategies belong to."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

TRIALS_VARIABLE = "ROOK_BENCH_TRIALS"

MARKER = "rook-bench.toml"
"""What marks the top folder of a project: the file that `rook-bench init` writes."""


def project_folder(start: Path | None = None) -> Path | None:
    """The top folder of the project that `start` (the working folder) lies in; None outside of any.

    The nearest folder upwards with a rook-bench.toml, so that a repository inside a project (a submodule, an adapter
    cloned from a hub) doesn't cut it in two; where there is none, the top of the nearest repository or worktree.
    """
    here = (start or Path.cwd()).resolve()
    folders = (here, *here.parents)
    marked = next((folder for folder in folders if (folder / MARKER).is_file()), None)
    return marked or next((folder for folder in folders if _is_repository(folder)), None)


def _is_repository(folder: Path) -> bool:
    """Whether a folder is the top of a repository; one of settings in the home folder is nobody's project."""
    if not (folder / ".git").exists():  # a folder, or a file in worktrees and submodules
        return False
    home = Path.home().resolve()
    return folder not in (home, *home.parents) or (folder / "strategies").is_dir()


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
