"""What nodes say when they refuse: every provider words it differently, and the codes overlap."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What to do about a refusal."""

    TOO_MUCH = "asked for too much at once"
    TOO_OFTEN = "asked too often"
    LIMIT = "a limit, of which the node does not say which"
    SLOW = "the node took too long"
    AWAY = "no connection"
    PASSING = "a passing fault, or a node behind its peers"
    PRUNED = "the node does not keep that history"
    ACCESS = "the node wants a key, or another one"
    ABSENT = "the node does not know the method"
    REVERTED = "the call reverts"
    GARBAGE = "the answer is not JSON-RPC"
    OTHER = "something else"


@dataclass(eq=False)
class Complaint(Exception):
    """One refusal of a node.

    Args:
        kind: what to do about it.
        text: the node's words, in one line.
        wait_s: how long the node asks to wait, if it says so.
        last_block: the last block of a range that the node says would work.
        most_blocks: how many blocks the node says it takes at once.
    """

    kind: Kind
    text: str
    wait_s: float | None = None
    last_block: int | None = None
    most_blocks: int | None = None

    def __str__(self) -> str:
        return self.text


def complaint(error: object, status: int | None = None, wait_s: float | None = None) -> Complaint:
    """Read the `error` of a JSON-RPC answer (or the text of an HTTP error).

    Args:
        error: {"code", "message", "data"}, or any text.
        status: the HTTP status, if it was an error.
        wait_s: what the header Retry-After says.
    """
    code, message, data = None, error, None
    if isinstance(error, dict):
        code, message, data = error.get("code"), error.get("message"), error.get("data")
    # Some nodes say only "invalid params" and put the reason into `data`.
    text = " ".join(f"{message or ''} {_flat(data)}".split())[:2000]
    if wait_s is None and isinstance(data, dict):
        wait_s = _number(data.get("backoff_seconds"))
    kind = _kind(text.lower(), code, status)
    if kind is not Kind.TOO_MUCH:
        return Complaint(kind, text, wait_s=wait_s)
    return Complaint(kind, text, wait_s, _last_block(text, data), _most_blocks(text.lower()))


# The first pattern that fits decides, so the order matters: "block range extends beyond current head
# block" is a node that lags, "rate limit exceeded" is not a range limit, and a throttle may well
# mention a quota.
_PATTERNS = [
    (Kind.PASSING, r"header not found|unknown block|beyond .{0,12}head|last accepted block|not yet imported"),
    (Kind.PRUNED, r"pruned|missing trie node|histor\w* (is )?(un|not )available|archive|neither stored"),
    (
        Kind.TOO_MUCH,
        r"block.?range|blocks range|blocks distance|block span|range too|range is (too|bigger)|range limit"
        r"|max(imum)? (allowed )?range|ranges? over|exceeds? the range|requested range"
        r"|range [\dx a-f-]+exceeds|too (large|wide|big)|too many (blocks|results|logs)"
        r"|more than [\d,]+ (results|logs)|returned more than|exceeds? (max|limit)|max.? results"
        r"|response (size|exceed)|size limit|size exceeded|logs? .{0,20}limited to|limited to a "
        r"|logs matched|limit (the|your) query to (at most )?[\d,]+ blocks|entity too large"
        r"|query.?timeout|batch.{0,20}(limit|size|maximum)",
    ),
    (
        Kind.TOO_OFTEN,
        r"rate.?limit|request rate|rate exceeded|too many requests|compute units|throughput|throttl"
        r"|(requests?|calls?) (per|limit)|request count|(daily|monthly) |capacity|credits|quota",
    ),
    (Kind.SLOW, r"time.?out|timed out|deadline exceeded|took too long|cancell?ed"),
    (Kind.ACCESS, r"unauthori[sz]ed|api.?key|forbidden|project id|authenticat|access denied|invalid token"),
    (Kind.ABSENT, r"method.{0,60}(not found|not supported|not exist|not available|disabled|not whitelisted)"),
    (Kind.REVERTED, r"revert"),
    (Kind.PASSING, r"block not found|internal|temporar|unavailable|try again|upstream|bad gateway|server error"),
]
_COMPILED = [(kind, re.compile(pattern)) for kind, pattern in _PATTERNS]

_BY_CODE = {4444: Kind.PRUNED, -32601: Kind.ABSENT, 3: Kind.REVERTED, 429: Kind.TOO_OFTEN, -32603: Kind.PASSING}
_BY_STATUS = {
    401: Kind.ACCESS,
    403: Kind.ACCESS,
    408: Kind.SLOW,
    413: Kind.TOO_MUCH,
    429: Kind.TOO_OFTEN,
} | dict.fromkeys((500, 502, 503), Kind.PASSING)
_BY_STATUS |= {504: Kind.SLOW, 524: Kind.SLOW}


def _kind(text: str, code: object, status: int | None) -> Kind:
    for kind, pattern in _COMPILED:
        if pattern.search(text):
            return kind
    if isinstance(code, int) and code in _BY_CODE:
        return _BY_CODE[code]
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return Kind.LIMIT if code == -32005 or "limit" in text else Kind.OTHER


_HEX_RANGE = re.compile(r"\[\s*0x[0-9a-fA-F]+\s*,\s*(0x[0-9a-fA-F]+)\s*\]")
_DECIMAL_RANGE = re.compile(r"with the range \d+\s*-\s*(\d+)")
_LIMITS = [
    re.compile(pattern)
    for pattern in (
        r"limited to (?:an? )?(?:0\s*-\s*)?([\d,]+)(k?)\b",
        r"up to an? ([\d,]+)(k?) block",
        r"range limit (?:of )?([\d,]+)(k?)\b",
        r"range [\dx a-f-]+exceeds (?:the )?limit (?:of )?([\d,]+)(k?)\b",
        r"max(?:imum)? (?:allowed )?(?:block )?range\W+(?:is |of )?([\d,]+)(k?)\b",
        r"maximum (?:is set to |allowed is )?([\d,]+)(k?)\b",
        r"ranges? over ([\d,]+)(k?) blocks",
        r"at most ([\d,]+)(k?) blocks",
    )
]


def _last_block(text: str, data: object) -> int | None:
    """The end of the range that a node suggests."""
    if isinstance(data, dict) and isinstance(data.get("to"), str) and re.fullmatch(r"0x[0-9a-fA-F]+", data["to"]):
        return int(data["to"], 16)
    if found := _HEX_RANGE.search(text):
        return int(found[1], 16)
    if found := _DECIMAL_RANGE.search(text):
        return int(found[1])
    return None


def _most_blocks(text: str) -> int | None:
    """The number of blocks that a node says it takes at once."""
    for pattern in _LIMITS:
        if (found := pattern.search(text)) and (digits := found[1].replace(",", "")):
            return int(digits) * (1000 if found[2] else 1) or None
    return None


def _flat(data: object) -> str:
    if data is None or isinstance(data, str):
        return data or ""
    try:
        return json.dumps(data)
    except (TypeError, ValueError):
        return ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
