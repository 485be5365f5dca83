"""What drafts are worth on rows that were not learned from: whether they are true, and whether they are the cause."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rook_bench.dataset.rules import Rules
from rook_bench.drafts.truth import Columns, side_of, turned
from rook_bench.drafts.verify import any_numbers
from rook_bench.language.draft_scoring import DraftScorer
from rook_bench.language.generation import Generator
from rook_bench.language.manifest import Manifest
from rook_bench.language.scoring import corrected
from rook_bench.language.tokens import Encoder


@dataclass(frozen=True, eq=False)
class Asked:
    """Rows that drafts are looked at on.

    Attributes:
        texts: their prompts; levels: what is true of them, shape (rows, steps).
        features: what the rules read; at: their times.
    """

    texts: Sequence[str]
    levels: NDArray[np.int64]
    features: Columns
    at: pd.DatetimeIndex


def written(
    model: Any, encoder: Encoder, manifest: Manifest, texts: Sequence[str], levels: NDArray[np.int64]
) -> dict[str, float]:
    """What the model writes where nothing is given: shares of answers read, numbers copied and verdicts true.

    A text that is no draft of any numbers counts as none copied and none true.
    """
    draft = manifest.draft
    assert draft is not None
    pattern = any_numbers(draft)
    pattern = f"{pattern}.+" if draft.order == "before" else f".+?{pattern}"
    read, copied, true = [], [], []
    for prompt, written, own in zip(texts, Generator(model, encoder, manifest)(texts), levels, strict=True):
        read.append(manifest.read(written.text, prompt) is not None)
        match = re.fullmatch(pattern, written.text)
        numbers, verdicts = (match.groups()[::2], match.groups()[1::2]) if match else ((), ())
        right = [step.words[level] for step, level in zip(draft.steps, own, strict=True)]
        copied.append(_alike(numbers, manifest.shown(prompt)))
        true.append(_alike(verdicts, right))
    return {"rows": len(texts), "read": _mean(read), "numbers copied": _mean(copied), "verdicts true": _mean(true)}


def chosen(scorer: DraftScorer, asked: Asked, rules: Rules) -> dict[str, float | int | None]:
    """Of the likeliest draft of each row: whether it is true, whether the answer follows from it, and what it decides.

    "causal": of the rows where turning one verdict makes the rules choose another side, the share where the model,
    given the true draft with that verdict turned, chooses that side, where it chose the label's with the true one.
    """
    draft, manifest = scorer.draft, scorer.manifest
    answers = scorer(asked.texts)
    sides = corrected(np.array([answer.scores for answer in answers]), manifest).argmax(axis=1)
    told = np.array(
        [draft.read(answer.draft, manifest.shown(text)) for answer, text in zip(answers, asked.texts, strict=True)]
    )
    follows = side_of(draft, rules, told, asked.features, asked.at) == sides
    deciding = turned(draft, rules, asked.levels, asked.features, asked.at)
    changed = asked.levels.copy()
    rows = np.flatnonzero(deciding.step >= 0)
    changed[rows, deciding.step[rows]] = deciding.level[rows]
    texts = [asked.texts[int(row)] for row in rows]
    before, after = (
        corrected(scorer.given(texts, levels[rows]), manifest).argmax(axis=1) for levels in (asked.levels, changed)
    )
    right = before == deciding.chosen[rows]
    return {
        "least mass": min(answer.mass for answer in answers),
        "verdicts true": float((told == asked.levels).mean()),
        "true to the row": float((told == asked.levels).all(axis=1).mean()),
        "true to the answer": float(follows.mean()),
        "turned": int(right.sum()),
        "causal": float((after == deciding.side[rows])[right].mean()) if right.any() else None,
    }


def _alike(found: Sequence[str], wanted: Sequence[str]) -> float:
    """Share of what is wanted that was found in its place."""
    return sum(one == other for one, other in zip(found, wanted, strict=False)) / len(wanted)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
