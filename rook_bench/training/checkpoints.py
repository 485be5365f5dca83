"""Checkpoints of a training run: the last whole one is where an interrupted run goes on."""

from __future__ import annotations

import json
from pathlib import Path

_FILES = ("optimizer.pt", "scheduler.pt")
"""Besides the weights, the random states (one of each process) and the state, which is written last."""


def latest_checkpoint(work: Path) -> Path | None:
    """The latest checkpoint that was written whole."""
    found = [path for path in work.glob("checkpoint-*") if is_whole(path)]
    return max(found, key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """The optimiser step at which it was written."""
    return int(checkpoint.name.removeprefix("checkpoint-"))


def is_whole(checkpoint: Path) -> bool:
    """Whether every file of it is there, the last one readable."""
    several = [list(checkpoint.glob(pattern)) for pattern in ("*.safetensors", "rng_state*.pth")]
    files = [*several[0], *several[1], *(checkpoint / name for name in _FILES)]
    if not all(several) or not all(file.is_file() and file.stat().st_size for file in files):
        return False
    try:  # the state is written last
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
