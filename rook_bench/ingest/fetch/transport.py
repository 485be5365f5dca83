"""How a node is reached: http(s), a websocket, or the socket of a node on this machine (IPC)."""

from __future__ import annotations

import json
from typing import Any

from rook_bench.core import InputError
from rook_bench.ingest.fetch.address import Address
from rook_bench.ingest.fetch.rpc_errors import Complaint, Kind

LARGEST_MESSAGE = 256 * 2**20
"""Bytes of one answer over a websocket; logs of many blocks are large."""


def provider_of(address: Address, timeout_s: float) -> Any:
    """What sends requests there: `make_request(method, params)` and `make_batch_request([(method, params), ...])`.

    Raises:
        InputError: web3 is not installed.
    """
    try:
        from web3 import HTTPProvider, IPCProvider
    except ImportError:
        raise InputError("asking a node needs web3", hint='pip install "rook-bench[chain]"') from None
    if address.scheme == "ipc":
        return _over_socket(IPCProvider)(address.url, timeout=int(timeout_s))
    if address.scheme in ("ws", "wss"):
        return _over_websocket(address.url, timeout_s)
    # The provider's own retries know nothing of Retry-After, nor of limits told inside an answer.
    return HTTPProvider(address.url, request_kwargs={"timeout": timeout_s}, exception_retry_configuration=None)


def _over_socket(provider: Any) -> Any:
    from web3._utils.threads import Timeout

    class OverSocket(provider):
        """web3's own, whose patience ends in an exception of its own."""

        def _make_request(self, request: bytes) -> Any:
            try:
                return super()._make_request(request)
            except Timeout:
                raise TimeoutError from None

    return OverSocket


def _over_websocket(url: str, timeout_s: float) -> Any:
    from web3.providers import JSONBaseProvider

    class OverWebSocket(JSONBaseProvider):
        """One request at a time over a connection that is made anew after a cut (web3's own is asynchronous)."""

        def __init__(self) -> None:
            super().__init__()
            self._connection: Any = None

        def make_request(self, method: Any, params: Any) -> Any:
            request = self.encode_rpc_request(method, params)
            identity = json.loads(request)["id"]
            return self._answer(request, lambda said: isinstance(said, dict) and said.get("id") == identity)

        def make_batch_request(self, requests: Any) -> Any:
            request = self.encode_batch_rpc_request(requests)
            # A node that takes no batches answers with one error, which may have no identity.
            said = self._answer(request, lambda said: isinstance(said, list) or "id" in said)
            return sorted(said, key=lambda one: one["id"]) if isinstance(said, list) else said

        def _answer(self, request: bytes, fits: Any) -> Any:
            from websockets.exceptions import WebSocketException
            from websockets.sync.client import connect

            try:
                if self._connection is None:
                    self._connection = connect(
                        url, open_timeout=timeout_s, max_size=LARGEST_MESSAGE
                    ).__enter__()  # closed when it fails, and at the end of the process
                self._connection.send(request.decode(), text=True)
                while True:
                    said = json.loads(self._connection.recv(timeout=timeout_s))
                    if fits(said):
                        return said
            except BaseException as error:
                self._connection, cut = None, self._connection
                if cut is not None:
                    cut.close_socket()
                if isinstance(error, WebSocketException | EOFError):
                    raise Complaint(Kind.PASSING, "the connection was cut") from None
                raise

    return OverWebSocket()
