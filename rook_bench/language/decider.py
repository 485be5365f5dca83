"""A language model asked for decisions: prompts in, a decision tape out, each prompt asked once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass, replace
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from rook_bench.core import SIDE_NAMES, InputError, Side, mapped
from rook_bench.core.arrays import text_column
from rook_bench.core.cache_folder import cache_folder
from rook_bench.core.decision_tape import NOT_ASKED, UNPARSED, DecisionTape, is_trade
from rook_bench.core.hashing import sha256_code, sha256_json
from rook_bench.core.transcript import Transcript
from rook_bench.language.adapter import Adapter, load_adapter
from rook_bench.language.draft_scoring import scorer
from rook_bench.language.engines import LEAST_AGREEMENT, REFERENCE, find_engine
from rook_bench.language.generation import Generator
from rook_bench.language.manifest import Manifest, adapter_hash, read_manifest
from rook_bench.language.scoring import Scored, probabilities, trade_score
from rook_bench.language.store import AnswerStore
from rook_bench.language.template import Prompts
from rook_bench.market.pool import Pool
from rook_bench.market.view import MarketView

Mode = Literal["score", "generate"]

CHUNK = 512
"""Prompts between two writes to the store."""

PROBE = 256
"""Prompts on which an engine is held against the reference."""


NAN = math.nan
UNKNOWN = (NAN, NAN, NAN)

LEAST_MASS = 0.99
"""Probability of the drafts gone through below which an answer is spoken of."""


@dataclass(frozen=True)
class Agreement:
    """How an engine compares with the float32 reference.

    Attributes:
        rows: prompts compared.
        same_side: share of them on which both choose the same side.
        largest_difference: largest difference of a side's probability.
    """

    rows: int
    same_side: float
    largest_difference: float

    def __str__(self) -> str:
        return (
            f"same side as fp32 on {self.same_side:.1%} of {self.rows} prompts, "
            f"largest probability difference {self.largest_difference:.1e}"
        )


class Decider:
    """Asks one adapter, engine and mode; nothing is loaded before the first prompt without an answer.

    Args:
        folder: the adapter.
        mode: "score" (constrained, with probabilities) or "generate" (free text, strictly read); answers of JSON are
            always read.
        engine: see `language.engines`.
        base: where the base lies now, if it moved.
        adapted: False asks the base alone.
    """

    def __init__(
        self,
        folder: Path,
        mode: Mode = "score",
        engine: str = "torch",
        base: str | None = None,
        *,
        adapted: bool = True,
    ) -> None:
        self.folder, self.base, self.adapted = Path(folder), base, adapted
        self.engine = find_engine(engine)
        self.manifest = read_manifest(folder)
        # What is reasoned before an answer of JSON has no list to be scored from.
        self.mode: Mode = "generate" if self.manifest.template.answer.json_object else mode
        if self.mode == "generate" and engine == "int8":
            raise InputError("free generation runs on torch, fp32 or bf16", where="engine int8")
        self.agreement: Agreement | None = None
        self._asked, self._seconds = 0, 0.0
        self._lost = 0
        self._elsewhere = ""

    @cached_property
    def store(self) -> AnswerStore:
        """Answers given so far by this adapter, engine and mode."""
        key = sha256_json(
            {
                "adapter": adapter_hash(self.folder),
                "mode": self.mode,
                "engine": self.engine.name,
                "adapted": self.adapted,
                "code": sha256_code("language"),
            }
        )
        return AnswerStore(cache_folder() / "answers" / f"{key}.sqlite")

    @cached_property
    def adapter(self) -> Adapter:
        """The loaded adapter, its weights merged."""
        return load_adapter(self.folder, base=self.base, adapted=self.adapted)

    @cached_property
    def _ask(self) -> Callable[..., list[Any]]:
        adapter = self.adapter
        model = self.engine.prepare(adapter.model, adapter.device)
        if self.mode == "generate":
            return Generator(model, adapter.encoder, self.manifest)
        return scorer(model, adapter.encoder, self.manifest)

    def decide(
        self, view: MarketView, rows: int, *, since: int = 0, progress: bool = False, fresh: bool = False
    ) -> DecisionTape:
        """The decisions of the first `rows` rows of the view; no model is asked about those before `since`.

        Rows whose prompt needs history that the tape does not have are held, with the reason; no
        model is asked about them. The same prompt always gets the same answer.
        """
        prompts = self.manifest.template.render(view).since(since)
        return self.decisions(prompts, rows, view.pool, progress=progress, fresh=fresh)

    def answers(self, texts: Sequence[str], pool: Pool | None = None) -> DecisionTape:
        """One decision for each of these prompts about a pool's swaps, none of them empty."""
        return self.decisions(Prompts(list(texts), np.empty((len(texts), 0)), [""] * len(texts)), len(texts), pool)

    def decisions(
        self, prompts: Prompts, rows: int, pool: Pool | None = None, *, progress: bool = False, fresh: bool = False
    ) -> DecisionTape:
        """The decisions of the first `rows` of these prompts about a pool's swaps; see `decide`."""
        for part in mapped.parts(rows) if fresh else ():
            self.store.forget(set(prompts.texts[part]))
        told = self.manifest.on(pool)
        build = partial(self._from_scores, told) if self.mode == "score" else self._from_texts
        self._lost, self._elsewhere = 0, self.manifest.strange(pool) if pool else ""
        with ExitStack() as stack:
            bar = _Bar(stack, f"asking {self.folder.name}", rows) if progress else None

            def decided(part: slice) -> DecisionTape:
                some = prompts.rows(part)
                return build(some, self._answered(some.texts, part, bar))

            return DecisionTape.by_part(rows, decided)

    @property
    def notes(self) -> list[str]:
        """How fast the model was asked, and how its engine compares with the reference."""
        notes = [self._elsewhere] if self._elsewhere else []
        if self._asked:
            speed = self._asked / max(self._seconds, 1e-9)
            notes.append(f"{self._asked:,} different prompts asked in {self._seconds:.1f} s ({speed:,.0f}/s)")
        if self._lost:
            notes.append(f"{self._lost:,} answers rest on less than {LEAST_MASS:.0%} of their drafts")
        if self.agreement is not None:
            notes.append(f"engine {self.engine.name}: {self.agreement}")
        return notes

    def _answered(self, texts: Sequence[str], part: slice, bar: _Bar | None) -> dict[str, Any]:
        """The answer to each of the prompts of a part, asked where it is not known."""
        wanted = list(dict.fromkeys(text for text in texts if text))
        answers = self.store.known(wanted)
        missing = [text for text in wanted if text not in answers]
        if missing:
            self._check_engine(missing[:PROBE])
            _ = self._ask  # loading is not asking
        started, tick = time.perf_counter(), bar.of(part, len(missing)) if bar else _unseen
        for start in range(0, len(missing), CHUNK):
            chunk, begun = missing[start : start + CHUNK], time.perf_counter()
            told = self._ask(chunk, tick)
            each = (time.perf_counter() - begun) / len(chunk)
            new = {text: (*astuple(one), each) for text, one in zip(chunk, told, strict=True)}
            self.store.add(new)
            answers |= new
        if missing:
            self._asked, self._seconds = self._asked + len(missing), self._seconds + time.perf_counter() - started
        return answers

    def _check_engine(self, prompts: Sequence[str]) -> None:
        """Hold a faster engine against the reference on the adapter at hand; refuse it where they differ."""
        if self.mode != "score" or self.engine.exact:
            return
        if self.engine.name == "torch" and self.adapter.device == "cpu":
            return  # the same arithmetic as the reference
        if self.agreement is None:
            self.agreement = self._compared(prompts)
        if self.agreement.same_side < LEAST_AGREEMENT:
            raise InputError(
                f"too far from the reference on this adapter: {self.agreement}",
                where=f"engine {self.engine.name}",
                hint="use --engine torch",
            )

    def _compared(self, prompts: Sequence[str]) -> Agreement:
        reference = load_adapter(self.folder, base=self.base, adapted=self.adapted, device=self.adapter.device)
        model = find_engine(REFERENCE).prepare(reference.model, reference.device)
        expected = scorer(model, reference.encoder, self.manifest)(prompts)
        del reference, model
        return compare(expected, self._ask(prompts), self.manifest)

    def _from_scores(self, manifest: Manifest, prompts: Prompts, known: Mapping[str, Any]) -> DecisionTape:
        rows = len(prompts)
        held = np.array([bool(missing) for missing in prompts.undefined])
        answers = [known[text] if text else None for text in prompts.texts]
        scores = np.array([answer[0] if answer else (0.0, 0.0, 0.0) for answer in answers]).reshape(rows, 3)
        odds = probabilities(scores, manifest)
        side = np.where(held, int(Side.HOLD), odds.argmax(axis=1)).astype(np.int8)
        details = np.array([answer[1:4] if answer else (0.0, 50.0, 300.0) for answer in answers]).reshape(rows, 3)
        confidence = np.where(held, np.nan, _confidence(odds, manifest)) if rows else np.empty(0)
        names = [", ".join(f"{name} {value:.3f}" for name, value in zip(SIDE_NAMES, row, strict=True)) for row in odds]
        if self.manifest.drafts_first:
            names = [f"{name};{answer[4]}" if answer else name for name, answer in zip(names, answers, strict=True)]
            self._lost += sum(1 for answer in answers if answer and answer[5] < LEAST_MASS)
        unread = [answer[6] if answer else "" for answer in answers]
        lost = np.array([bool(text) for text in unread], dtype=bool)
        tape = DecisionTape.from_sides(
            np.where(lost, UNPARSED, side),
            details[:, 0],
            slippage_bps=details[:, 1],
            deadline_s=details[:, 2],
            confidence=np.where(lost, np.nan, confidence),
            reason=_reasons(names, prompts.undefined),
        )
        said = [unread[row] or self._written(int(code), *details[row]) for row, code in enumerate(side)]
        counts = [(one[7], NAN, one[8]) if one else UNKNOWN for one in answers]
        told = self._transcript(prompts.texts, said, odds, counts)
        return replace(tape, transcript=told, raw_text=text_column(unread) if lost.any() else None)

    @cached_property
    def _written(self) -> Callable[..., str]:
        """A decision as the template writes it; there are few different ones."""
        pieces = self.manifest.template.answer.pieces
        return lru_cache(maxsize=None)(lambda side, *values: "".join(text for _, text in pieces(Side(side), *values)))

    def _transcript(
        self,
        prompts: Sequence[str],
        said: Sequence[str],
        odds: NDArray[np.float64],
        counts: Sequence[tuple[float, float, float]],
    ) -> Transcript:
        """What was shown and said on each row; `counts` are tokens read and written, and seconds."""
        asked = np.array([bool(text) for text in prompts], dtype=bool)
        numbers = np.array(counts, dtype=np.float64).reshape(len(asked), 3)
        odds = np.where(asked[:, None], odds, NAN)
        return Transcript(
            prompt=text_column(prompts),
            said=text_column(text if was else "" for text, was in zip(said, asked, strict=True)),
            p_buy=odds[:, Side.BUY],
            p_hold=odds[:, Side.HOLD],
            p_sell=odds[:, Side.SELL],
            prompt_tokens=numbers[:, 0],
            answer_tokens=numbers[:, 1],
            seconds=numbers[:, 2],
            cost_usd=np.full(len(asked), NAN),
        )

    def _from_texts(self, prompts: Prompts, known: Mapping[str, Any]) -> DecisionTape:
        rows = len(prompts)
        side = np.full(rows, int(Side.HOLD), dtype=np.int8)
        size, slippage, deadline = np.zeros(rows), np.full(rows, 50.0), np.full(rows, 300.0)
        raw = np.full(rows, "", dtype=object)
        notes = [""] * rows
        counts = [UNKNOWN] * rows
        for row, text in enumerate(prompts.texts):
            if not text:
                continue
            raw[row], read, written, seconds = known[text]
            counts[row] = (read, written, seconds)
            parsed = self.manifest.read(raw[row], text)
            if parsed is None:
                side[row], notes[row] = UNPARSED, "not an answer"
                continue
            side[row], size[row] = parsed.side, parsed.size
            slippage[row], deadline[row] = parsed.slippage_bps, parsed.deadline_s
        trades = is_trade(side)
        return DecisionTape(
            side=side,
            size=np.where(trades, size, 0.0),
            slippage_bps=slippage,
            deadline_s=deadline,
            confidence=np.full(rows, np.nan),
            reason=_reasons(notes, prompts.undefined),
            raw_text=raw,
            transcript=self._transcript(prompts.texts, list(raw), np.full((rows, 3), NAN), counts),
        )


class _Bar:
    """How far the rows are, part by part; nothing is drawn before something is asked."""

    def __init__(self, stack: ExitStack, name: str, rows: int) -> None:
        self._stack, self._name, self._rows = stack, name, rows
        self._bar: Progress | None = None

    def of(self, part: slice, prompts: int) -> Callable[[int], None]:
        """What hears how many more prompts of a part are answered."""
        if not prompts:
            return _unseen
        if self._bar is None:
            self._bar = self._stack.enter_context(Progress(console=Console(stderr=True), transient=True))
            self._bar.add_task(self._name, total=self._rows)
        (task,), bar = self._bar.task_ids, self._bar
        bar.update(task, completed=part.start)
        return lambda done: bar.advance(task, done * (part.stop - part.start) / prompts)


def _unseen(done: int) -> None:
    del done


def compare(expected: Sequence[Scored], found: Sequence[Scored], manifest: Any) -> Agreement:
    """Hold one engine's answers against the reference's."""
    before, after = (probabilities(_table(answers), manifest) for answers in (expected, found))
    same = float((before.argmax(axis=1) == after.argmax(axis=1)).mean())
    return Agreement(len(expected), same, float(np.abs(before - after).max()))


def _table(answers: Sequence[Scored]) -> NDArray[np.float64]:
    return np.array([answer.scores for answer in answers])


def _reasons(texts: Sequence[str], undefined: Sequence[str]) -> NDArray[np.object_]:
    return text_column(
        f"{NOT_ASKED}: no {missing} yet" if missing else text for text, missing in zip(texts, undefined, strict=True)
    )


def _confidence(odds: NDArray[np.float64], manifest: Manifest) -> NDArray[np.float64]:
    """The chance that the decision is the label; or that its trade gains, where the model learned from rewards."""
    if manifest.confidence == "label":
        return np.asarray(odds.max(axis=1))
    trades, chance = odds.argmax(axis=1) != Side.HOLD, manifest.chance
    return np.where(trades, chance(trade_score(odds)), np.nan) if chance else np.full(len(odds), np.nan)
