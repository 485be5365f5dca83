"""Whether a draft that somebody wrote is true: its numbers, its verdicts and its side."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rook_bench.core import Side
from rook_bench.language.answer import Answer
from rook_bench.language.draft import Draft

REASONS = ("no answer", "not a draft", "another number", "an untrue verdict", "another side")
"""Why a draft is not kept, the first that holds."""


def any_numbers(draft: Draft) -> str:
    """A regular expression of drafts of whatever numbers: a group for each number and each verdict, in turn."""
    return "".join(rf" (\S+(?: \S+)??)({'|'.join(map(re.escape, step.words))})" for step in draft.steps)


def why_refused(
    written: str | None, draft: Draft, answer: Answer, shown: Sequence[str], levels: Sequence[int], side: Side
) -> str | None:
    """The reason of REASONS for which a draft is not kept; None where it is true.

    Args:
        written: draft and side word, spaces around it aside.
        shown, levels: what is true of the row; side: its label.
    """
    if not written or not written.strip():
        return "no answer"
    text = f" {written.strip()}"
    sides = "|".join(re.escape(answer.side[one]) for one in Side)
    match = re.fullmatch(f"{any_numbers(draft)}({sides})", text)
    if match is None:
        return "not a draft"
    numbers, verdicts = match.groups()[:-1:2], match.groups()[1:-1:2]
    if list(numbers) != list(shown):
        return "another number"
    if any(word != step.words[level] for word, step, level in zip(verdicts, draft.steps, levels, strict=True)):
        return "an untrue verdict"
    return None if match.groups()[-1] == answer.side[side] else "another side"
