"""The contract that every plugin keeps, whoever wrote it, for its author to run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from rook_bench.core import SIDE_NAMES, InputError, UnknownName
from rook_bench.dataset.rules import Rules, apply_rules
from rook_bench.market.features import compute_features
from rook_bench.market.frame import SwapFrame
from rook_bench.market.simulation.simulate import simulate
from rook_bench.plugins import Choice, Registry
from rook_bench.sources import Source
from rook_bench.workbench.plugin_questions import OF_KIND, Broken, PluginCheck

SWAPS = 400
"""Rows of the tape that a plugin is tried on where none is given."""


@dataclass(frozen=True, repr=False)
class PluginReport:
    """What was asked of a plugin. True where all of it passed.

    Attributes:
        reference, kind: which plugin.
        checks: in the order in which they were made; one that fails may leave those after it without sense, and
            these are then not made.
    """

    reference: str
    kind: str
    checks: tuple[PluginCheck, ...]

    def __bool__(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failed(self) -> list[str]:
        """Names of the checks that failed."""
        return [check.name for check in self.checks if not check.passed]

    def describe(self) -> list[str]:
        """One line per check, for a person."""
        return [f"{'passed' if check.passed else 'FAILED'}  {check.name}: {check.detail}" for check in self.checks]

    def __repr__(self) -> str:
        said = f"failed: {', '.join(self.failed)}" if self.failed else "all passed"
        return f"<PluginReport {self.reference}: {len(self.checks)} checks, {said}>"


def check_plugin(
    reference: str | Source | Callable[..., Any],
    kind: str = "decision_source",
    frame: SwapFrame | None = None,
    *,
    seed: int = 0,
) -> PluginReport:
    """Ask of a plugin what is asked of every plugin of its kind.

    A decision source must give one valid decision for every swap, the same again with the same seed, leave what it
    sees as it was, and not look ahead (nor may its prompts). Sizers and filters are held to the same, metrics and
    gate checks to what of it concerns them.

    Args:
        reference: `name`, `name:argument`, `path.py@name`; of a decision source also the function itself.
        kind: "decision_source", "sizer", "risk_filter", "metric", "gate_check" or "importer".
        frame: the tape to try it on; a small simulated one with labels by default.
        seed: of random numbers, and of the places at which the future is changed.

    Raises:
        UnknownName, InputError, ConfigError: where there is no such plugin, or it needs a parameter.
    """
    if kind not in OF_KIND:
        raise UnknownName("kind of plugin", kind, OF_KIND)
    choice = _choice(reference, kind)
    # Arrays of its own: a plugin that writes to them harms nobody.
    tape = copy.deepcopy(small_tape() if frame is None else frame)
    return PluginReport(choice.reference, kind, tuple(_checks(choice, kind, tape, seed)))


def _choice(reference: str | Source | Callable[..., Any], kind: str) -> Choice:
    if kind == "decision_source":
        return Source.parse(reference).choice
    if not isinstance(reference, str):
        raise InputError(f"a {kind.replace('_', ' ')} is named by its reference", where=repr(reference))
    registry = Registry.kinds[kind]
    if kind == "metric":  # its one parameter is what it measures
        return Choice(reference, registry.get(reference), {})
    return registry.choose(reference)


@cache
def small_tape() -> SwapFrame:
    """A simulated tape with labels, as a plugin is tried on."""
    frame = simulate(SWAPS, np.random.default_rng(0))
    rules = Rules(mr_price_deviation_threshold=0.001, mr_volume_multiplier=1.5, min_volatility_threshold=0.0)
    decided = apply_rules(rules, compute_features(frame), frame.at_index)
    labels = {
        "label_side": np.array(SIDE_NAMES, dtype=object)[decided.side],
        "label_size": decided.size,
        "label_slippage_bps": decided.slippage_bps,
        "label_deadline_s": decided.deadline_s,
    }
    return replace(frame, labels=labels)


def _checks(choice: Choice, kind: str, frame: SwapFrame, seed: int) -> Iterator[PluginCheck]:
    """The checks one after the other; the first that breaks the plugin is the last."""
    summary, bare = choice.plugin.summary, choice.plugin.traits.get("bare")
    if not bare:  # a plain function is in no listing
        yield PluginCheck("says what it is", bool(summary), summary or "its docstring is empty")
    try:
        yield from OF_KIND[kind](choice, frame, seed)
    except Broken as broken:
        yield broken.check
