"""Constrained scoring: the probability of each answer that training saw, instead of free generation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import InputError, Side
from rook_bench.language.answer import DETAILS
from rook_bench.language.manifest import Manifest
from rook_bench.language.reader import Reader, positions_of
from rook_bench.language.runtime import load_torch
from rook_bench.language.tokens import Encoder

CPU_TOKENS, GPU_TOKENS = 1024, 32_768
"""Tokens per forward pass: enough to fill the processor, few enough to stay in its caches."""

SPARE_TOKENS = 8
"""Tokens beyond the longest answer; what has not ended by then is no answer."""

LONGEST = (1.0, 10_000.0, 86_400.0)
"""Size, slippage and deadline as long as they get, where it isn't known what training saw."""

Tick = Callable[[int], None]


@dataclass(frozen=True)
class Scored:
    """An answer by scoring.

    Attributes:
        scores: log-probabilities of the three sides as the model gives them, normalised over the
            three, before correction and temperature; shape (3,), in the order of Side.
        size, slippage_bps, deadline_s: one after the other, the likeliest of those that training saw for
            the chosen side and what was chosen before.
        draft: the likeliest draft of the chosen side, "" of a model that answers only.
        mass: probability of the drafts that were gone through; 1 of a model that answers only.
        unread: the answer as the model went on with it, where its size and limits can't be read; those are 0 then.
        tokens: of the prompt.
    """

    scores: tuple[float, float, float]
    size: float
    slippage_bps: float
    deadline_s: float
    draft: str = ""
    mass: float = 1.0
    unread: str = ""
    tokens: int = 0


_UNSCORED = Scored((0.0, 0.0, 0.0), 0.0, 50.0, 300.0)


def _named(values: tuple[float, float, float]) -> dict[str, Any]:
    return dict(zip(DETAILS, values, strict=True))


def ends_of(model: Any, encoder: Encoder) -> list[int]:
    """Tokens that end what a model says; chat models have more than one."""
    told = getattr(getattr(model, "generation_config", None), "eos_token_id", None) or []
    return list(dict.fromkeys([encoder.end, *([told] if isinstance(told, int) else told)]))


def corrected(scores: NDArray[np.float64], manifest: Manifest) -> NDArray[np.float64]:
    """Log-odds of the sides without the class weights of the training loss; shape (n, 3).

    A loss that weighs class c by w_c is least at probabilities proportional to w_c p(c), so
    dividing by w_c gives p(c), the natural mixture, back.
    """
    return scores - np.log(manifest.weights)


def probabilities(
    scores: NDArray[np.float64], manifest: Manifest, temperature: float | None = None
) -> NDArray[np.float64]:
    """Calibrated probabilities of BUY, HOLD and SELL, shape (n, 3)."""
    odds = corrected(scores, manifest) / (manifest.temperature if temperature is None else temperature)
    odds = np.exp(odds - odds.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def trade_score(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of the better trade over holding, shape (n,), by probabilities of shape (n, 3)."""
    safe = np.log(np.maximum(odds, 1e-12))
    return np.asarray(np.maximum(safe[:, Side.BUY], safe[:, Side.SELL]) - safe[:, Side.HOLD])


class Scorer:
    """Scores prompts with one model.

    One forward pass per prompt: rows of equal length together (no padding), what all prompts
    begin with computed once, and of the output layer only what the labels need. Words of one
    token are compared at the last position; longer words, sizes and limits by the sum of their
    tokens' log-probabilities. Of an adapter whose lessons are not known, the model writes sizes and limits itself
    after the word, greedily, and they are read strictly.

    Args:
        model: a merged causal language model as an engine prepared it.
        encoder: its tokenizer with the answer format.
        manifest: what answers there are.
        batch_tokens: tokens per forward pass.
    """

    def __init__(self, model: Any, encoder: Encoder, manifest: Manifest, batch_tokens: int | None = None) -> None:
        self.torch = load_torch()
        self.encoder, self.manifest = encoder, manifest
        self.device = model.device
        self.batch_tokens = batch_tokens or (CPU_TOKENS if self.device.type == "cpu" else GPU_TOKENS)
        self.sides = [encoder.side(side) for side in Side]
        self.has_details = any(len(manifest.values(side)) != 1 for side in Side)
        self.ends = ends_of(model, encoder)
        self.reader = Reader(model, encoder.prompts([manifest.template.prompt])[0])
        self.positions = positions_of(model.config)

    def __call__(self, prompts: Sequence[str], tick: Tick = lambda rows: None) -> list[Scored]:
        """Score each prompt; `tick` hears how many are done."""
        ids = self.encoder.prompts(prompts)
        self._check_length(ids)
        out: list[Scored | None] = [None] * len(ids)
        with self.torch.inference_mode():
            shared = _shared_length(ids)
            prefix = self.reader.read(self._tensor([ids[0][:shared]]), keep=True)[1] if shared else None
            for rows in self._batches(ids, shared, prompts):
                batch = self._tensor([ids[row][shared:] for row in rows])
                answers = self._score(batch, prefix, [prompts[row] for row in rows])
                for row, scored in zip(rows, answers, strict=True):
                    out[row] = replace(scored, tokens=len(ids[row]))
                tick(len(rows))
        return out  # type: ignore[return-value]

    def _batches(self, ids: list[list[int]], shared: int, prompts: Sequence[str]) -> Iterable[list[int]]:
        by_shape: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for row, (tokens, prompt) in enumerate(zip(ids, prompts, strict=True)):
            by_shape[len(tokens) - shared, *self._further(prompt)].append(row)
        for shape, rows in sorted(by_shape.items()):
            size = max(1, self.batch_tokens // sum(shape))
            for start in range(0, len(rows), size):
                yield rows[start : start + size]

    def _further(self, prompt: str) -> tuple[int, ...]:
        """How many tokens come after a prompt before its answer: rows of one batch are alike in it."""
        del prompt
        return ()

    def _score(self, batch: Any, prefix: Any, prompts: Sequence[str]) -> list[Scored]:
        del prompts
        context = None if prefix is None else prefix.spread(len(batch))
        states, context = self.reader.read(batch, context, keep=self._goes_on)
        scores = self._side_scores(states[:, -1], context)
        chosen = corrected(scores, self.manifest).argmax(axis=1)
        details = self._details(chosen, context)
        return [
            replace(told, scores=(float(row[0]), float(row[1]), float(row[2])))
            for row, told in zip(scores, details, strict=True)
        ]

    @property
    def _goes_on(self) -> bool:
        """Whether anything is read after a prompt."""
        return self.has_details or any(len(word) > 1 for word in self.sides)

    def _side_scores(self, last: Any, context: Any) -> NDArray[np.float64]:
        """Log-probabilities of the three sides after the last position, normalised over them, shape (rows, 3)."""
        if all(len(word) == 1 for word in self.sides):
            # All three words stand at one position, where the normaliser is the same for all.
            sides = self.reader.logits(last, [word[0] for word in self.sides])
        else:
            sides = self._candidates(last, context, self.sides)
        scores = self.torch.log_softmax(sides, dim=1).double().cpu().numpy()
        if not np.isfinite(scores).all():
            raise InputError(
                "the model's answer is not a number", hint="its weights are damaged, or its training diverged"
            )
        return np.asarray(scores)

    def _details(self, chosen: NDArray[np.intp], context: Any) -> list[Scored]:
        """Size, slippage and deadline of each row, given its side; the scores are still to come."""
        out = [_UNSCORED] * len(chosen)
        for side in Side:
            rows = np.flatnonzero(chosen == side)
            values = self.manifest.values(side)
            if len(rows) == 0:
                continue
            if len(values) == 1:
                picked = [replace(_UNSCORED, **_named(values[0]))] * len(rows)
            elif values:
                picked = [replace(_UNSCORED, **_named(one)) for one in self._walk(side, values, rows, context)]
            else:
                picked = self._gone_on(side, rows, context)
            for row, told in zip(rows, picked, strict=True):
                out[row] = told
        return out

    def _gone_on(self, side: Side, rows: NDArray[np.intp], context: Any) -> list[Scored]:
        """What the model writes after the word, greedily, read strictly."""
        word = self.sides[side]
        most = len(self.encoder.answer_ids(side, *LONGEST)[0]) - len(word) + SPARE_TOKENS
        states, context = self.reader.read(
            self._tensor([list(word)] * len(rows)), context.select(rows.tolist()), keep=True
        )
        steps, ends = [], self.torch.tensor(self.ends, device=self.device)
        for _ in range(most):
            steps.append(self.reader.logits(states[:, -1]).argmax(dim=1))
            if bool(self.torch.isin(self.torch.stack(steps), ends).any(dim=0).all()):
                break
            states, context = self.reader.read(steps[-1][:, None], context, keep=True)
        out = []
        for written in self.torch.stack(steps, dim=1).tolist():
            stop = next((place for place, token in enumerate(written) if token in self.ends), len(written))
            text = self.encoder.text_of([*word, *written[:stop]])
            parsed = self.encoder.answer.read(text)
            known = None if parsed is None else _named((parsed.size, parsed.slippage_bps, parsed.deadline_s))
            out.append(replace(_UNSCORED, unread=text) if known is None else replace(_UNSCORED, **known))
        return out

    def _walk(
        self, side: Side, values: list[tuple[float, float, float]], rows: NDArray[np.intp], context: Any
    ) -> list[tuple[float, float, float]]:
        """Choose part after part; rows that chose alike so far go on together."""
        groups = [(rows, values, list(self.sides[side]))]
        for index, part in enumerate(DETAILS):
            if part not in self.encoder.answer.written:
                continue
            write = self.encoder.answer.detail(part).write
            further = []
            for members, left, fed in groups:
                words = {write(value[index]): value[index] for value in left}
                if len(words) == 1:
                    further.append((members, left, fed + list(self.encoder.piece(next(iter(words))))))
                    continue
                texts = list(words)
                pieces = [self.encoder.piece(text) for text in texts]
                sub = context.select(members.tolist())
                states, sub = self.reader.read(self._tensor([fed] * len(members)), sub, keep=True)
                best = self._candidates(states[:, -1], sub, pieces).argmax(dim=1).cpu().numpy()
                for choice in np.unique(best):
                    kept = [value for value in left if write(value[index]) == texts[choice]]
                    further.append((members[best == choice], kept, fed + list(pieces[choice])))
            groups = further
        picked = {int(row): left[0] for members, left, _ in groups for row in members}
        return [picked[int(row)] for row in rows]

    def _candidates(self, last: Any, context: Any, candidates: Sequence[Sequence[int]]) -> Any:
        """Log-probability of each candidate's tokens after the last position; shape (rows, candidates)."""
        torch = self.torch
        first = torch.log_softmax(self.reader.logits(last), dim=1)
        columns = []
        for tokens in candidates:
            total = first[:, tokens[0]]
            if len(tokens) > 1:
                read = self._tensor([list(tokens[:-1])] * len(last))
                after = torch.log_softmax(self.reader.logits(self.reader.peek(read, context)), dim=2)
                wanted = self._tensor([list(tokens[1:])] * len(last))[:, :, None]
                total = total + after.gather(2, wanted).sum(dim=(1, 2))
            columns.append(total)
        return torch.stack(columns, dim=1)

    def _tensor(self, rows: list[list[int]]) -> Any:
        return self.torch.tensor(rows, device=self.device)

    def _check_length(self, ids: list[list[int]]) -> None:
        longest = max(map(len, ids), default=0)
        if self.positions is not None and longest + 40 > self.positions:
            raise InputError(f"a prompt of {longest} tokens leaves no room in a model of {self.positions} positions")


def _shared_length(ids: list[list[int]]) -> int:
    """How many leading tokens all prompts share; one token at least stays to each."""
    if len(ids) < 2:
        return 0
    shortest = min(map(len, ids)) - 1
    first, last = min(ids), max(ids)
    same = 0
    while same < shortest and first[same] == last[same]:
        same += 1
    return same
