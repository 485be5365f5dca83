"""A wire to a node that can be cut, and taken away."""

from __future__ import annotations

import contextlib
import socket
import threading


class Wire:
    """Forwards a port of this machine to another.

    Attributes:
        port: to connect to; whole: whether anything comes through.
    """

    def __init__(self, to: int) -> None:
        self.to, self.whole, self._open = to, True, list[socket.socket]()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Close every connection; new ones may be made."""
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._open.clear()

    def away(self) -> None:
        """Nothing comes through any more."""
        self.whole = False
        self.cut()

    def back(self) -> None:
        """Something does again."""
        self.whole = True

    def close(self) -> None:
        """Forward nothing, ever."""
        self.away()
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            if not self.whole:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self.to))
            self._open += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._forward, args=(source, target), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
