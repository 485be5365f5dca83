"""A real node, anvil, on a port of its own."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from chain import Receipt, Reverted

GENESIS = 1_700_000_000
BLOCK_SECONDS = 12
_GAS = hex(12_000_000)


@contextmanager
def running(program: Path, *more: str) -> Iterator[str]:
    """Start anvil, which mines when told to; its URL. Killed at the end."""
    command = [str(program), "--host", "127.0.0.1", "--port", "0", "--no-mining", "--order", "fifo"]
    command += ["--hardfork", "cancun", "--gas-limit", "1000000000", "--timestamp", str(GENESIS), *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield "http://" + _address(process)
    finally:
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[str]) -> str:
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"Listening on (\S+)", line):
            # Nobody reads what it says from here on, but a full pipe would stop it.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return found[1]
    raise RuntimeError("anvil did not start: " + "".join(said))


class NodeChain:
    """Transactions to a node. Each gets a block of its own, but for those sent inside `one_block`."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Thousands of small requests: http.client takes a tenth of the time that web3 takes for each.
        self._connection = HTTPConnection(url.removeprefix("http://"))
        self.sender = self.rpc("eth_accounts")[0]
        self.rpc("anvil_setBlockTimestampInterval", BLOCK_SECONDS)
        self._waiting: list[str] | None = None

    def deploy(self, code: bytes) -> str:
        return self._mined(self._submit({"data": _text(code)}))["contractAddress"]

    def send(self, to: str, data: bytes) -> Receipt:
        identifier = self._submit({"to": to, "data": _text(data)})
        if self._waiting is None:
            return _receipt(self._mined(identifier))
        self._waiting.append(identifier)
        return Receipt(b"", [])

    def read(self, to: str, data: bytes) -> bytes:
        answer = self.rpc("eth_call", {"to": to, "data": _text(data)}, "latest")
        return bytes.fromhex(answer.removeprefix("0x"))

    def place(self, address: str, code: bytes) -> None:
        """Put a contract's final code at an address of choice."""
        self.rpc("anvil_setCode", address, _text(code))

    @contextmanager
    def one_block(self) -> Iterator[list[Receipt]]:
        """Transactions sent inside share a block; their receipts (of those that went through) come at the end."""
        self._waiting, receipts = [], []
        try:
            yield receipts
            self.mine()
            mined = [self.rpc("eth_getTransactionReceipt", identifier) for identifier in self._waiting]
            receipts += [_receipt(each) for each in mined if each["status"] == "0x1"]
        finally:
            self._waiting = None

    def mine(self, blocks: int = 1) -> None:
        """Close this many blocks."""
        for _ in range(blocks):
            self.rpc("evm_mine")

    def newest(self) -> int:
        """Number of the newest block."""
        return int(self.rpc("eth_blockNumber"), 16)

    def _submit(self, transaction: dict[str, str]) -> str:
        # A fixed amount of gas: a transaction that will revert is sent all the same.
        return self.rpc("eth_sendTransaction", {"from": self.sender, "gas": _GAS, **transaction})

    def _mined(self, identifier: str) -> dict[str, Any]:
        self.mine()
        return self.rpc("eth_getTransactionReceipt", identifier)

    def rpc(self, method: str, *arguments: Any) -> Any:
        """What the node answers to any call."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": arguments})
        self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
        answer = json.loads(self._connection.getresponse().read())
        if "error" in answer:
            raise Reverted(f"{method}: {answer['error']}")
        return answer["result"]


def _receipt(found: dict[str, Any]) -> Receipt:
    if found["status"] != "0x1":
        raise Reverted("the transaction was mined, but failed")
    return Receipt(b"", [(log["address"], log["topics"], log["data"]) for log in found["logs"]])


def _text(data: bytes) -> str:
    return "0x" + data.hex()
