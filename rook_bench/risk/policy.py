"""The risk configuration of a run, and what it permits row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rook_bench.core import ConfigError, InputError, mapped
from rook_bench.core.config import Config
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.market.view import MarketView
from rook_bench.plugins import Spec, risk_filter, sizer
from rook_bench.risk.limits import Limits

Reference = str | dict[str, Any]


class RiskConfig(Config):
    """Sizing and filters of a run.

    Attributes:
        sizer: a sizer by name ("fixed:0.05") or as a table with its parameters.
        filters: risk filters in the order in which they are applied; the first to refuse is named.
        max_order_fraction: cap on any order, as a fraction of the available balance.
        max_order_value: cap on what any order is worth, in quote: with sizer "fixed:1" every order is of this size.
        max_slippage_bps: cap on the slippage limit of any order.
    """

    sizer: Reference = "decision"
    filters: tuple[Reference, ...] = ()
    max_order_fraction: float = Field(default=1.0, ge=0, le=1)
    max_order_value: float | None = Field(default=None, ge=1e-9, le=1e15)
    max_slippage_bps: float | None = Field(default=None, ge=0, le=10_000)


@dataclass(frozen=True)
class Permitted:
    """What risk makes of a decision tape.

    Attributes:
        fraction: share of the available balance an order may use, shape (n,).
        slippage_bps: limit of each order, shape (n,).
        refused_by: index into `filter_names` of the first filter that refuses the row, -1 for none.
        refusals: every filter that refuses the row, a bit for each, shape (n,).
        filter_names: the filters that were applied before the ledger is known.
        limits: what the replay loop applies.
        specs: records of the sizer and the filters.
    """

    fraction: NDArray[np.float64]
    slippage_bps: NDArray[np.float64]
    refused_by: NDArray[np.int16]
    refusals: NDArray[np.unsignedinteger]
    filter_names: tuple[str, ...]
    limits: Limits
    specs: tuple[Spec, ...]


def apply_risk(config: RiskConfig, view: MarketView, decisions: DecisionTape) -> Permitted:
    """Size every wish and ask the filters that need no ledger."""
    chosen = sizer.choose(config.sizer)
    fraction = np.asarray(chosen.build()(view, decisions), dtype=np.float64)
    outside = lambda rows: ~((fraction[rows] >= 0) & (fraction[rows] <= 1))  # noqa: E731
    if fraction.shape != decisions.side.shape or mapped.count(len(fraction), outside):
        raise InputError(
            "did not return a fraction between 0 and 1 for every decision", where=f"sizer {chosen.reference}"
        )
    slippage = decisions.slippage_bps
    if config.max_slippage_bps is not None:
        most, wished = config.max_slippage_bps, slippage
        slippage = mapped.by_part(len(wished), lambda rows: np.minimum(wished[rows], most))

    refused_by = mapped.full(len(decisions), -1, np.int16)
    refusals = _no_refusals(len(decisions), len(config.filters))
    names: list[str] = []
    specs = [chosen.spec()]
    limits = Limits()
    for reference in config.filters:
        choice = risk_filter.choose(reference)
        specs.append(choice.spec())
        built = choice.build()
        if isinstance(built, Limits):
            limits = limits.merged(built)
            continue
        allowed = np.asarray(built(view, decisions))
        if allowed.shape != decisions.side.shape or allowed.dtype != bool:
            raise InputError("did not return true or false for every decision", where=f"risk filter {choice.reference}")
        names.append(choice.plugin.name)
        for rows in mapped.parts(len(allowed)):
            refused_by[rows][(refused_by[rows] < 0) & ~allowed[rows]] = len(names) - 1
            refusals[rows] |= (~allowed[rows]).astype(refusals.dtype) << (len(names) - 1)
    limits = limits.merged(Limits(max_order_value=config.max_order_value))
    capped = mapped.by_part(len(fraction), lambda rows: np.minimum(fraction[rows], config.max_order_fraction))
    return Permitted(capped, slippage, refused_by, refusals, tuple(names), limits, tuple(specs))


def _no_refusals(count: int, filters: int) -> NDArray[np.unsignedinteger]:
    for kind in (np.uint8, np.uint16, np.uint32, np.uint64):
        if filters <= 8 * np.dtype(kind).itemsize:
            return mapped.full(count, 0, kind)
    raise ConfigError(f"{filters} filters are more than 64", where="risk.filters")
