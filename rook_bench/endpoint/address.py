"""Where a server is, and the key that it is shown: from the environment, and to no other server."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from rook_bench.core import InputError
from rook_bench.core.untrusted import word

KEY, OPENAI_KEY, OPENAI = "ROOK_BENCH_ENDPOINT_KEY", "OPENAI_API_KEY", "api.openai.com"
"""Environment variables of keys: the first for whatever server is named, the second for the one it belongs to."""


def require_endpoint_extra() -> None:
    """InputError in one line where the package that asks servers is not installed."""
    if importlib.util.find_spec("httpx2") is None:
        raise InputError("endpoints need httpx2, not installed here", hint="pip install 'rook-bench[endpoint]'")


@dataclass(frozen=True)
class Address:
    """A server, up to and with its version ("https://host/v1").

    Raises:
        InputError: for what is no such address, or holds a password or a query, which would be written down.
    """

    url: str

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            sound = sound and self.url.isprintable() and " " not in self.url
        except ValueError:
            sound = False
        where = f"endpoint:{word(self.url.rpartition('@')[2], 80)}"
        if not sound:
            raise InputError("not an http(s) address", where=where, hint="write endpoint:https://host/v1,model=NAME")
        if parts.username or parts.password or parts.query or parts.fragment:
            what = "an address with a password or a query in it would be written down"
            raise InputError(what, where=where, hint=f"put the key into {KEY}")

    @property
    def host(self) -> str:
        """Name and port, for messages."""
        return urlsplit(self.url).netloc

    @property
    def key(self) -> str | None:
        """The key for this server; InputError where it would go over the network unencrypted."""
        parts = urlsplit(self.url)
        names = [KEY, *([OPENAI_KEY] if parts.hostname == OPENAI else [])]
        key = next((os.environ[name].strip() for name in names if os.environ.get(name, "").strip()), None)
        if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
            what = f"the key in {names[0]} holds characters that no key has (a line break, a space)"
            raise InputError(what, where=self.host, hint="set it again")
        if key is not None and parts.scheme == "http" and not _on_this_machine(str(parts.hostname)):
            what = f"the key in {KEY} would go over the network unencrypted"
            raise InputError(what, where=self.host, hint="use https, or take the key out of the environment")
        return key

    @property
    def on_this_machine(self) -> bool:
        """Whether it is reached without leaving the machine, and so by no proxy."""
        return _on_this_machine(str(urlsplit(self.url).hostname))

    def at(self, path: str) -> str:
        """The address of a service of the server."""
        return f"{self.url.rstrip('/')}/{path}"


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
