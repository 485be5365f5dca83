"""What a source's factory returns."""

from __future__ import annotations

from collections.abc import Callable

from rook_bench.core import Decision
from rook_bench.core.decision_tape import DecisionTape

Decide = Callable[..., Decision | DecisionTape]
"""`decide(view)` for one row, or for the whole tape where the plugin says `whole_tape=True`.

It may also name `rng` (a seeded numpy Generator) or `data_hash` among its arguments.
"""
