"""Outputs put into an experiment tracker: checked first, once each, and found again by their hash."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

from rook_bench.core.console import warn
from rook_bench.core.errors import RookError
from rook_bench.gates.formats.verdict_file import read_verdict
from rook_bench.language.manifest import check_files, read_manifest
from rook_bench.plugins import trusting
from rook_bench.publishing.mlflow import Mlflow, Target
from rook_bench.publishing.tracked import kind_of, tracked
from rook_bench.workbench.folder import check_belongs, load_analyses

Tick = Callable[[int, int], None]


def track(
    folder: str | Path,
    to: str,
    *,
    allow_plugins: Iterable[str | Path] = (),
    tick: Tick = lambda done, of: None,
) -> list[str]:
    """Put an output into an experiment tracker: parameters, figures, report, verdict, adapter, the champion's alias.

    A run, a comparison and a gate are checked against their hashes and replayed first. What the tracker has already
    is left as it is there; what was stopped half-way goes on.

    Args:
        folder: of a run, a comparison, a gate or an adapter, or the models folder, whose promotions become versions of
            a registered model.
        to: `mlflow:URI`, with `,experiment=NAME` and `,model=NAME` after it.
        allow_plugins: files and folders whose code may run, where a replay needs it.
        tick: hears how many of how many files are sent.

    Returns:
        Addresses of what was tracked, the present champion's last.

    Raises:
        InputError, ConfigError, UnknownName: for another tracker, a server that isn't there, a folder that isn't whole.
    """
    target = Target.parse(to)
    _check(Path(folder), allow_plugins)
    return Tracking(target).add(Path(folder), tick)


class Tracking:
    """A tracker that is there, asked before anything takes time.

    Args:
        target: where it is.

    Raises:
        InputError: without the extra `track`; where it can't be reached.
    """

    def __init__(self, target: Target) -> None:
        self.server = Mlflow(target)

    def add(self, folder: Path, tick: Tick = lambda done, of: None) -> list[str]:
        """Put an output there that was just written or checked; returns addresses."""
        return [self.server.track(run, tick) for run in tracked(folder)]

    def try_to_add(self, folder: Path, tick: Tick = lambda done, of: None) -> list[str]:
        """The same behind a verb whose work is done: what goes wrong is said, and how to send it later."""
        try:
            return self.add(folder, tick)
        except (RookError, KeyboardInterrupt) as error:
            warn(f"not tracked: {error if isinstance(error, RookError) else 'interrupted'}")
            again = shlex.join(["rook-bench", "track", str(folder), "--to", str(self.server.target)])
            warn(f"everything else is done; send it with: {again}")
            return []


def _check(folder: Path, allow_plugins: Iterable[str | Path]) -> None:
    kind = kind_of(folder)
    if kind == "adapter":
        check_files(folder, read_manifest(folder))
    elif kind != "models":  # of these, every stored file is checked as it is read
        with trusting(strategies=False, files=allow_plugins):
            analyses, _ = load_analyses(folder)
            if kind == "gate":
                check_belongs(read_verdict(folder / "verdict.json"), analyses, folder / "verdict.json")
