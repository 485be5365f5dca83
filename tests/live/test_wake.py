"""What wakes a session: a node's word over a websocket or a socket, and in any case some time."""

import json
import socket
import threading
import time

import pytest

pytest.importorskip("websockets", reason='web3 is not installed: pip install "rook-bench[chain]"')

from rook_bench.core import InputError
from rook_bench.ingest.fetch.address import Address
from rook_bench.live import wake as module
from rook_bench.live.wake import Wake


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(module, "FIRST_WAIT_S", 0.02)


def heard(wake, seconds=10.0):
    """Whether it was woken, and not by the time that is over."""
    started = time.monotonic()
    wake.wait(seconds)
    return time.monotonic() - started < seconds


def test_a_websocket_that_is_cut_is_connected_again():
    from websockets.sync.server import serve

    subscribed = []

    def node(connection):
        subscribed.append(json.loads(connection.recv()))
        connection.send('{"jsonrpc":"2.0","id":1,"result":"0x1"}')
        connection.close()  # a provider that cuts after a while

    with serve(node, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wake = Wake(Address(f"ws://127.0.0.1:{server.socket.getsockname()[1]}"), 60.0)
        assert heard(wake)
        ends = time.monotonic() + 20
        while len(subscribed) < 3 and time.monotonic() < ends:
            time.sleep(0.02)
        wake.close()
        server.shutdown()
    assert len(subscribed) >= 3
    assert {one["method"] for one in subscribed} == {"eth_subscribe"}
    assert wake.cuts >= 2


def test_a_socket_of_this_machine(tmp_path):
    path = str(tmp_path / "node.ipc")
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen()
    wake = Wake(Address(path), 60.0)
    connection, _ = server.accept()
    assert b"newHeads" in connection.recv(1000)
    connection.sendall(b'{"jsonrpc":"2.0","method":"eth_subscription"}\n')
    assert heard(wake)
    connection.close()
    again, _ = server.accept()  # it comes back by itself
    assert b"newHeads" in again.recv(1000)
    wake.close()
    again.close()
    server.close()


def test_nobody_there_is_polled():
    wake = Wake(Address("ws://127.0.0.1:9"), 0.05)
    started = time.monotonic()
    for _ in range(3):
        wake.wait()
    assert time.monotonic() - started < 10
    wake.close()


def test_http_is_polled_and_can_be_woken():
    wake = Wake(Address("http://127.0.0.1:9"), 0.01)
    wake.wait()
    threading.Timer(0.05, wake.wake).start()
    assert heard(wake)
    wake.close()


@pytest.mark.parametrize("address", ["ftp://node", "node.example:8545", "/var/run/node.sock", ""])
def test_no_address(address):
    with pytest.raises(InputError, match="neither an http"):
        Address(address)


def test_a_path_is_shown_and_a_key_is_not():
    assert str(Address("/var/run/geth.ipc")) == "/var/run/geth.ipc"
    assert str(Address("wss://node.example/v3/0123456789abcdef")) == "wss://node.example"
