"""The published v3 factory, pool and router, with the operations that the pool maths is compared by."""

from __future__ import annotations

import callee
from artifacts import creation_code
from chain import Chain, Log, Receipt, answer, call_data
from eth_abi import decode, encode
from eth_utils import keccak
from tokens import approve, give, two_tokens

MIN_SQRT_PRICE = 4295128739
MAX_SQRT_PRICE = 1461446703485210103287273052203988822378723970342
"""A price stays between the first and below the second."""

_ZERO = "0x" + "00" * 20
_FAR_FUTURE = 2**63


class V3Contracts:
    """Factory, router, two tokens and a contract that answers a pool's callbacks."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.factory = chain.deploy(creation_code("V3Factory"))
        # No token is wrapped ether here; the router only wants an address.
        self.router = chain.deploy(creation_code("V3Router") + encode(["address", "address"], [self.factory, _ZERO]))
        self.callee = chain.deploy(callee.creation_code())
        self.tokens = two_tokens(chain)
        for token in self.tokens:
            give(chain, token, self.callee, 2**255)
            approve(chain, token, self.router)

    def create_pool(self, fee: int, spacing: int) -> str:
        """Address of a new pool without a price; the fee is enabled where it isn't."""
        if answer(self.chain, self.factory, "feeAmountTickSpacing(uint24)", fee, returns=["int24"])[0] == 0:
            self.chain.send(self.factory, call_data("enableFeeAmount(uint24,int24)", fee, spacing))
        self.chain.send(self.factory, call_data("createPool(address,address,uint24)", *self.tokens, fee))
        signature = "getPool(address,address,uint24)"
        return answer(self.chain, self.factory, signature, *self.tokens, fee, returns=["address"])[0]


class V3Pool:
    """A pool made by the factory. Amounts are what the pool received (a burn's: what it returned).

    Args:
        contracts: with tokens that have no pool of this fee yet.
        fee: in pips.
        spacing: of ticks.
        sqrt_price: sqrtPriceX96 to begin at.
    """

    protocol = "v3"

    def __init__(self, contracts: V3Contracts, fee: int, spacing: int, sqrt_price: int) -> None:
        self.contracts, self.chain, self.fee, self.spacing = contracts, contracts.chain, fee, spacing
        self.address = contracts.create_pool(fee, spacing)
        self.logs: list[Log] = self.chain.send(self.address, call_data("initialize(uint160)", sqrt_price)).logs
        self._payment = encode(["address", "address"], contracts.tokens)

    def mint(self, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
        """Add exactly this liquidity."""
        signature = "mint(address,int24,int24,uint128,bytes)"
        data = call_data(signature, self.contracts.callee, lower, upper, liquidity, self._payment)
        return self._amounts(self._through_callee(data), "uint256")

    def burn(self, lower: int, upper: int, liquidity: int) -> tuple[int, int]:
        """Take liquidity out; what it is worth stays in the pool until it is collected."""
        return self._amounts(
            self._through_callee(call_data("burn(int24,int24,uint128)", lower, upper, liquidity)), "uint256"
        )

    def collect(self, lower: int, upper: int) -> tuple[int, int]:
        """Have all that a position is owed paid out."""
        signature = "collect(address,int24,int24,uint128,uint128)"
        most = 2**128 - 1
        data = call_data(signature, self.contracts.callee, lower, upper, most, most)
        return self._amounts(self._through_callee(data), "uint128")

    def swap(self, zero_for_one: bool, amount_specified: int, sqrt_limit: int | None = None) -> tuple[int, int]:
        """amount_specified > 0: exact input, < 0: exact output; no limit: as far as prices go."""
        limit = farthest(zero_for_one) if sqrt_limit is None else sqrt_limit
        signature = "swap(address,bool,int256,uint160,bytes)"
        data = call_data(signature, self.contracts.callee, zero_for_one, amount_specified, limit, self._payment)
        return self._amounts(self._through_callee(data), "int256")

    def route(self, zero_for_one: bool, amount_specified: int, sqrt_limit: int = 0) -> int:
        """A swap by the router; the amount it reports: received (exact input) or paid (exact output)."""
        name = "exactInputSingle" if amount_specified > 0 else "exactOutputSingle"
        pair = self.contracts.tokens if zero_for_one else self.contracts.tokens[::-1]
        bound = 0 if amount_specified > 0 else 2**256 - 1
        order = (*pair, self.fee, self.chain.sender, _FAR_FUTURE, abs(amount_specified), bound, sqrt_limit)
        signature = f"{name}((address,address,uint24,address,uint256,uint256,uint256,uint160))"
        receipt = self.chain.send(self.contracts.router, call_data(signature, order))
        self.logs = receipt.logs
        return int.from_bytes(receipt.output, "big")

    def set_protocol_fee(self, fee0: int, fee1: int) -> None:
        """Shares of the fee that go to the protocol: 1/fee0 and 1/fee1, 0 for none."""
        self.logs = self.chain.send(self.address, call_data("setFeeProtocol(uint8,uint8)", fee0, fee1)).logs

    def price(self) -> tuple[int, int]:
        """sqrtPriceX96 and tick."""
        returns = ["uint160", "int24", "uint16", "uint16", "uint16", "uint8", "bool"]
        sqrt_price, tick, *_ = self._ask("slot0()", returns=returns)
        return sqrt_price, tick

    def liquidity(self) -> int:
        """Active liquidity."""
        return self._ask("liquidity()", returns=["uint128"])[0]

    def tick_liquidity(self, tick: int) -> tuple[int, int]:
        """Gross and net liquidity of a tick."""
        returns = ["uint128", "int128", "uint256", "uint256", "int56", "uint160", "uint32", "bool"]
        gross, net, *_ = self._ask("ticks(int24)", tick, returns=returns)
        return gross, net

    def owned(self, lower: int, upper: int) -> int:
        """Liquidity of the position between two ticks."""
        owner = int(self.contracts.callee, 16).to_bytes(20, "big")
        key = keccak(owner + b"".join(tick.to_bytes(3, "big", signed=True) for tick in (lower, upper)))
        returns = ["uint128", "uint256", "uint256", "uint128", "uint128"]
        return self._ask("positions(bytes32)", key, returns=returns)[0]

    def protocol_fees(self) -> tuple[int, int]:
        """Accrued for the protocol, in token0 and token1."""
        return self._ask("protocolFees()", returns=["uint128", "uint128"])

    def fee_growth(self) -> tuple[int, int]:
        """Fees per unit of liquidity since birth, times 2**128, modulo 2**256."""
        return tuple(self._ask(f"feeGrowthGlobal{side}X128()", returns=["uint256"])[0] for side in (0, 1))

    def _ask(self, signature: str, *arguments: int | bytes, returns: list[str]) -> tuple:
        return answer(self.chain, self.address, signature, *arguments, returns=returns)

    def _through_callee(self, data: bytes) -> Receipt:
        return self.chain.send(self.contracts.callee, encode(["address"], [self.address]) + data)

    def _amounts(self, receipt: Receipt, kind: str) -> tuple[int, int]:
        self.logs = receipt.logs
        # A node does not say what a transaction returned; its logs do.
        return decode([kind, kind], receipt.output) if receipt.output else (0, 0)


def farthest(zero_for_one: bool) -> int:
    """The limit of a swap that has none."""
    return MIN_SQRT_PRICE + 1 if zero_for_one else MAX_SQRT_PRICE - 1
