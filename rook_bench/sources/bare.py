"""Sources written as one function, made into objects like the others."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from rich.progress import track

from rook_bench.core import ConfigError, Decision, InputError
from rook_bench.core.console import err
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.view import MarketView
from rook_bench.sources.protocol import Ask, WholeTapeSource


class BareFunction:
    """A function `decide(view)` or `decide(view, ask)` as a WholeTapeSource.

    Args:
        function: the function; what it takes is read off once, here.
        make: makes the function anew. What it keeps from row to row begins afresh with every question.
        whole_tape: whether it decides all rows of a tape at once, and not its last one.
        name: the source, for errors.

    Raises:
        ConfigError: a function that takes anything else.
    """

    def __init__(
        self, function: Callable[..., Any], make: Callable[[], Callable[..., Any]], *, whole_tape: bool, name: str
    ) -> None:
        self._unused: Callable[..., Any] | None = function
        self._make, self._whole_tape, self._name = make, whole_tape, name
        self._takes_ask = _takes_ask(function, name)

    def decide(self, view: MarketView, ask: Ask) -> DecisionTape:
        """Its decisions; InputError where it gives something else."""
        function, self._unused = self._make() if self._unused is None else self._unused, None
        extra = (ask,) if self._takes_ask else ()
        if self._whole_tape:
            tape: DecisionTape = function(view, *extra)
            return tape
        rows = range(1, ask.rows + 1)
        steps = track(rows, description=f"deciding {self._name}", transient=True, console=err, disable=not ask.progress)
        return DecisionTape.of(self._decision(function(view.head(stop), *extra)) for stop in steps)

    def _decision(self, answer: object) -> Decision:
        if not isinstance(answer, Decision):
            hint = "decorate its factory with whole_tape=True" if isinstance(answer, DecisionTape) else None
            what = f"returned {type(answer).__name__} instead of a Decision"
            raise InputError(what, where=f"source {self._name}", hint=hint)
        return answer


def as_source(make: Callable[[], Any], *, whole_tape: bool, name: str) -> WholeTapeSource:
    """What a factory makes, with a bare function wrapped; ConfigError where it makes neither."""
    made = make()
    if isinstance(made, WholeTapeSource):
        return made
    if not callable(made):
        what = f"its factory returned {type(made).__name__} and neither a function nor an object with `decide`"
        raise ConfigError(what, where=f"source {name}")
    return BareFunction(made, make, whole_tape=whole_tape, name=name)


def _takes_ask(function: Callable[..., Any], name: str) -> bool:
    """Whether it has to be given an Ask: told by how many arguments it needs."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C
        return False
    needed = [
        one for one in parameters if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
    ]
    places = [
        one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD, one.VAR_POSITIONAL)
    ]
    if len(needed) > 2 or not places or any(one.kind is one.KEYWORD_ONLY for one in needed):
        names = ", ".join(one.name for one in needed) or "nothing"
        raise ConfigError(
            f"a function that needs {names}", where=f"source {name}", hint="write decide(view) or decide(view, ask)"
        )
    return len(needed) == 2
