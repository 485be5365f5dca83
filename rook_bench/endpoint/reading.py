"""What a server's answer says: the text, the tokens it took, and probabilities of the words if it tells them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rook_bench.core import Side
from rook_bench.language.answer import Answer

FILLER = -100.0
"""Log-probability below which a server only fills a list up (OpenAI's write -9999)."""

SURE = 1e-3
"""Share of the probability below which a side that is not listed counts as nothing."""


@dataclass(frozen=True)
class Said:
    """One answer.

    Attributes:
        text: that is read for a decision; before: what the model reasoned, where the server tells that apart.
        odds: of BUY, HOLD and SELL, None where the server does not say enough.
        tokens_in, tokens_out: as the server counts them, None where it doesn't.
        seconds: the question took.
        fingerprint: what the server says of the model that answered.
        cost_usd: by the stated prices, None without.
        ended: whether it came to its end; what was cut off is no answer.
    """

    text: str
    before: str = ""
    odds: tuple[float, float, float] | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float = 0.0
    fingerprint: str = ""
    cost_usd: float | None = None
    ended: bool = True

    @property
    def whole(self) -> str:
        """All that the model wrote."""
        return f"{self.before}\n{self.text}" if self.before else self.text

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Said:
        """As it was kept."""
        odds = told["odds"]
        return cls(**{**told, "odds": None if odds is None else tuple(odds)})


def read_reply(told: Mapping[str, Any], answer: Answer, *, chat: bool) -> Said | None:
    """What a reply says; None where it is none.

    Args:
        told: the server's JSON; answer: how the template's answers are written.
        chat: whether chat completions were asked, else plain ones.
    """
    choices = told.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    if first is None:
        return None
    message = first.get("message") if chat else first
    if not isinstance(message, dict):
        return None
    content = message.get("content" if chat else "text")
    if content is not None and not isinstance(content, str):
        return None
    before = message.get("reasoning_content") or message.get("reasoning") or ""
    usage = told.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    content = _sound(content or "")
    text = _as_written(content.strip(), answer) if chat else content
    odds = None if answer.json_object else _odds(_listed(first.get("logprobs")), answer, text, chat=chat)
    return Said(
        text=text,
        before=_sound(before) if isinstance(before, str) else "",
        odds=odds,
        tokens_in=_count(usage.get("prompt_tokens")),
        tokens_out=_count(usage.get("completion_tokens")),
        fingerprint=_sound("/".join(str(told[name]) for name in ("model", "system_fingerprint") if told.get(name))),
        ended=first.get("finish_reason") != "length",
    )


def _sound(text: str) -> str:
    """A text without halves of characters, which JSON can hold and no file can."""
    return text.encode("utf-8", "replace").decode()


def _as_written(text: str, answer: Answer) -> str:
    """A chat's answer begins where the assistant's turn does: the space that words have after a prompt is not there."""
    spaced = all(answer.side[side].startswith(" ") for side in Side) and not answer.json_object
    return f" {text}" if spaced and text else text


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else None


def _listed(told: Any) -> dict[str, float]:
    """Log-probabilities of the likeliest first tokens, by their text; empty where none are told.

    A list of tokens ("content") is the form of chat completions, which llama.cpp gives of plain ones too; a list of
    mappings ("top_logprobs") that of plain ones.
    """
    if not isinstance(told, dict):
        return {}
    pairs: list[tuple[Any, Any]] = []
    content = told.get("content")
    if content is not None:
        first = content[0] if isinstance(content, list) and content and isinstance(content[0], dict) else {}
        rows = first.get("top_logprobs")
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict):
                pairs.append((row.get("token"), row.get("logprob")))
    else:
        rows = told.get("top_logprobs")
        first = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
        pairs = list(first.items())
    return {
        token: float(value)
        for token, value in pairs
        if isinstance(token, str)
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and FILLER < value <= 1e-6
    }


def _odds(listed: Mapping[str, float], answer: Answer, text: str, *, chat: bool) -> tuple[float, float, float] | None:
    """Probabilities of the three sides by the first token; None where they can't be told.

    A token counts for a side if the side's word begins with it, and no other's does; where one that begins several
    words is likely, nothing is said. A side of which no token is listed is less likely than the least one that is,
    and than all that isn't: it counts as nothing where that can't matter, and otherwise nothing is said. What was
    written must be the likeliest side, or the tokens are not where the answer is.
    """
    if not listed:
        return None
    words = {side: answer.side[side].strip() if chat else answer.side[side] for side in Side}
    mass, several = dict.fromkeys(Side, 0.0), 0.0
    for token, value in listed.items():
        begun = token.strip() if chat else token
        sides = [side for side in Side if begun and words[side].startswith(begun)]
        if len(sides) == 1:
            mass[sides[0]] += math.exp(value)
        elif sides:
            several += math.exp(value)
    total = sum(mass.values())
    if not total or several / total > SURE:
        return None
    unlisted = any(not mass[side] for side in Side)
    rest = max(0.0, 1.0 - sum(map(math.exp, listed.values())))
    if unlisted and min(math.exp(min(listed.values())), rest) / total > SURE:
        return None
    likeliest = max(Side, key=lambda side: mass[side])
    parsed = answer.read(text)
    if parsed is None or parsed.side != likeliest:
        return None
    return mass[Side.BUY] / total, mass[Side.HOLD] / total, mass[Side.SELL] / total
