"""A chain to send transactions to: an EVM in this process, or a node over JSON-RPC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from eth_abi import decode, encode
from eth_utils import keccak

Log = tuple[str, list[str], str]
"""Address, topics and data of a log entry, each "0x..." text: what `ingest.abi.decode_log` takes."""


class Reverted(Exception):
    """The contract refused the call."""


@dataclass(frozen=True)
class Receipt:
    """What a transaction returned (empty where a node does not say) and logged."""

    output: bytes
    logs: list[Log]


class Chain(Protocol):
    """What the contracts' classes need of a chain."""

    sender: str

    def deploy(self, code: bytes) -> str:
        """Address of a new contract."""

    def send(self, to: str, data: bytes) -> Receipt:
        """Execute and keep; Reverted where the contract refuses."""

    def read(self, to: str, data: bytes) -> bytes:
        """Execute and forget; Reverted where the contract refuses."""


def call_data(signature: str, *arguments: Any) -> bytes:
    """Selector and encoded arguments of `name(type,...)`."""
    return keccak(text=signature)[:4] + encode(_types(signature), arguments)


def answer(chain: Chain, to: str, signature: str, *arguments: Any, returns: Sequence[str]) -> tuple[Any, ...]:
    """What a view function returns."""
    return decode(returns, chain.read(to, call_data(signature, *arguments)))


def _types(signature: str) -> list[str]:
    inner, types, depth, word = signature[signature.index("(") + 1 : -1], [], 0, ""
    for letter in inner:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            types.append(word)
            word = ""
        else:
            word += letter
    return [*types, word] if word else types


class ProcessChain:
    """An EVM in this process (pyrevm), by the rules of the hard fork Cancun."""

    def __init__(self) -> None:
        from pyrevm import EVM

        self.sender = "0x" + "11" * 20
        self._evm = EVM(spec_id="CANCUN")
        self._evm.set_balance(self.sender, 10**30)

    def deploy(self, code: bytes) -> str:
        return self._evm.deploy(self.sender, code)

    def send(self, to: str, data: bytes) -> Receipt:
        output = self._call(to, data)
        logs = [
            (log.address, list(log.topics), "0x" + bytes(log.data[1]).hex())  # data: (topics, data)
            for log in self._evm.result.logs
        ]
        return Receipt(output, logs)

    def rehearse(self, to: str, data: bytes) -> Receipt:
        """What `send` would return and log, leaving the state as it is."""
        before = self._evm.snapshot()
        try:
            return self.send(to, data)
        finally:
            self._evm.revert(before)

    def read(self, to: str, data: bytes) -> bytes:
        return self._call(to, data, is_static=True)

    def _call(self, to: str, data: bytes, **options: bool) -> bytes:
        try:
            return bytes(self._evm.message_call(self.sender, to, calldata=data, **options))
        except RuntimeError as error:
            raise Reverted(str(error)) from None

    def place(self, address: str, code: bytes) -> None:
        """Put a contract's final code at an address of choice."""
        from pyrevm import AccountInfo

        self._evm.insert_account_info(address, AccountInfo(code=code))
