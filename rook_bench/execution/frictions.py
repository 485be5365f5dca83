"""What trading costs besides the price: fee, gas, latency and the limits of an order."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from rook_bench.core.config import Config


class Latency(Config):
    """How long an order takes to reach the pool: in swaps (1 by default), blocks or seconds; one of them.

    The order meets the pool as the last recorded swap before its turn left it: after `swaps`
    more swaps; after the last swap of the block `blocks` later; after the last swap that is at
    most `seconds` later.
    """

    swaps: int | None = Field(default=None, ge=0)
    blocks: int | None = Field(default=None, ge=0)
    seconds: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_unit(self) -> Latency:
        given = [name for name in ("swaps", "blocks", "seconds") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"latency is given in {' and '.join(given)}: choose one")
        if not given:
            object.__setattr__(self, "swaps", 1)
        return self

    def __str__(self) -> str:
        for name in ("swaps", "blocks", "seconds"):
            value = getattr(self, name)
            if value is not None:
                return f"{value:g} {name.removesuffix('s') if value == 1 else name}"
        raise AssertionError("one unit is always set")


class Gas(Config):
    """What a transaction costs. `flat_quote` replaces units x price by an amount of quote.

    The units are those measured on the real v3 router for a swap inside one tick range (105k to
    126k), a revert on slippage (109,662) and a revert on deadline (25,700).
    """

    swap_units: int = Field(default=120_000, ge=0)
    slippage_revert_units: int = Field(default=109_662, ge=0)
    deadline_revert_units: int = Field(default=25_700, ge=0)
    gwei: float = Field(default=1.0, ge=0, le=100_000)
    flat_quote: float | None = Field(default=None, ge=0)


class Frictions(Config):
    """Every cost between a decision and its fill.

    Attributes:
        fee_pips: pool fee in millionths; None takes the tape's own.
        latency: when the order meets the pool.
        gas: what each transaction costs, reverted ones included.
        on_slippage: "revert" sets a minimum output (as routers do) and reverts beyond it;
            "partial" sets a price limit, fills up to it and returns the rest.
    """

    fee_pips: int | None = Field(default=None, ge=0, lt=1_000_000)
    latency: Latency = Latency()
    gas: Gas = Gas()
    on_slippage: Literal["revert", "partial"] = "revert"
