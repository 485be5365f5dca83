"""What a source's factory returns."""

from __future__ import annotations

from collections.abc import Callable

from rook_bench.core import Decision
from rook_bench.core.decision_tape import DecisionTape

Decide = Callable[..., Decision | DecisionTape]
"""`decide(view)` for one row, or for the whole tape where the plugin says `whole_tape=True`.

It may also name among its arguments: `rng` (a seeded numpy Generator), `data_hash`, `rows` (how many
leading rows are wanted; it then returns just those), `progress` (whether to show a bar) and `fresh`
(whether answers it kept are to be asked again).

Attributes of the function, both optional: `notes()`, lines about its work; `prompts(view)`, the text that a
language model is shown on each row, which the look-ahead check compares too.
"""
