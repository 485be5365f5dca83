"""A node's address: scheme and host may be shown, the rest may hold a key."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from rook_bench.core import InputError

LONGEST_TEXT = 160
SHORTEST_SECRET = 6


class Address:
    """An http(s) or ws(s) URL of a JSON-RPC endpoint, of which `str` is scheme and host only; or a path that ends in
    .ipc, of the socket of a node on this machine.

    Attributes:
        url: all of it; scheme: "http", "https", "ws", "wss" or "ipc".

    Raises:
        InputError: it is neither.
    """

    def __init__(self, url: str) -> None:
        self.url = url.strip()
        if self.url.endswith(".ipc") and "://" not in self.url:
            self.scheme, self._shown, self._secrets = "ipc", self.url, list[str]()
            return
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if host is None or parts.scheme not in ("http", "https", "ws", "wss"):
            what = "the node's address is neither an http(s) or ws(s) URL nor a path that ends in .ipc"
            raise InputError(what, where="--rpc", hint="for example http://localhost:8545")
        self.scheme = parts.scheme
        self._shown = f"{parts.scheme}://{host}" + (f":{port}" if port else "")
        words = [
            parts.username,
            parts.password,
            *parts.path.split("/"),
            *(value for _, value in parse_qsl(parts.query)),
        ]
        # A node may repeat them as they were written, or with their percent signs resolved or put in.
        forms = [form for word in words if word for form in (word, unquote(word), quote(word, safe=""))]
        secrets = {form for form in forms if len(form) >= SHORTEST_SECRET}
        self._secrets = sorted(secrets, key=len, reverse=True)

    def __str__(self) -> str:
        return self._shown

    def hidden(self, text: str) -> str:
        """A node's words in one short line, without the addresses and keys that nodes like to repeat."""
        text = re.sub(r"(\w+://)(?:[^/\s\"'@]*@)?([^/\s\"'?]+)[^\s\"']*", r"\1\2", text)
        for word in self._secrets:
            text = text.replace(word, "...")
        return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 3] + "..."
