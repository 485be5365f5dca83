"""One question to a server, and whatever comes back: bounded in bytes and in time."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.untrusted import too_deep, word
from rook_bench.endpoint.address import KEY, Address

PASSING = {408, 409, 425, 429, 500, 502, 503, 504, 529}
"""Statuses of servers that may answer later."""

MOST_BYTES = 4 * 2**20
"""Of an answer; the longest text with its log-probabilities is far shorter."""


class Passing(Exception):
    """No answer this time.

    Args:
        why: in a few words.
        wait_s: that the server asks for, None where it says nothing.
        charged: whether it may have cost something.
    """

    def __init__(self, why: str, wait_s: float | None = None, *, charged: bool) -> None:
        super().__init__(why)
        self.why, self.wait_s, self.charged = why, wait_s, charged


@dataclass(frozen=True)
class Wire:
    """Asks one server.

    Attributes:
        client: an httpx2.AsyncClient.
        address: of the server; timeout_s: for a whole answer, however it drips.
    """

    client: Any
    address: Address
    timeout_s: float

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that the server answers with.

        Raises:
            Passing: where another try may do better.
            InputError: where it won't: the server refuses, or isn't one.
        """
        import httpx2

        key = self.address.key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        secret = key.encode() if key else b""
        try:
            async with asyncio.timeout(self.timeout_s):
                async with self.client.stream("POST", self.address.at(path), json=body, headers=headers) as reply:
                    content = await self._read(reply)
                    if secret:  # a server that repeats the key must not have it written down
                        content = content.replace(secret, b"***")
                    return self._judged(reply, content)
        except TimeoutError:
            raise Passing(f"no whole answer in {self.timeout_s:g} s", charged=True) from None
        except httpx2.ConnectError:
            raise Passing("it can't be reached", charged=False) from None
        except httpx2.HTTPError as error:
            raise Passing(word(f"{type(error).__name__} {error}", 120), charged=True) from None

    async def _read(self, reply: Any) -> bytes:
        content = bytearray()
        async for part in reply.aiter_bytes():
            content += part
            if len(content) > MOST_BYTES:
                what = f"it answers with more than {MOST_BYTES:,} bytes"
                raise InputError(what, where=self.address.host, hint="name a server that speaks OpenAI's words")
        return bytes(content)

    def _judged(self, reply: Any, content: bytes) -> dict[str, Any]:
        status = reply.status_code
        if status == 200:
            told = _object(content)
            if told is None:
                raise Passing("its answer is no JSON", charged=True)
            return told
        said = word(_complaint(content), 160)
        why = f"it answers {status}" + (f" ({said})" if said else "")
        if status in PASSING:
            # Who is too busy did nothing; who broke off may have done all of it.
            raise Passing(why, _asked_to_wait(reply.headers), charged=status not in (429, 503, 529))
        hint = {
            401: f"set {KEY}",
            403: f"set {KEY}",
            404: "check the address (it ends in /v1) and the model's name",
        }.get(status, "check the address, the model's name and the options of the source")
        if 300 <= status < 400:
            hint = "name the address that it leads to, if you trust it"
        raise InputError(why, where=self.address.host, hint=hint)


def _object(content: bytes) -> dict[str, Any] | None:
    if too_deep(content):
        return None
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _complaint(content: bytes) -> str:
    told = _object(content[:10_000]) or {}
    error = told.get("error", told.get("detail", told.get("message", "")))
    return str(error.get("message", "") if isinstance(error, dict) else error)


def _asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After, which are a number or a date."""
    text = headers.get("retry-after", "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            then = parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return None
        seconds = (then - datetime.now(UTC if then.tzinfo else None)).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
