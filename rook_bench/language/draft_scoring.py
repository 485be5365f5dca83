"""Scoring a model that drafts first: copied numbers are given, verdicts gone through, the sides are what is left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from rook_bench.core import InputError
from rook_bench.language.draft import Draft
from rook_bench.language.manifest import Manifest
from rook_bench.language.scoring import Scored, Scorer, corrected
from rook_bench.language.tokens import Encoder

KEPT = 0.998
"""Share of a row's probability that is gone on with after each step: of five, over 0.99 is left."""

MOST_PATHS, ROUGHLY = 256, 32
"""Drafts of one row that are gone on with, at most; and while training, where a model that is sure of nothing yet would
have hundreds."""


@dataclass(frozen=True, eq=False)
class _Paths:
    """Drafts as far as they were written.

    Attributes:
        owner: row of each, ascending, shape (paths,); weight: its log-probability.
        levels: of the steps taken, shape (paths, steps so far).
        last: states after the last token; context: all tokens.
    """

    owner: NDArray[np.intp]
    weight: NDArray[np.float64]
    levels: NDArray[np.int64]
    last: Any
    context: Any


class DraftScorer(Scorer):
    """Scores prompts with a model that drafts before it answers.

    The probability of a side is the sum over drafts of P(draft) P(side | draft). The tree of drafts is small: numbers
    are copies and given, each verdict is one of a few words, a token each, and what is improbable is dropped. One
    cached forward pass per step.

    Args:
        model, encoder, manifest, batch_tokens: as for `Scorer`; the manifest has a draft.
        most_paths: drafts of one row that are gone on with, at most.
    """

    def __init__(
        self,
        model: Any,
        encoder: Encoder,
        manifest: Manifest,
        batch_tokens: int | None = None,
        most_paths: int = MOST_PATHS,
    ) -> None:
        if manifest.draft is None:
            raise ValueError("the manifest has no draft")
        super().__init__(model, encoder, manifest, batch_tokens)
        self.draft, self.most_paths = manifest.draft, most_paths
        self.words = verdict_tokens(encoder, self.draft)
        self._copies = lru_cache(maxsize=65_536)(self._copied)

    def given(self, prompts: Sequence[str], levels: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Log-probabilities of the sides after drafts that are given, normalised over them, shape (n, 3).

        Args:
            prompts: n prompts; levels: of each step of their drafts, shape (n, steps).
        """
        ids = [
            prompt + [token for copy, words, level in zip(self._copies(text), self.words, own, strict=True)
                      for token in (*copy, words[level])]
            for text, prompt, own in zip(prompts, self.encoder.prompts(prompts), levels, strict=True)
        ]  # fmt: skip
        by_length: dict[int, list[int]] = defaultdict(list)
        for row, tokens in enumerate(ids):
            by_length[len(tokens)].append(row)
        out = np.empty((len(ids), 3))
        with self.torch.inference_mode():
            for length, rows in by_length.items():
                size = max(1, self.batch_tokens // length)
                for start in range(0, len(rows), size):
                    batch = rows[start : start + size]
                    states, context = self.reader.read(self._tensor([ids[row] for row in batch]), keep=self._goes_on)
                    out[batch] = self._side_scores(states[:, -1], context)
        return out

    def _copied(self, prompt: str) -> tuple[tuple[int, ...], ...]:
        """Tokens of the numbers that a prompt's draft copies, step by step."""
        shown = self.manifest.shown(prompt)
        if not shown:
            raise InputError(f"not a prompt of template {self.manifest.template.name}: {prompt[:60]!r}")
        return tuple(self.encoder.piece(f" {text}") for text in shown)

    def _further(self, prompt: str) -> tuple[int, ...]:
        return tuple(len(copy) + 1 for copy in self._copies(prompt))

    def _score(self, batch: Any, prefix: Any, prompts: Sequence[str]) -> list[Scored]:
        first = self._tensor([list(self._copies(prompt)[0]) for prompt in prompts])
        context = None if prefix is None else prefix.spread(len(batch))
        states, context = self.reader.read(self.torch.cat([batch, first], dim=1), context, keep=True)
        rows = len(prompts)
        start = _Paths(np.arange(rows), np.zeros(rows), np.empty((rows, 0), dtype=np.int64), states[:, -1], context)
        return self._go_on(prompts, start)

    def _go_on(self, prompts: Sequence[str], paths: _Paths) -> list[Scored]:
        """Take the next step of each path, and those after it; a model that is sure of nothing has many of them."""
        number = paths.levels.shape[1]
        if number == len(self.words):
            return self._marginal(prompts, paths)
        words = self.words[number]
        said = self.torch.log_softmax(self.reader.logits(paths.last, words), dim=1).double().cpu().numpy()
        path, level = kept_paths(paths.owner, paths.weight[:, None] + said, self.most_paths)
        out: list[Scored] = []
        for part in self._parts(paths.owner[path], prompts[0]):
            chosen, own = path[part], level[part]
            whole = np.array_equal(chosen, np.arange(len(paths.owner)))
            context = paths.context if whole else paths.context.select(chosen.tolist())
            first = int(paths.owner[chosen[0]])
            owner = paths.owner[chosen] - first
            mine = prompts[first : first + int(owner[-1]) + 1]
            further = [self._copies(prompt)[number + 1] if number + 1 < len(self.words) else () for prompt in mine]
            fed = [[words[one], *further[row]] for row, one in zip(owner, own, strict=True)]
            states, context = self.reader.read(self._tensor(fed), context, keep=True)
            weight = paths.weight[chosen] + said[chosen, own]
            levels = np.column_stack([paths.levels[chosen], own])
            out += self._go_on(mine, _Paths(owner, weight, levels, states[:, -1], context))
        return out

    def _parts(self, owner: NDArray[np.intp], prompt: str) -> list[NDArray[np.intp]]:
        """Paths in parts that fit into memory, each with whole rows; sharp models have hardly more paths than rows."""
        most = 2 * max(1, self.batch_tokens // sum(self._further(prompt)))
        if len(owner) <= most or owner[0] == owner[-1]:
            return [np.arange(len(owner))]
        middle = int(np.searchsorted(owner, (owner[0] + owner[-1] + 1) // 2))
        halves = (np.arange(middle), np.arange(middle, len(owner)))
        return [half[0] + part for half in halves for part in self._parts(owner[half], prompt)]

    def _marginal(self, prompts: Sequence[str], paths: _Paths) -> list[Scored]:
        """Sum over each row's drafts."""
        owner, levels, context = paths.owner, paths.levels, paths.context
        sides = paths.weight[:, None] + self._side_scores(paths.last, context)
        starts = np.searchsorted(owner, np.arange(len(prompts) + 1))
        of_row = [slice(start, end) for start, end in pairwise(starts)]
        totals = np.array([logsumexp(sides[rows], axis=0) for rows in of_row])
        mass = logsumexp(totals, axis=1)
        scores = totals - mass[:, None]
        chosen = corrected(scores, self.manifest).argmax(axis=1)
        likeliest = np.array(
            [rows.start + int(sides[rows, side].argmax()) for rows, side in zip(of_row, chosen, strict=True)]
        )
        details = self._details(chosen, context.select(likeliest.tolist()) if self.has_details else None)
        return [
            replace(
                told,
                scores=(float(score[0]), float(score[1]), float(score[2])),
                draft=self.draft.write(self.manifest.shown(prompt), levels[path].tolist()),
                mass=float(np.exp(all_of_it)),
            )
            for prompt, score, told, path, all_of_it in zip(prompts, scores, details, likeliest, mass, strict=True)
        ]


def scorer(model: Any, encoder: Encoder, manifest: Manifest, *, rough: bool = False) -> Scorer:
    """What scores the answers of such a model; `rough` for looks at one that is still in training."""
    if not manifest.drafts_first:
        return Scorer(model, encoder, manifest)
    return DraftScorer(model, encoder, manifest, most_paths=ROUGHLY if rough else MOST_PATHS)


def kept_paths(
    owner: NDArray[np.intp], weight: NDArray[np.float64], most: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which paths are gone on with, and by which word: of each owner the likeliest, until `KEPT` of it is there.

    Args:
        owner: row of each path, ascending, shape (paths,).
        weight: log-probability of each path with each next word, shape (paths, words).
        most: paths of one owner, at most.

    Returns:
        Path and word of each kept one, by owner, then in order of the paths.
    """
    words = weight.shape[1]
    flat, mine = weight.ravel(), np.repeat(owner, words)
    order = np.lexsort((-flat, mine))
    share = np.exp(flat[order])
    _, first = np.unique(mine[order], return_index=True)
    sizes = np.diff([*first, len(order)])
    totals = np.add.reduceat(share, first)
    before = np.cumsum(share) - share
    before = (before - np.repeat(before[first], sizes)) / np.repeat(totals, sizes)
    rank = np.arange(len(order)) - np.repeat(first, sizes)
    kept = np.sort(order[(before < KEPT) & (rank < most)])
    return kept // words, kept % words


def verdict_tokens(encoder: Encoder, draft: Draft) -> list[list[int]]:
    """The token of each word of each step; InputError where one is not a single token of its own."""
    out = []
    for step in draft.steps:
        pieces = [encoder.piece(word) for word in step.words]
        long = [word for word, piece in zip(step.words, pieces, strict=True) if len(piece) != 1]
        if long or len(set(pieces)) < len(pieces):
            words = ", ".join(map(repr, long or step.words))
            raise InputError(
                f"{words}: verdicts of step '{step.show}' must be different single tokens of the base",
                where="draft",
                hint='take words such as " +", " -", " 0" in the template\'s [draft]',
            )
        out.append([piece[0] for piece in pieces])
    return out
