"""Orders sent for real, on a fork of a chain on this machine and nowhere else: each is held against the exact pool.

There is no private key in this project, and no way to give it one: the node unlocks an account for us, which only a
node for tests does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pyarrow.compute as pc

from rook_bench.core import InputError
from rook_bench.execution.fill import least_out
from rook_bench.execution.pool_state import PoolState
from rook_bench.execution.tick_map import PoolError
from rook_bench.ingest.abi import decode_log
from rook_bench.ingest.events_to_frame import follow
from rook_bench.ingest.fetch import Node, PoolKey, chain_name
from rook_bench.live.rows import Rows
from rook_bench.market.events import SWAP, concat
from rook_bench.market.pool import Pool

LOCAL = 31337
ROUTER = "0xe592427a0aece92de3edee1f18e0157c05861564"
"""SwapRouter of v3 on Ethereum and most chains that copied it, and so on a fork of them."""

GAS = 1_500_000
EXACT_IN = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"


@dataclass(frozen=True)
class Wish:
    """An order as a desk sized it.

    Attributes:
        source: name of the desk; row: number of the swap that it was decided on.
        buys: whether it buys base; amount_in, quoted: smallest units, by the state it was decided on.
        slippage_ppm: of its limit; deadline: seconds since the epoch.
    """

    source: str
    row: int
    buys: bool
    amount_in: int
    quoted: int
    slippage_ppm: int
    deadline: int

    @property
    def least(self) -> int:
        """The minimum output that the router is told."""
        return int(least_out(self.quoted, self.slippage_ppm))


@dataclass(frozen=True)
class Sent:
    """A wish that became a transaction, `tx` by its hash."""

    wish: Wish
    tx: str

    def to_json(self) -> dict[str, Any]:
        """As a line of a journal."""
        return {**asdict(self.wish), "tx": self.tx} | {
            name: str(getattr(self.wish, name)) for name in ("amount_in", "quoted", "least")
        }

    @classmethod
    def from_json(cls, line: dict[str, Any]) -> Sent:
        """Read back what `to_json` wrote."""
        values = {name: line[name] for name in Wish.__dataclass_fields__}
        values |= {name: int(line[name]) for name in ("amount_in", "quoted")}
        return cls(Wish(**values), str(line["tx"]))


@dataclass(frozen=True)
class Landed:
    """What became of a transaction.

    Attributes:
        block: that it is in; filled: whether it went through.
        paid, out: smallest units, 0 where it did not.
        expected: what the exact pool gives in its place, None where it can't tell.
        why: "as quoted", "as the pool then stood", "minimum output", "deadline", or "unexplained".
        gas_used: units.
    """

    block: int
    filled: bool
    paid: int
    out: int
    expected: int | None
    why: str
    gas_used: int

    def to_json(self) -> dict[str, Any]:
        """As part of a line of a journal."""
        expected = None if self.expected is None else str(self.expected)
        return {**asdict(self), "paid": str(self.paid), "out": str(self.out), "expected": expected}


class Broker:
    """Sends orders through the v3 router of a fork.

    Args:
        node, key, pool: of the fork.
        account: that the node is to act for; it holds the tokens.
        router: the v3 SwapRouter.

    Raises:
        InputError: it is no fork on this machine, or no v3 pool; there is no router.
    """

    def __init__(self, node: Node, key: PoolKey, pool: Pool, account: str, router: str = ROUTER) -> None:
        chain_id = node.chain_id()
        if chain_id != LOCAL:
            what = f"orders are sent on a fork on this machine alone (chain {LOCAL}), not on {chain_name(chain_id)}"
            raise InputError(what, where="--mode fork", hint="start anvil --fork-url URL --chain-id 31337")
        told = str(node.ask("web3_clientVersion"))
        if not told.lower().startswith("anvil"):
            raise InputError(f"the node is {told[:40]}, and not anvil", where="--mode fork", hint="start anvil")
        if pool.protocol != "v3":
            raise InputError(
                "orders go through the v3 router", where="--mode fork", hint="name a v3 pool, or use paper"
            )
        if node.ask("eth_getCode", router, "latest") in (None, "0x"):
            raise InputError("there is no contract", where=f"--router {router}", hint="name the fork's v3 SwapRouter")
        self.node, self.key, self.pool, self.account, self.router = node, key, pool, account.lower(), router.lower()
        self._tokens = [_word(node, key.address, selector) for selector in ("0x0dfe1681", "0xd21220a7")]
        node.ask("anvil_impersonateAccount", self.account)
        self._approved = False

    def send(self, wish: Wish) -> Sent:
        """Send an order; it lands in a block that comes, or reverts, or is dead after its deadline."""
        if not self._approved:
            for token in self._tokens:
                self._transact(token, _call("approve(address,uint256)", self.router, 2**256 - 1))
            self._approved = True
        zero_for_one = wish.buys != self.pool.base_is_token0
        token_in, token_out = self._tokens if zero_for_one else self._tokens[::-1]
        fee, to = self.pool.fee_pips, self.account
        order = (token_in, token_out, fee, to, wish.deadline, wish.amount_in, wish.least, 0)
        return Sent(wish, self._transact(self.router, _call(EXACT_IN, order)))

    def landed(self, sent: Sent, rows: Rows) -> Landed | None:
        """What became of an order, once its block was read; None until then."""
        receipt = self.node.ask("eth_getTransactionReceipt", sent.tx)
        if not isinstance(receipt, dict) or receipt.get("blockNumber") is None:
            return None
        block, place = int(receipt["blockNumber"], 16), int(receipt["transactionIndex"], 16)
        filled, gas = receipt["status"] == "0x1", int(receipt["gasUsed"], 16)
        paid = out = 0
        for log in receipt["logs"] if filled else ():
            event = decode_log(log["address"], log["topics"], log["data"])
            if log["address"].lower() == self.key.address and event is not None and event["event"] == SWAP:
                amounts = int(event["amount0"]), int(event["amount1"])
                paid, out = max(amounts), -min(amounts)
        state = state_before(rows, block, place)
        expected = None if state is None else _out(state, sent.wish, self.pool)
        header = self.node.headers([block])[0] or {"timestamp": "0x0"}
        why = _why(sent.wish, filled, out, expected, int(header["timestamp"], 16))
        return Landed(block, filled, paid, out, expected, why, gas)

    def _transact(self, to: str, data: str) -> str:
        transaction = {"from": self.account, "to": to, "data": data, "gas": hex(GAS)}
        return str(self.node.ask("eth_sendTransaction", transaction))


def state_before(rows: Rows, block: int, tx_index: int) -> PoolState | None:
    """The pool as it stood before a transaction; None where its ticks are not known, or are forgotten by now."""
    start = rows.start
    earlier = [one for one in rows.blocks if one.number <= block]
    if start is None or start.start is None or not start.complete or not earlier:
        return None
    state = PoolState(
        start.start.sqrt_price,
        start.start.tick,
        start.start.liquidity,
        fee_pips=rows.pool.fee_pips,
        tick_spacing=rows.pool.tick_spacing,
        protocol=rows.pool.protocol,
        ticks=start.snapshot().by_tick,
    )
    events = concat([one.events for one in earlier])
    before = pc.or_(pc.less(events["block"], block), pc.less(events["tx_index"], tx_index))
    return follow(state, events.filter(before), rows.pool)


def _out(state: PoolState, wish: Wish, pool: Pool) -> int | None:
    zero_for_one = wish.buys != pool.base_is_token0
    try:
        moved = state.swap(zero_for_one, wish.amount_in)
    except PoolError:
        return None
    return -moved.amount1 if zero_for_one else -moved.amount0


def _why(wish: Wish, filled: bool, out: int, expected: int | None, at: int) -> str:
    if filled and out == expected:
        return "as quoted" if out == wish.quoted else "as the pool then stood"
    if not filled and at > wish.deadline:
        return "deadline"
    if not filled and expected is not None and expected < wish.least:
        return "minimum output"
    return "unexplained"


def _word(node: Node, address: str, selector: str) -> str:
    answer = str(node.ask("eth_call", {"to": address, "data": selector}, "latest"))
    return "0x" + answer[-40:]


def _call(signature: str, *arguments: Any) -> str:
    from eth_abi import encode
    from eth_utils import keccak

    types = signature[signature.index("(") + 1 : -1]
    kinds = [types] if types.startswith("(") else types.split(",")
    return "0x" + (keccak(text=signature)[:4] + encode(kinds, arguments)).hex()
