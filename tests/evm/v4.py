"""The published v4 PoolManager with v4-core's own routers; operations and signs as in `v3`."""

from __future__ import annotations

from artifacts import creation_code, deployed_code
from chain import Chain, Log, Reverted, answer, call_data
from eth_abi import decode, encode
from eth_utils import keccak
from tokens import approve, two_tokens
from v3 import farthest

DYNAMIC_FEE = 0x800000
"""The fee of a pool whose hook sets it."""

# The low bits of a hook's address say what it is called for: after initialize, before swap.
_HOOK = "0x" + (0x4444 << 144 | 1 << 12 | 1 << 7).to_bytes(20, "big").hex()
_NO_HOOK = "0x" + "00" * 20
_KEY = "(address,address,uint24,int24,address)"
# Where the manager keeps its pools, and what lies how far from a pool's first word.
_POOLS_SLOT, _LIQUIDITY, _TICKS, _POSITIONS = 6, 3, 4, 6


class Locked(Exception):
    """A position earned more than 128 bits hold: the manager refuses to touch it, whatever is asked."""


class V4Contracts:
    """PoolManager, routers, a hook that sets the fee, and two tokens."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.manager = chain.deploy(creation_code("V4PoolManager") + encode(["address"], [chain.sender]))
        manager = encode(["address"], [self.manager])
        self.swapper = chain.deploy(creation_code("V4Swap") + manager)
        self.provider = chain.deploy(creation_code("V4Liquidity") + manager)
        self.tokens = two_tokens(chain)
        for token in self.tokens:
            approve(chain, token, self.swapper)
            approve(chain, token, self.provider)
        chain.send(self.manager, call_data("setProtocolFeeController(address)", chain.sender))
        chain.place(_HOOK, deployed_code("V4DynamicFee"))
        chain.send(_HOOK, call_data("setManager(address)", self.manager))


class V4Pool:
    """A pool of the manager; with fee DYNAMIC_FEE each swap names its own.

    The protocol's fees are kept per token by the manager, so contracts with one pool tell them apart.
    """

    protocol = "v4"

    def __init__(self, contracts: V4Contracts, fee: int, spacing: int, sqrt_price: int) -> None:
        self.contracts, self.chain, self.fee, self.spacing = contracts, contracts.chain, fee, spacing
        self.key = (*contracts.tokens, fee, spacing, _HOOK if fee == DYNAMIC_FEE else _NO_HOOK)
        self.address = contracts.manager
        self.pool_id = keccak(encode([_KEY], [self.key]))
        signature = f"initialize({_KEY},uint160)"
        self.logs: list[Log] = self.chain.send(self.address, call_data(signature, self.key, sqrt_price)).logs
        self._state = int.from_bytes(keccak(self.pool_id + _POOLS_SLOT.to_bytes(32, "big")), "big")

    def mint(self, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
        """Add exactly this liquidity."""
        amount0, amount1 = self._modify(lower, upper, liquidity)
        return -amount0, -amount1

    def burn(self, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
        """Take liquidity out, without the fees it earned."""
        return self._modify(lower, upper, -liquidity)

    def swap(
        self, zero_for_one: bool, amount_specified: int, sqrt_limit: int | None = None, fee: int | None = None
    ) -> tuple[int, int]:
        """amount_specified > 0: exact input, < 0: exact output; no limit: as far as prices go."""
        if fee is not None:
            self.chain.send(_HOOK, call_data("setFee(uint24)", fee))
        limit = farthest(zero_for_one) if sqrt_limit is None else sqrt_limit
        signature = f"swap({_KEY},(bool,int256,uint160),(bool,bool),bytes)"
        # The settings: pay and receive tokens themselves, not the manager's claims.
        order = (zero_for_one, -amount_specified, limit)
        receipt = self.chain.send(self.contracts.swapper, call_data(signature, self.key, order, (False, False), b""))
        self.logs = receipt.logs
        amount0, amount1 = _halves(receipt.output)
        return -amount0, -amount1

    def set_protocol_fee(self, fee0: int, fee1: int) -> None:
        """Pips that a swap of token0 and of token1 pays to the protocol."""
        signature = f"setProtocolFee({_KEY},uint24)"
        self.logs = self.chain.send(self.address, call_data(signature, self.key, fee1 << 12 | fee0)).logs

    def price(self) -> tuple[int, int]:
        """sqrtPriceX96 and tick."""
        word = self._word(0)
        return word % 2**160, _signed(word >> 160, 24)

    def liquidity(self) -> int:
        """Active liquidity."""
        return self._word(_LIQUIDITY)

    def tick_liquidity(self, tick: int) -> tuple[int, int]:
        """Gross and net liquidity of a tick."""
        place = encode(["int24", "uint256"], [tick, self._state + _TICKS])
        word = self._load(int.from_bytes(keccak(place), "big"))
        return word % 2**128, _signed(word >> 128, 128)

    def owned(self, lower: int, upper: int) -> int:
        """Liquidity of the position between two ticks."""
        owner = int(self.contracts.provider, 16).to_bytes(20, "big")
        key = keccak(owner + b"".join(tick.to_bytes(3, "big", signed=True) for tick in (lower, upper)) + bytes(32))
        place = keccak(key + (self._state + _POSITIONS).to_bytes(32, "big"))
        return self._load(int.from_bytes(place, "big")) % 2**128

    def protocol_fees(self) -> tuple[int, int]:
        """Accrued for the protocol, in token0 and token1."""
        signature = "protocolFeesAccrued(address)"
        accrued = [
            answer(self.chain, self.address, signature, token, returns=["uint256"]) for token in self.contracts.tokens
        ]
        return accrued[0][0], accrued[1][0]

    def fee_growth(self) -> tuple[int, int]:
        """Fees per unit of liquidity since birth, times 2**128, modulo 2**256."""
        return self._word(1), self._word(2)

    def _modify(self, lower: int, upper: int, delta: int) -> tuple[int, int]:
        if self.owned(lower, upper):  # or the amounts would include what the position earned
            try:
                self._send_modify(lower, upper, 0)
            except Reverted:
                raise Locked(f"{lower} to {upper}") from None
        return self._send_modify(lower, upper, delta)

    def _send_modify(self, lower: int, upper: int, delta: int) -> tuple[int, int]:
        signature = f"modifyLiquidity({_KEY},(int24,int24,int256,bytes32),bytes)"
        order = (lower, upper, delta, bytes(32))
        receipt = self.chain.send(self.contracts.provider, call_data(signature, self.key, order, b""))
        self.logs = receipt.logs
        return _halves(receipt.output)

    def _word(self, offset: int) -> int:
        return self._load(self._state + offset)

    def _load(self, slot: int) -> int:
        return answer(self.chain, self.address, "extsload(bytes32)", slot.to_bytes(32, "big"), returns=["uint256"])[0]


def _halves(output: bytes) -> tuple[int, int]:
    # A node does not say what a transaction returned; its logs do.
    return (
        decode(["int128", "int128"], b"".join(_wide(output[part : part + 16]) for part in (0, 16)))
        if output
        else (0, 0)
    )


def _wide(half: bytes) -> bytes:
    return (b"\xff" if half[0] & 0x80 else b"\0") * 16 + half


def _signed(value: int, bits: int) -> int:
    value %= 2**bits
    return value - 2**bits if value >> (bits - 1) else value
