"""A row in words, for a teacher that is a language model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rook_bench.dataset.rules import Rules
from rook_bench.drafts.truth import bounds_of
from rook_bench.language.draft import Draft


def question_of(
    draft: Draft, rules: Rules, fields: Sequence[str], exact: Mapping[str, float], side: str, examples: Sequence[str]
) -> str:
    """A row in words: what is checked, the numbers as shown and as they are, the decision, and lines that are right.

    Args:
        fields: what the prompt shows for each step; exact: the numbers behind them, by feature.
        side: the decision's word.
        examples: true lines of other rows.
    """
    lines = ["Write one line that checks a trading decision: for each check the number as shown and one of its words."]
    for step in draft.steps:
        for question in step.questions:
            below, above = bounds_of(question, rules)
            words = ", ".join(repr(word.strip()) for word in step.words)
            edges = ", ".join(f"{edge:g}" for edge in sorted([*below, *above]) if math.isfinite(edge))
            if edges:
                lines.append(f"{step.show}: {words} in rising order of {question.feature}, with edges at {edges}")
    lines += ["Lines that are right:", *(line.strip() for line in examples), "This row:"]
    lines += [
        f"{step.show} shown {text}, " + ", ".join(f"{one.feature} {exact[one.feature]:.6g}" for one in step.questions)
        for step, text in zip(draft.steps, fields, strict=True)
    ]
    return "\n".join([*lines, f"decision:{side}", "Its line:", ""])
