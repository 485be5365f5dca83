"""Experiment trackers that training reports to while it runs: those that transformers knows, by its own callbacks."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.integrations import get_reporting_integration_callbacks
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

from rook_bench.core import InputError, UnknownName
from rook_bench.core.untrusted import word
from rook_bench.language.runtime import quiet

KNOWN = frozenset(INTEGRATION_TO_CALLBACK) - {"neptune"}
"""Without the one that transformers is about to drop."""

PROJECT = "rook-bench"
"""What runs are filed under, where the tracker's own variables don't say."""

_PROJECT_VARIABLES = ("WANDB_PROJECT", "MLFLOW_EXPERIMENT_NAME")

LOGS = "runs"
"""The folder beside adapters that TensorBoard's files go to, one folder for each adapter."""


def reporters(names: Sequence[str], output: Path, say: Callable[[str], None]) -> list[Any]:
    """A callback for each tracker.

    Args:
        names: such as tensorboard, wandb, trackio, mlflow.
        output: the adapter's folder; TensorBoard's files go beside it, unless TENSORBOARD_LOGGING_DIR says where.
        say: hears of a tracker that stops taking what it is told.

    Raises:
        UnknownName, InputError: for one that transformers does not know, or whose package is not installed.
    """
    for name in names:
        if name not in KNOWN:
            raise UnknownName("tracker", word(name, 40), KNOWN, where="report_to")
    if not names:
        return []
    for variable in _PROJECT_VARIABLES:
        os.environ.setdefault(variable, PROJECT)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    found = []
    for name in dict.fromkeys(names):
        (kind,) = get_reporting_integration_callbacks([name])
        try:
            with contextlib.redirect_stdout(sys.stderr), quiet():
                made = kind()
            if name == "tensorboard" and made.logging_dir is None:
                made.logging_dir = str(output.parent / LOGS / output.name)
            found.append(Reporter(name, made, say))
        except Exception as error:  # each has its own way to say that its package is missing
            hint = "install its package and set what it asks for, or leave report_to out"
            raise InputError(f"{name} can't be used ({word(str(error), 100)})", where="report_to", hint=hint) from None
    return found


class Reporter(TrainerCallback):
    """A tracker's callback, kept from stopping training, and from writing where results are written.

    Args:
        name: of the tracker.
        inner: its callback.
        say: hears, once, that it failed.
    """

    def __init__(self, name: str, inner: Any, say: Callable[[str], None]) -> None:
        self.name, self.inner, self.say = name, inner, say

    def _forward(self, event: str, *facts: Any, **more: Any) -> None:
        if self.inner is None:
            return
        try:
            with contextlib.redirect_stdout(sys.stderr):
                getattr(self.inner, event)(*facts, **more)
        except Exception as error:
            if event in _BEGINNINGS:  # nothing was learned yet, so that the user may mend it at once
                what = f"{self.name} does not take the run ({word(str(error), 160)})"
                raise InputError(what, where="report_to", hint=_hint(self.name)) from None
            self.inner = None
            self.say(f"warning: {self.name} stopped taking reports ({word(str(error), 120)}); training goes on")


_BEGINNINGS = ("on_init_end", "on_train_begin")


def _hint(name: str) -> str:
    return "set WANDB_MODE=offline, or WANDB_API_KEY" if name == "wandb" else "check its settings and that it runs"


def _passing_on(event: str) -> Callable[..., None]:
    def told(self: Reporter, *facts: Any, **more: Any) -> None:
        self._forward(event, *facts, **more)

    return told


for _event in [name for name in vars(TrainerCallback) if name.startswith("on_")]:
    setattr(Reporter, _event, _passing_on(_event))
