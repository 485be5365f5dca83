"""What wakes a session: a node's word that there is a new head, or that some time has passed.

A subscription only wakes. Streams lose what happens while they are cut, and don't tell what they lost, so that nothing
is ever taken from them.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

from rook_bench.ingest.fetch.address import Address

FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 15.0
_SUBSCRIBE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]})


class Wake:
    """Waits for a new head, and never longer than a poll takes.

    Attributes:
        cuts: how often the subscription was cut.

    Args:
        address: a node's; one over ws(s) or IPC is subscribed to, http(s) is polled.
        poll_s: seconds between two looks where nothing is heard.
    """

    def __init__(self, address: Address, poll_s: float) -> None:
        self.cuts, self._poll_s, self._address = 0, poll_s, address
        self._heard, self._over = threading.Event(), threading.Event()
        self._connection: Any = None
        if address.scheme in ("ws", "wss", "ipc"):
            threading.Thread(target=self._listen, name="new heads", daemon=True).start()

    def wait(self, seconds: float | None = None) -> None:
        """Return when a new head was told of since the last time, or `seconds` (a poll's by default) have passed."""
        self._heard.wait(self._poll_s if seconds is None else seconds)
        self._heard.clear()

    def wake(self) -> None:
        """Have whoever waits look at once."""
        self._heard.set()

    def close(self) -> None:
        """Listen no more."""
        self._over.set()
        connection = self._connection
        if connection is not None:
            connection.close()
        self.wake()

    def _listen(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._over.is_set():
            try:
                started = time.monotonic()
                self._follow()
            except Exception:  # whatever a library says of a connection that is cut or refused
                self.cuts += 1
                self.wake()  # polling shows whether the node itself is gone
                wait_s = (
                    FIRST_WAIT_S if time.monotonic() - started > LONGEST_WAIT_S else min(2 * wait_s, LONGEST_WAIT_S)
                )
                self._over.wait(wait_s)

    def _follow(self) -> None:
        if self._address.scheme == "ipc":
            self._follow_socket()
            return
        from websockets.sync.client import connect

        with connect(self._address.url, max_size=None) as connection:
            self._connection = connection
            connection.send(_SUBSCRIBE)
            for _ in connection:
                self.wake()
        raise ConnectionError("the connection was closed")

    def _follow_socket(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(self._address.url)
            self._connection = connection
            connection.sendall(_SUBSCRIBE.encode() + b"\n")
            while connection.recv(1 << 16):
                self.wake()
        raise ConnectionError("the connection was closed")
