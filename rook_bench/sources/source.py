"""Source: a decision source as somebody named or wrote it, ready to be asked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from rook_bench.core import InputError, RookError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.function_identity import identity_of
from rook_bench.core.hashing import PACKAGE, sha256_file, sha256_json
from rook_bench.core.reference import plugin_path
from rook_bench.core.texts import as_list
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.plugins import Choice, Plugin, Spec, decision_source, is_plain, made_with, plugin_of
from rook_bench.sources.bare import as_source
from rook_bench.sources.own_files import content_hashes
from rook_bench.sources.protocol import Ask, ShowsPrompts, TakesNotes, WholeTapeSource


@dataclass(frozen=True)
class Source:
    """A decision source, ready to be asked. One built object serves all that it is asked.

    Attributes:
        choice: the plugin and its parameters.
        spec: what a Run records of it.
        content: hash of what it is made of beside its plugin's file and its parameters: of the file that it
            takes its parameters from, of the code and the values of a function in memory. Empty where there
            is nothing, and where it can't be told (see `reusable`).
    """

    choice: Choice
    spec: Spec
    content: str

    @classmethod
    def parse(cls, what: Source | str | Callable[..., Any]) -> Source:
        """From `name`, `name:argument`, `name:key=value,...` or `path.py@name`; or of a function, see `of`."""
        if isinstance(what, Source):
            return what
        return cls.chosen(decision_source.choose(what)) if isinstance(what, str) else cls.of(what)

    @classmethod
    def chosen(cls, choice: Choice) -> Source:
        """Of a plugin and its parameters."""
        return cls(choice, choice.spec(), _content_of(choice) or "")

    @classmethod
    def of(cls, made: Callable[..., Any] | WholeTapeSource) -> Source:
        """Of a decorated factory, of what one made, or of any function `view -> Decision` or WholeTapeSource.

        A function that no factory made is named after itself, and recorded by its text. No reference leads
        to it, so a saved Run can't ask it again.
        """
        choice = made_with(made)
        if choice is not None:
            choice.plugin.check_complete(choice.params, name=choice.plugin.name, where="source")
            return cls.chosen(choice)
        if inspect.isclass(made) or not (callable(made) or isinstance(made, WholeTapeSource)):
            what = f"the class {made.__name__}" if inspect.isclass(made) else type(made).__name__
            hint = "give a name, a function of the view, or an object with `decide`"
            raise InputError(f"{what} is no decision source", hint=hint)
        written = made.func if isinstance(made, partial) else made if inspect.isroutine(made) else type(made)
        name = str(getattr(written, "__name__", type(written).__name__))
        plugin = replace(
            plugin_of("decision_source", name, written, {"bare": True}, in_memory=True), factory=lambda: made
        )
        if not name.isidentifier():  # many functions are called <lambda>
            seen = identity_of(made) or plugin.sha256
            plugin = replace(plugin, name=f"{name.strip('<>')}-{seen[:8]}")
        return cls.chosen(Choice(plugin.name, plugin, {}))

    @classmethod
    def remembered(cls, reference: str, content: str, spec: Mapping[str, Any] | None = None) -> Source:
        """The source of a saved Run; what it took its parameters from may be gone by now.

        Args:
            spec: what the Run recorded of it. Where no plugin fits it any more, the source has its name and
                its record, and can't be asked.

        Raises:
            RookError: no plugin of that name, and no record of it either.
        """
        recorded = None if spec is None else Spec(**spec)
        file = plugin_path(reference)
        if recorded is not None and file is not None and file.is_file() and sha256_file(file) != recorded.sha256:
            # Known before any of it runs.
            return _gone(reference, content, recorded, f"{file} is not the file that the run was made with")
        try:
            choice = decision_source.choose(reference)
        except RookError as error:
            if recorded is None:
                raise
            return _gone(reference, content, recorded, str(error))
        if recorded is not None and recorded.in_memory and choice.spec() != recorded:
            return _gone(reference, content, recorded, "another one goes by its name")
        return cls(choice, choice.spec(), content)

    def anew(self) -> Source:
        """The same source from the same file, read again: nothing that it keeps in memory comes along.

        Raises:
            RookError: where the file is gone or fails, or there was none to begin with.
        """
        plugin = self.choice.plugin
        if self.gone is None and plugin.in_memory:
            what = "defined in a notebook or a script, whose memory can't be left behind"
            raise InputError(what, where=f"source {self.reference}", hint="move it into a file of its own")
        if self.gone is not None:
            raise InputError(self.gone)
        if not plugin.file.is_relative_to(PACKAGE):
            plugin = decision_source.get(f"{plugin.file}@{plugin.name}")
        return replace(Source.chosen(replace(self.choice, plugin=plugin)), spec=self.spec)

    def now(self) -> Source:
        """The same with its content as it is now: values that a function in memory reads may have changed."""
        if self.gone is not None or not self._reads_values:
            return self
        content = _content_of(self.choice) or ""
        return self if content == self.content else replace(self, content=content)

    @property
    def reference(self) -> str:
        """The text that names it ("rules:strategies/data_driven.json")."""
        return self.choice.reference

    @property
    def unreachable(self) -> bool:
        """Whether the source says itself that it knows the future (a bound, never a candidate)."""
        return bool(self.choice.plugin.traits.get("unreachable"))

    @property
    def recorded(self) -> bool:
        """Whether the decisions come from a file and can't be asked for again: labels are such decisions."""
        return bool(self.choice.plugin.traits.get("recorded")) or self.reads_labels

    @property
    def reads_labels(self) -> bool:
        """Whether it is shown the tape's labels; from no other source may an answer depend on them."""
        return bool(self.choice.plugin.traits.get("labels"))

    @property
    def installed(self) -> bool:
        """Whether its plugin came with this package."""
        return not self.choice.plugin.in_memory and self.choice.plugin.file.is_relative_to(PACKAGE)

    @property
    def profit_horizon_s(self) -> float | None:
        """Seconds after landing by which its confidence is the chance of a profit; None where it is the label's."""
        told = self.choice.plugin.traits.get("profit_horizon")
        if told is None or not self.installed:
            return None
        try:
            horizon_s: float | None = told(**self.choice.params)
        except RookError:  # its files are gone
            return None
        return horizon_s

    @property
    def lookback(self) -> int | None:
        """Swaps before a row from which its decision follows, as the plugin declares; None where it does not say.

        What it declares is held against what it does by `check_plugin`, as everything else.
        """
        told = self.choice.plugin.traits.get("lookback")
        try:
            found = told(**self.choice.params) if callable(told) else told
            return None if found is None else int(found)  # parameters are text until the source is built
        except (RookError, ValueError):  # its files are gone, or it can't be built
            return None

    @property
    def language_model(self) -> bool:
        """Whether a language model decides (and takes an engine and a mode)."""
        return bool(self.choice.plugin.traits.get("language_model"))

    @property
    def gone(self) -> str | None:
        """Why it can't be asked, of a source that is known from its record only."""
        why: str | None = self.choice.plugin.traits.get("gone")
        return why

    @property
    def reusable(self) -> bool:
        """Whether decisions that were kept for its spec and content are surely what it would decide again."""
        return not self.recorded and bool(self.content or not self._reads_values)

    @property
    def _reads_values(self) -> bool:
        """Whether it depends on values in memory."""
        return self.choice.plugin.in_memory or bool(_odd(self.choice.params))

    @cached_property
    def built(self) -> WholeTapeSource:
        """What its factory made; a bare function is wrapped."""
        whole_tape = bool(self.choice.plugin.traits.get("whole_tape"))
        return as_source(self.choice.build, whole_tape=whole_tape, name=self.reference)

    def notes(self) -> list[str]:
        """What the source has to say about its last answers: speed, agreement of its engine."""
        return list(self.built.notes()) if isinstance(self.built, TakesNotes) else []

    def prompts(self, frame: SwapFrame, head: int) -> Sequence[str] | None:
        """What a language model is shown on each of the first `head` rows; None of a source that shows none."""
        if not isinstance(self.built, ShowsPrompts):
            return None
        shown = self.built.prompts(self._view(frame))
        return as_list(shown if len(shown) <= head else shown[:head])

    def ask(
        self,
        frame: SwapFrame,
        seed: int = 0,
        *,
        head: int | None = None,
        progress: bool = False,
        fresh: bool = False,
        since: int = 0,
    ) -> DecisionTape:
        """Decide every row of `frame`; InputError names the source when its answer does not validate.

        Args:
            head: decide the first so many rows only (with all of `frame` in view).
            fresh: a source that keeps answers of its own is to ask its model again.
            since: what is decided on rows before this one is not used (see `Ask`).
        """
        rows = len(frame) if head is None else head
        rng = np.random.default_rng(seed)
        return self.answer(self._view(frame), Ask(rows, rng, frame.data_hash, fresh, progress, since))

    def _view(self, frame: SwapFrame) -> MarketView:
        return MarketView.whole(frame, labels=self.reads_labels)

    def answer(self, view: MarketView, ask: Ask) -> DecisionTape:
        """The decisions of the first `ask.rows` rows of a view; errors are those of `ask`."""
        try:
            tape = self.built.decide(view, ask)
        except SystemExit as error:  # the exit code of a program is its verdict, and nobody else's to give
            what = f"ended the program (exit {error.code}) in place of an answer"
            raise InputError(what, where=f"source {self.reference}") from None
        if not isinstance(tape, DecisionTape) or len(tape) not in (ask.rows, len(view)):
            what = f"did not return one decision for each of {ask.rows} swaps"
            raise InputError(what, where=f"source {self.reference}")
        return tape.head(ask.rows)

    def __reduce__(self) -> tuple[Any, ...]:
        # By reference: in another process the plugin is looked up, and built when it is asked.
        return _elsewhere, (self.reference, self.choice.params, self.spec, self.content)

    def __deepcopy__(self, memo: dict[int, Any]) -> Source:
        return replace(self)

    __copy__ = replace


def _gone(reference: str, content: str, spec: Spec, why: str) -> Source:
    return Source(Choice(reference, Plugin.gone(spec, why), {}), spec, content)


def _elsewhere(reference: str, params: dict[str, Any], spec: Spec, content: str) -> Source:
    """A pickled source in the process that it comes to."""
    source = Source.remembered(reference, content, spec.to_json())
    return source if source.gone else Source(replace(source.choice, params=params), spec, content)


def _content_of(choice: Choice) -> str | None:
    """Hash of what a choice is made of beside its plugin's file and plain parameters; None where it can't be told."""
    read = choice.plugin.traits.get("content")
    content: str = read(**choice.params) if read else ""
    beside = content_hashes(choice)
    if beside:
        content = sha256_json([content, beside])
    factory, odd = choice.plugin.factory if choice.plugin.in_memory else None, _odd(choice.params)
    if factory is None and not odd:
        return content
    identity = identity_of((factory, sorted(odd.items())))
    return None if identity is None else sha256_json([content, identity])


def _odd(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that a Spec can't hold as they are, only as some text."""
    return {key: value for key, value in params.items() if not (is_plain(value) or isinstance(value, Path))}
