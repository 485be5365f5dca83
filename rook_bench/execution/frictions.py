"""What trading costs besides the price: fee, gas, latency and the limits of an order."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from rook_bench.core.config import Config
from rook_bench.execution.chain_presets import DEFAULT_BLOCK_TIME_S, chain_of, preset

HIGHEST_GWEI = 100_000

YEAR_S = 365 * 86_400
"""No order waits longer."""

MOST_UNITS = 1_000_000_000
"""Gas units beyond which nothing fits into a block of any chain."""

MOST_QUOTE = 1e12
"""No transaction costs more, in any quote."""


Units = Annotated[int, Field(ge=0, le=MOST_UNITS)]


class Latency(Config):
    """How long an order takes to reach the pool: in swaps (1 by default), blocks or seconds; one of them.

    The order meets the pool as the last recorded swap before its turn left it: after `swaps`
    more swaps; after the last swap of the block `blocks` later; after the last swap that is at
    most `seconds` later.
    """

    swaps: int | None = Field(default=None, ge=0, le=1_000_000)
    blocks: int | None = Field(default=None, ge=0, le=10_000_000)
    seconds: float | None = Field(default=None, ge=0, le=YEAR_S)

    @model_validator(mode="after")
    def _one_unit(self) -> Latency:
        given = [name for name in ("swaps", "blocks", "seconds") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"latency is given in {' and '.join(given)}: choose one")
        if not given:
            object.__setattr__(self, "swaps", 1)
        return self

    def times(self, factor: int) -> Latency:
        """So many times as long, in its own unit; none at all becomes one."""
        given = {name: getattr(self, name) for name in ("swaps", "blocks", "seconds")}
        longer = {name: value * factor or 1 for name, value in given.items() if value is not None}
        return self.model_copy(update=longer)  # nobody wrote it, so no bound of what one may write holds

    def __str__(self) -> str:
        for name in ("swaps", "blocks", "seconds"):
            value = getattr(self, name)
            if value is not None:
                return f"{value:g} {name.removesuffix('s') if value == 1 else name}"
        raise AssertionError("one unit is always set")


class Gas(Config):
    """What a transaction costs. `flat_quote` replaces units x price by an amount of quote.

    Attributes:
        swap_units: gas units of a swap inside one tick range (measured on the real v3 router: 105k to 126k).
        crossing_units: of a swap that crosses one, two, and three or more initialised ticks (measured:
            139k to 175k, 163k to 230k, 256k to 396k). Crossings are known on a tape with its whole tick map only;
            elsewhere every swap counts as none.
        slippage_revert_units, deadline_revert_units: of a transaction that reverts (measured).
        gwei: gas price; "tape" takes what the transaction of the swap that the order lands behind paid.
        l1_fee_quote: fee of publishing the transaction on the chain below (rollups), in quote, on every
            transaction.
        flat_quote: all of it, in quote.
        native_price: quote per coin that gas is paid in, where neither token of the pool is that coin and no
            reference tape tells its price. It overrules the pool's own price.
    """

    swap_units: int = Field(default=120_000, ge=0, le=MOST_UNITS)
    crossing_units: tuple[Units, Units, Units] = (157_000, 196_000, 326_000)
    slippage_revert_units: int = Field(default=109_662, ge=0, le=MOST_UNITS)
    deadline_revert_units: int = Field(default=25_700, ge=0, le=MOST_UNITS)
    gwei: float | Literal["tape"] = 1.0
    l1_fee_quote: float = Field(default=0.0, ge=0, le=MOST_QUOTE)
    flat_quote: float | None = Field(default=None, ge=0, le=MOST_QUOTE)
    native_price: float | None = Field(default=None, gt=0, le=MOST_QUOTE)

    @field_validator("gwei", mode="before")
    @classmethod
    def _price(cls, given: Any) -> Any:
        # One message instead of pydantic's one for each kind of value.
        number = isinstance(given, int | float) and not isinstance(given, bool)
        if given != "tape" and not (number and 0 <= given <= HIGHEST_GWEI):
            raise ValueError(f"a gas price is a number from 0 to {HIGHEST_GWEI:,}, or 'tape'")
        return given

    def times(self, factor: float) -> Gas:
        """So many times as dear. The units grow and not the price, which decides places in a block."""
        if factor == 1:
            return self
        units = {
            name: round(getattr(self, name) * factor)
            for name in ("swap_units", "slippage_revert_units", "deadline_revert_units")
        }
        other = {
            "crossing_units": tuple(round(unit * factor) for unit in self.crossing_units),
            "l1_fee_quote": self.l1_fee_quote * factor,
            "flat_quote": None if self.flat_quote is None else self.flat_quote * factor,
        }
        return self.model_copy(update=units | other)

    @property
    def units(self) -> tuple[int, int, int, int]:
        """Units of a swap by initialised ticks crossed: none, one, two, three or more."""
        return (self.swap_units, *self.crossing_units)


class Frictions(Config):
    """Every cost between a decision and its fill.

    Attributes:
        block_time_s: seconds between blocks; None takes the pool's own.
        fee_pips: pool fee in millionths; None takes the tape's own (of v4, the one that the swap before paid).
        latency: when the order meets the pool.
        gas: what each transaction costs, reverted ones included.
        chain: name of a preset (see `execution.chain_presets`): its latency, gas and ordering hold where
            this configuration gives none of its own.
        ordering: how transactions of a block stand: "arrival" (the order lands when its latency is
            over), or "priority" (in its block it lands behind every transaction that paid at
            least its own gas price; without recorded gas prices, behind all of them).
        on_slippage: "revert" sets a minimum output (as routers do) and reverts beyond it;
            "partial" sets a price limit, fills up to it and returns the rest.
        mev: "none"; "typical": a searcher sandwiches the order where that pays him after fees and
            gas; "worst": every order gets the least that its slippage limit allows.
    """

    chain: str | None = None
    block_time_s: float | None = Field(default=None, gt=0, le=86_400)
    fee_pips: int | None = Field(default=None, ge=0, lt=1_000_000)
    latency: Latency = Latency()
    gas: Gas = Gas()
    ordering: Literal["arrival", "priority"] = "arrival"
    on_slippage: Literal["revert", "partial"] = "revert"
    mev: Literal["none", "typical", "worst"] = "none"

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, values: Any) -> Any:
        """Put the preset's settings under those that are given."""
        name = values.get("chain") if isinstance(values, dict) else None
        return preset(name).under(values) if isinstance(name, str) else values

    def on(self, chain: str, block_time_s: float) -> Frictions:
        """These frictions on a pool: what nobody set is what its chain is known for.

        Args:
            chain: the pool's.
            block_time_s: the pool's own mean seconds between blocks; the default says nothing.
        """
        known = None if self.chain is not None else chain_of(chain)
        if known is None:
            return self
        gas = {name: value for name, value in known.gas.items() if name not in self.gas.model_fields_set}
        update: dict[str, Any] = {}
        if gas and self.gas.flat_quote is None:
            update["gas"] = self.gas.model_copy(update=gas)
        if self.block_time_s is None and block_time_s == DEFAULT_BLOCK_TIME_S:
            update["block_time_s"] = float(known.block_time_s)
        return self.model_copy(update=update) if update else self

    @model_validator(mode="after")
    def _sensible(self) -> Frictions:
        if self.mev != "none" and self.on_slippage == "partial":
            raise ValueError(f"mev '{self.mev}' needs on_slippage 'revert': a price limit sets no minimum output")
        if self.ordering == "priority" and self.latency.blocks is None:
            raise ValueError("ordering 'priority' needs latency in blocks")
        return self
