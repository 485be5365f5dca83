"""Start the pages on this machine, and say where."""

from __future__ import annotations

import importlib.util
import secrets
import socket
import sys
import threading
import webbrowser

from rook_bench.core import InputError
from rook_bench.core.console import say
from rook_bench.report.formatting import count_of
from rook_bench.viewer.shelf import Library

PORT = 8613
"""The port that is tried first."""


def require_view_extra() -> None:
    """InputError in one line where the packages that serve pages are not installed."""
    for name in ("starlette", "uvicorn"):
        if importlib.util.find_spec(name) is None:
            raise InputError(f"pages need {name}, not installed here", hint="pip install 'rook-bench[view]'")


def listening(port: int | None) -> socket.socket:
    """A socket on this machine alone: at a port, or where none is named at ours, else at a free one.

    Raises:
        InputError: where the named one is taken.
    """
    for tried in (PORT, 0) if port is None else (port,):
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind(("127.0.0.1", tried))
            found.listen()  # who opens the address at once waits a moment, and is not refused
        except (OSError, OverflowError) as error:
            found.close()
            if tried == PORT and port is None:
                continue
            what = f"port {tried} can't be used ({getattr(error, 'strerror', None) or error})"
            raise InputError(what, hint="name another one with --port, or none") from None
        return found
    raise InputError("no port of this machine is free")


def serve(library: Library, *, port: int | None = None, browse: bool = False) -> None:
    """Serve the pages until interrupted.

    Args:
        library: what is shown.
        port: where to listen on 127.0.0.1; by default 8613, or any free one.
        browse: whether to open the browser.

    Raises:
        InputError: where the port can't be used, or the packages that serve pages are missing.
    """
    require_view_extra()
    import uvicorn

    from rook_bench.viewer.app import Key, make_app

    with listening(port) as opened:
        place = opened.getsockname()[1]
        key = Key(secrets.token_urlsafe(24), secrets.token_urlsafe(24), f"rook_view_{place}")
        address = f"http://127.0.0.1:{place}/?token={key.token}"
        shelf = library.look()
        several = (("run", shelf.runs), ("verdict", shelf.verdicts), ("adapter", shelf.adapters))
        say(", ".join(count_of(len(found), noun) for noun, found in several))
        say(f"open {address}")
        say("the address is good for one browser; Ctrl-C ends it")
        sys.stdout.flush()  # also to whoever reads it through a pipe
        if browse:
            threading.Timer(0.5, webbrowser.open, [address]).start()
        config = uvicorn.Config(
            make_app(library, key), log_level="critical", access_log=False, server_header=False, date_header=False,
            timeout_graceful_shutdown=2, lifespan="off", ws="none",
        )  # fmt: skip
        try:
            uvicorn.Server(config).run(sockets=[opened])
        except KeyboardInterrupt:  # how it ends
            say("ended")
