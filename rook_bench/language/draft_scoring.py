"""Scoring a model that drafts first: copied numbers are given, verdicts gone through, the sides are what is left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from rook_bench.core import InputError
from rook_bench.language.draft import Draft
from rook_bench.language.manifest import Manifest
from rook_bench.language.scoring import Scored, Scorer, corrected, select, spread
from rook_bench.language.tokens import Encoder

KEPT = 0.998
"""Share of a row's probability that is gone on with after each step: of five, over 0.99 is left."""

MOST_PATHS = 16
"""Drafts of one row that are gone on with, at most."""


class DraftScorer(Scorer):
    """Scores prompts with a model that drafts before it answers.

    The probability of a side is the sum over drafts of P(draft) P(side | draft). The tree of drafts is small: numbers
    are copies and given, each verdict is one of a few words, a token each, and what is improbable is dropped. One
    cached forward pass per step.

    Args:
        model, encoder, manifest, batch_tokens: as for `Scorer`; the manifest has a draft.
    """

    def __init__(self, model: Any, encoder: Encoder, manifest: Manifest, batch_tokens: int | None = None) -> None:
        if manifest.draft is None:
            raise ValueError("the manifest has no draft")
        super().__init__(model, encoder, manifest, batch_tokens)
        self.draft = manifest.draft
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
                    hidden, cache = self._forward(self._tensor([ids[row] for row in batch]), None)
                    out[batch] = self._side_scores(hidden[:, -1], cache)
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
        copies = [self._copies(prompt) for prompt in prompts]
        owner = np.arange(len(prompts))
        weight = np.zeros(len(prompts))
        levels = np.empty((len(prompts), 0), dtype=np.int64)
        first = self._tensor([list(copy[0]) for copy in copies])
        hidden, cache = self._forward(
            self.torch.cat([batch, first], dim=1), None if prefix is None else spread(prefix, len(batch)), keep=True
        )
        for number, words in enumerate(self.words):
            said = self.torch.log_softmax(self._logits(hidden[:, -1], words), dim=1).double().cpu().numpy()
            path, level = kept_paths(owner, weight[:, None] + said)
            if not np.array_equal(path, np.arange(len(owner))):
                cache = select(cache, path)
            weight, owner = weight[path] + said[path, level], owner[path]
            levels = np.column_stack([levels[path], level])
            last = number + 1 == len(self.words)
            fed = [
                [words[chosen], *(() if last else copies[row][number + 1])]
                for row, chosen in zip(owner, level, strict=True)
            ]
            hidden, cache = self._forward(self._tensor(fed), cache, keep=True)
        sides = weight[:, None] + self._side_scores(hidden[:, -1], cache)
        return self._marginal(prompts, owner, levels, sides, cache)

    def _marginal(
        self,
        prompts: Sequence[str],
        owner: NDArray[np.intp],
        levels: NDArray[np.int64],
        sides: NDArray[np.float64],
        cache: Any,
    ) -> list[Scored]:
        """Sum over each row's drafts; `sides` are log P(draft, side), shape (paths, 3), in order of their owners."""
        starts = np.searchsorted(owner, np.arange(len(prompts) + 1))
        of_row = [slice(start, end) for start, end in pairwise(starts)]
        totals = np.array([logsumexp(sides[rows], axis=0) for rows in of_row])
        mass = logsumexp(totals, axis=1)
        scores = totals - mass[:, None]
        chosen = corrected(scores, self.manifest).argmax(axis=1)
        likeliest = np.array(
            [rows.start + int(sides[rows, side].argmax()) for rows, side in zip(of_row, chosen, strict=True)]
        )
        details = self._details(chosen, select(cache, likeliest) if self.has_details else None)
        return [
            Scored(
                (float(score[0]), float(score[1]), float(score[2])),
                *values,
                self.draft.write(self.manifest.shown(prompt), levels[path].tolist()),
                float(np.exp(all_of_it)),
            )
            for prompt, score, values, path, all_of_it in zip(prompts, scores, details, likeliest, mass, strict=True)
        ]


def scorer(model: Any, encoder: Encoder, manifest: Manifest) -> Scorer:
    """What scores the answers of such a model."""
    return (DraftScorer if manifest.drafts_first else Scorer)(model, encoder, manifest)


def kept_paths(owner: NDArray[np.intp], weight: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which paths are gone on with, and by which word: of each owner the likeliest, until `KEPT` of it is there.

    Args:
        owner: row of each path, ascending, shape (paths,).
        weight: log-probability of each path with each next word, shape (paths, words).

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
    kept = np.sort(order[(before < KEPT) & (rank < MOST_PATHS)])
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
