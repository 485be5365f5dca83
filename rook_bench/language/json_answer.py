"""The JSON object at the end of a text that reasons before it answers."""

from __future__ import annotations

import json
import re
from typing import Any

from rook_bench.core.untrusted import too_deep

FENCE = "```"

MOST_STARTS = 200
"""Brackets from which a text's last object is looked for."""


def last_object(text: str) -> dict[str, Any] | None:
    """The JSON object that a text ends with, alone or in a fence; None where it ends otherwise.

    Keys that come twice, and NaN, are no JSON: which of two answers is meant can't be told.
    """
    end = text.rstrip()
    if end.endswith(FENCE):
        end = end.removesuffix(FENCE).rstrip()
    if not end.endswith("}"):
        return None
    start, reader = len(end), json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
    for _ in range(MOST_STARTS):  # from the last bracket back, until what follows it is whole
        start = end.rfind("{", 0, start)
        if start < 0 or too_deep(end[start:].encode()):
            return None
        try:
            found, used = reader.raw_decode(end, start)
        except ValueError:
            continue
        if used == len(end) and isinstance(found, dict):
            # After a colon, a comma or a bracket it is a part of something that was cut off.
            return None if end[:start].rstrip().endswith((":", ",", "[", "{")) and _opened(end[:start]) else found
    return None


def _opened(before: str) -> bool:
    """Whether a bracket of JSON stands open: one that a key, a value or another bracket follows."""
    return re.search(r'[{\[]\s*["{\[]', before) is not None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a key comes twice")
    return dict(pairs)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")
