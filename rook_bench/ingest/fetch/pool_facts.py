"""What a node can tell about a pool: chain, tokens, fee, tick spacing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rook_bench.core import InputError
from rook_bench.ingest.abi import INITIALIZE_V4
from rook_bench.ingest.fetch.get_logs import PoolKey
from rook_bench.ingest.fetch.node import Node
from rook_bench.ingest.fetch.ranges import Step
from rook_bench.ingest.fetch.rpc_errors import Complaint, Kind
from rook_bench.market.pool import Pool, base_is_token0

CHAINS = {
    1: "ethereum",
    10: "optimism",
    56: "bsc",
    100: "gnosis",
    130: "unichain",
    137: "polygon",
    324: "zksync",
    480: "worldchain",
    8453: "base",
    31337: "local",
    42161: "arbitrum",
    42220: "celo",
    43114: "avalanche",
    59144: "linea",
    81457: "blast",
    7777777: "zora",
    11155111: "sepolia",
}
"""Names of chains by EIP-155 id; another chain is "chain-ID"."""

NATIVE = {56: "BNB", 100: "xDAI", 137: "POL", 42220: "CELO", 43114: "AVAX"}
"""Symbols of native coins (v4's currency 0x0) that are not ETH."""

DYNAMIC_FEE = 0x800000
"""v4: the fee of a pool whose hook sets it anew."""

_SELECTORS = {
    "token0": "0x0dfe1681",
    "token1": "0xd21220a7",
    "fee": "0xddca3f43",
    "tickSpacing": "0xd0c93a7c",
    "symbol": "0x95d89b41",
    "decimals": "0x313ce567",
}
_SEARCH_REQUESTS = 200
_POOL_FILE = "give the pool's metadata with --pool-file"


@dataclass(frozen=True)
class PoolFacts:
    """A pool's metadata; with a dynamic fee (v4) `pool.fee_pips` is 0 and each swap tells its own."""

    pool: Pool
    dynamic_fee: bool = False


def check_contract(node: Node, key: PoolKey, chain_id: int) -> None:
    """Raise InputError if there is no contract at the key's address."""
    if node.ask("eth_getCode", key.address, "latest") in (None, "0x", "0x0"):
        option = "--pool" if key.pool_id is None else "--manager"
        raise InputError(
            f"there is no contract at {key.address} on {chain_name(chain_id)} (chain {chain_id})",
            where=option,
            hint="check the address, and that --rpc is a node of the right chain",
        )


def chain_name(chain_id: int) -> str:
    """For example "ethereum"."""
    return CHAINS.get(chain_id, f"chain-{chain_id}")


def read_pool(
    node: Node, key: PoolKey, chain_id: int, first: int, last: int, remark: Callable[[str], None] = lambda text: None
) -> PoolFacts:
    """Ask for a pool's facts.

    Args:
        node: of the pool's chain.
        key: which pool.
        chain_id: the node's.
        first: v4's Initialize is searched around the blocks that are fetched, `first` to `last`.
        last: see `first`.
        remark: told about what had to be assumed.

    Raises:
        InputError: it is not a Uniswap pool, or its Initialize is not found.
    """
    if key.pool_id is None:
        tokens = [_address(_word(node, key.address, name, "a Uniswap v3 pool")) for name in ("token0", "token1")]
        fee = _word(node, key.address, "fee", "a Uniswap v3 pool")
        spacing = _word(node, key.address, "tickSpacing", "a Uniswap v3 pool")
    else:
        log = _find_initialize(node, key, first, last)
        tokens = ["0x" + topic[-40:].lower() for topic in log["topics"][2:4]]
        words = bytes.fromhex(log["data"].removeprefix("0x"))
        fee, spacing = int.from_bytes(words[:32], "big"), int.from_bytes(words[32:64], "big", signed=True)
    facts0, facts1 = (_token(node, token, chain_id, remark) for token in tokens)
    orientation = base_is_token0(facts0["symbol"], facts1["symbol"])
    if facts0["symbol"] == facts1["symbol"]:
        remark(f"both tokens call themselves {facts0['symbol']}: they are told apart by their addresses")
        facts0["symbol"], facts1["symbol"] = (f"{facts0['symbol']}-{token[:8]}" for token in tokens)
    pool = Pool.parse(
        {
            "chain": chain_name(chain_id),
            "address": key.pool,
            "protocol": key.protocol,
            "fee_pips": 0 if fee == DYNAMIC_FEE else fee,
            "tick_spacing": spacing,
            "token0": facts0,
            "token1": facts1,
            "base_is_token0": orientation,
            **_block_time(node, first, last),
        },
        where=key.pool,
    )
    return PoolFacts(pool, dynamic_fee=fee == DYNAMIC_FEE)


def _word(node: Node, address: str, name: str, what: str) -> int:
    answer = _call(node, address, name)
    if len(answer) != 32:
        raise InputError(
            f"the contract is not {what}: it does not answer {name}()", where=address, hint=f"check it, or {_POOL_FILE}"
        )
    return int.from_bytes(answer, "big", signed=True)


def _call(node: Node, address: str, name: str) -> bytes:
    """What a view function returns; nothing if it reverts or does not exist."""
    try:
        answer = node.ask(
            "eth_call",
            {"to": address, "data": _SELECTORS[name]},
            "latest",
            expected=(Kind.REVERTED, Kind.OTHER),
        )
        return bytes.fromhex(answer.removeprefix("0x"))
    except (Complaint, ValueError, AttributeError):
        return b""


def _address(word: int) -> str:
    return f"0x{word:040x}"


def _token(node: Node, address: str, chain_id: int, remark: Callable[[str], None]) -> dict[str, Any]:
    if int(address, 16) == 0:
        return {"symbol": NATIVE.get(chain_id, "ETH"), "decimals": 18}
    symbol = _text(_call(node, address, "symbol"))
    if symbol is None:
        symbol = address[:8]
        remark(f"the token {address} has no symbol: it is called {symbol}")
    decimals = _word(node, address, "decimals", "a token")
    if not 0 <= decimals <= 77:
        raise InputError(f"the token says it has {decimals} decimals", where=address, hint=_POOL_FILE)
    return {"symbol": symbol, "decimals": decimals}


def _text(answer: bytes) -> str | None:
    """A string, or the bytes32 that old tokens (MKR) return in its place."""
    if len(answer) == 32:
        blob = answer.rstrip(b"\0")
    else:
        length = int.from_bytes(answer[32:64], "big")
        blob = answer[64 : 64 + length]
        if len(answer) < 64 or len(blob) != length:
            return None
    try:
        text = blob.decode("utf-8").strip()
    except UnicodeDecodeError:
        return None
    return text[:32] if text.isprintable() and text else None


def _block_time(node: Node, first: int, last: int) -> dict[str, float]:
    """Mean seconds per block over the range; nothing if it can't be measured."""
    if last <= first:
        return {}
    ends = node.headers([first, last])
    try:
        seconds = int(ends[1]["timestamp"], 16) - int(ends[0]["timestamp"], 16)  # type: ignore[index]
    except (TypeError, KeyError, ValueError):
        return {}
    mean = round(seconds / (last - first), 3)
    return {"block_time_s": mean} if mean > 0 else {}


def _find_initialize(node: Node, key: PoolKey, first: int, last: int) -> dict[str, Any]:
    """The undecoded Initialize of a v4 pool: the only place where its tokens are written."""
    query = key.query([INITIALIZE_V4])
    step = Step()
    try:
        found = node.logs(query, 0, last)
        if found:
            return found[0]
        raise InputError(
            f"the PoolManager knows no pool {key.pool_id} up to block {last}",
            where="--pool-id",
            hint="check the id, and that --rpc is a node of the right chain",
        )
    except Complaint as said:
        step.refused(0, last + 1, said)
    # The node takes no such range: look where people start most often, at the birth, then backwards.
    for forwards in (True, False):
        log = _walk(node, query, step, first, last, forwards)
        if log is not None:
            return log
    raise InputError(
        f"the pool's Initialize is not within {_SEARCH_REQUESTS} requests before block {first}",
        where="--pool-id",
        hint=_POOL_FILE,
    )


def _walk(
    node: Node, query: dict[str, Any], step: Step, first: int, last: int, forwards: bool
) -> dict[str, Any] | None:
    at = first if forwards else first - 1
    for _ in range(10 if forwards else _SEARCH_REQUESTS):
        if not (at <= last if forwards else at >= 0):
            return None
        begin, end = (at, step.last_block(at, last)) if forwards else (max(0, at - step.blocks + 1), at)
        try:
            found = node.logs(query, begin, end)
        except Complaint as said:
            step.refused(begin, end - begin + 1, said)
            continue
        if found:
            return found[0]
        step.answered(end - begin + 1, 0, 0.0)
        at = end + 1 if forwards else begin - 1
    return None
