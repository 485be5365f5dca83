"""From decisions on several tapes to a PurseRun."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import ConfigError, mapped
from rook_bench.core.decision_tape import is_trade
from rook_bench.core.exact import ExactInts
from rook_bench.execution.chain_presets import native_coin
from rook_bench.execution.compiled_swap import room_for_a_call, sandwich_call, swap_call
from rook_bench.market.frame import SwapFrame
from rook_bench.market.view import MarketView
from rook_bench.replay import dtypes
from rook_bench.replay.causality import risk_lookahead
from rook_bench.replay.config import ReplayConfig
from rook_bench.replay.engine import check_assumptions, order_table
from rook_bench.replay.market_rows import native_prices
from rook_bench.replay.numeraire import numeraire_rate
from rook_bench.replay.purse import loop
from rook_bench.replay.purse.clock import MergedClock
from rook_bench.replay.purse.coins import Coin, Coins, coins_of
from rook_bench.replay.purse.ledger import reconcile_purse
from rook_bench.replay.purse.run import Leg, PurseRun, Share
from rook_bench.replay.run import Run
from rook_bench.replay.sparse import Prepared, sparse
from rook_bench.risk import apply_risk
from rook_bench.sources import Source, decide
from rook_bench.sources.checked import checked
from rook_bench.tapecheck.check import check_tape

Configs = ReplayConfig | Sequence[ReplayConfig] | None


def replay_purse(
    frames: Sequence[SwapFrame],
    source: Source | str | Callable[..., Any],
    config: Configs = None,
    *,
    progress: bool = False,
    fresh: bool = False,
    label: str = "",
) -> PurseRun:
    """Ask a source on every tape, replay all of them with one purse, and reconcile every token.

    Args:
        frames: one for each pool; a pool may be there once.
        source: what decides, asked on each tape for itself.
        config: what is assumed; one for all pools, or one for each. Capital, numeraire and seed are the first one's:
            the capital is shared out evenly among the pools to begin with, and belongs to all of them from then on.
        progress, fresh, label: as of `replay`.

    Raises:
        InputError, ConfigError: for what can't be replayed, or a token that no pool prices.
        LedgerError: if a single unit of a token is unaccounted for.
    """
    asked = Source.parse(source)
    configs = _each(config, frames)
    _check_once(frames)
    first = config if isinstance(config, ReplayConfig | None) else config[0]
    coins = coins_of(frames, None if first is None else first.numeraire)
    frames = _with_native(frames, coins, configs)
    for frame, one in zip(frames, configs, strict=True):
        check_assumptions(frame, one)
    legs = [_leg(frame, asked, one, progress, fresh) for frame, one in zip(frames, configs, strict=True)]
    run = replayed(legs, coins, _shares(frames, coins, configs[0]))
    reconcile_purse(run)
    return replace(run, label=label)


def with_native(frames: Sequence[SwapFrame], configs: Sequence[ReplayConfig]) -> list[SwapFrame]:
    """Tapes of several pools, each with the price of the coin that gas is paid in, where another of them tells it."""
    if len(frames) == 1:
        return list(frames)
    resolved = [one.on(frame.pool) for one, frame in zip(configs, frames, strict=True)]
    if all(_knows_gas(frame, one) for frame, one in zip(frames, resolved, strict=True)):
        return list(frames)
    return _with_native(frames, coins_of(frames, None), resolved)


def priced_in(frames: Sequence[SwapFrame], numeraire: str | None) -> tuple[list[SwapFrame], str | None]:
    """Tapes of several pools that tell what each one's quote costs in one numeraire, and that numeraire.

    The price is that of the pools themselves before each swap. Where all quotes are one coin there is nothing to tell,
    and no numeraire is needed.
    """
    quotes = {frame.pool.quote.symbol for frame in frames}
    if numeraire is None and len(quotes) == 1:
        return list(frames), None
    coins = coins_of(frames, numeraire)
    coin = coins.all[coins.numeraire]
    told = []
    for frame, quote in zip(frames, coins.quote, strict=True):
        try:
            numeraire_rate(frame, coin.token.symbol)
        except ConfigError:
            frame = _told(frame, frames, coins, quote, coins.numeraire)
        told.append(frame)
    return told, coin.token.symbol


def purse_of(runs: Sequence[Run], *, label: str = "") -> PurseRun:
    """The decisions of runs on several pools once more, with one purse; nothing is asked again.

    Capital, numeraire and seed are the first run's, as of `replay_purse`; each run keeps its own decisions, risk and
    frictions, so that different sources may trade different pools.
    """
    frames = [run.frame for run in runs]
    configs = _each([run.config for run in runs], frames)
    _check_once(frames)
    coins = coins_of(frames, runs[0].config.numeraire)
    legs = [
        Leg(
            run.frame,
            run.decided,
            config,
            run.permitted,
            order_table(run.frame, dtypes.empty_orders(0), run.decided.tape, run.permitted, whole_map=True),
            run.lookahead,
            run.tape_check,
        )
        for run, config in zip(runs, configs, strict=True)
    ]
    purse = replayed(legs, coins, _shares(frames, coins, configs[0]))
    reconcile_purse(purse)
    return replace(purse, label=label)


def without(run: PurseRun, leg: int) -> PurseRun:
    """The same purse over all pools but one, with the same opening balances: what that pool had to do with the result.

    The pool is still there to price tokens, and trades nothing.
    """
    legs = list(run.legs)
    quiet = legs[leg].permitted
    nothing = replace(quiet, fraction=np.broadcast_to(np.float64(0.0), len(legs[leg].frame)))
    legs[leg] = replace(legs[leg], permitted=nothing)
    return replace(replayed(legs, run.coins, run.shares), label=run.label)


def _each(config: Configs, frames: Sequence[SwapFrame]) -> list[ReplayConfig]:
    if not frames:
        raise ConfigError("there is no tape", where="purse", hint="name one for each pool")
    if config is None or isinstance(config, ReplayConfig):
        config = [config or ReplayConfig()] * len(frames)
    if len(config) != len(frames):
        raise ConfigError(f"{len(config)} configurations for {len(frames)} tapes", where="purse")
    capital = config[0].capital
    if capital.value is not None:  # which counts in the numeraire, as the purse does
        capital = capital.model_copy(update={"quote_value": capital.value, "value": None})
    shared = {"seed": config[0].seed, "capital": capital, "numeraire": None}
    return [one.model_copy(update=shared).on(frame.pool) for one, frame in zip(config, frames, strict=True)]


def _check_once(frames: Sequence[SwapFrame]) -> None:
    seen: dict[tuple[str, str], SwapFrame] = {}
    for frame in frames:
        known = (frame.pool.chain, frame.pool.log_address or frame.data_hash)
        if known in seen:
            what = f"the pool {frame.pool.address} ({frame.pool.pair}) is there twice"
            raise ConfigError(what, where="purse", hint="name it once")
        seen[known] = frame


def _with_native(frames: Sequence[SwapFrame], coins: Coins, configs: Sequence[ReplayConfig]) -> list[SwapFrame]:
    return [_knowing_gas(frame, frames, coins, one) for frame, one in zip(frames, configs, strict=True)]


def _knowing_gas(frame: SwapFrame, frames: Sequence[SwapFrame], coins: Coins, config: ReplayConfig) -> SwapFrame:
    """The tape with the price of the coin that gas is paid in, as the purse's own pools told it before each swap.

    Before one of them has traded its first price is taken: nothing tells an earlier one.
    """
    if not _knows_gas(frame, config):
        gas = {symbol.upper() for symbol in native_coin(config.frictions.chain or frame.pool.chain)}
        named = [place for place, coin in enumerate(coins.all) if coin.token.symbol.upper() in gas]
        if named:
            return _told(frame, frames, coins, named[0], coins.all.index(Coin.of(frame.pool, frame.pool.quote)))
    return frame


def _told(frame: SwapFrame, frames: Sequence[SwapFrame], coins: Coins, coin: int, other: int) -> SwapFrame:
    """The tape with the price of one token in another, as all pools told it before each swap."""
    price = mapped.by_part(len(frame), lambda rows: _ratio(frame.at[rows], frames, coins, coin, other))
    pair = f"{coins.all[coin].token.symbol}/{coins.all[other].token.symbol}"
    note = f"price of {pair} from the other pools"
    return replace(frame, references={**frame.references, pair: price}, notes=(*frame.notes, note))


def _knows_gas(frame: SwapFrame, config: ReplayConfig) -> bool:
    """Whether a tape by itself tells what gas costs."""
    try:
        native_prices(frame, config.frictions)
    except ConfigError:
        return False
    return True


def _ratio(
    at: NDArray[np.datetime64], frames: Sequence[SwapFrame], coins: Coins, coin: int, other: int
) -> NDArray[np.float64]:
    """What one token cost in another right before some times."""
    before = [np.maximum(np.searchsorted(frame.at, at, side="left") - 1, 0) for frame in frames]
    rates = coins.rates([frame.price[rows] for frame, rows in zip(frames, before, strict=True)])
    return np.asarray(rates[:, coin] / rates[:, other])


def _leg(frame: SwapFrame, source: Source, config: ReplayConfig, progress: bool, fresh: bool) -> Leg:
    decided = decide(source, frame, seed=config.seed, progress=progress, fresh=fresh)
    lookahead = checked(decided, frame, seed=config.seed)
    permitted = apply_risk(config.risk, MarketView.whole(frame), decided.tape)
    lookahead = risk_lookahead(frame, decided.tape, config.risk, permitted, lookahead)
    nothing = order_table(frame, dtypes.empty_orders(0), decided.tape, permitted, whole_map=True)
    return Leg(frame, decided, config, permitted, nothing, lookahead, check_tape(frame))


def _shares(frames: Sequence[SwapFrame], coins: Coins, config: ReplayConfig) -> tuple[Share, ...]:
    """Every pool's even share of the capital, at the first prices that there are.

    It comes in with the swap after which both of the pool's tokens have a price, at the prices of then: nothing that is
    later says how much the purse begins with.
    """
    value, clock = config.capital.quote_value / len(frames), MergedClock(frames)
    first = [(int(clock.moments(leg, np.array([0]))[0]), leg) for leg in range(len(frames))]
    shares = []
    for index, frame in enumerate(frames):
        opens = max(first[leg] for leg in {index} | coins.told_by(coins.quote[index]))[1]
        prices = _prices(clock, np.array([opens]), np.array([0]))
        rates = coins.rates(prices)[0]
        pool, quote, base = frame.pool, coins.quote[index], coins.base[index]
        # The base at its own pool's price, whichever pool tells the rate of others.
        price = float(prices[index][0])
        cash = round(value * (1.0 - config.capital.base_share) / rates[quote] * pool.quote.unit)
        held = round(value * config.capital.base_share / (rates[quote] * price) * pool.base.unit)
        worth = cash / pool.quote.unit * rates[quote] + held / pool.base.unit * rates[base]
        shares.append(Share(index, opens, cash, held, float(worth)))
    if not any(share.quote or share.base for share in shares):
        raise ConfigError(
            f"a capital of {config.capital.quote_value:g} is less than the smallest unit of any token",
            where="capital",
            hint="give more",
        )
    return tuple(shares)


def _prices(clock: MergedClock, legs: NDArray[np.intp], rows: NDArray[np.intp]) -> list[NDArray[np.float64]]:
    """Of each pool its price at moments, which are rows of the pools; before its first row that of the first."""
    moments = np.empty(len(legs), np.int64)
    for index in range(len(clock.frames)):
        own = legs == index
        moments[own] = clock.moments(index, rows[own])
    prices = []
    for index, frame in enumerate(clock.frames):
        own = legs == index
        found = clock.rows_at(moments, legs, index)
        found[own] = rows[own]
        prices.append(frame.price[np.maximum(found, 0)])
    return prices


def replayed(legs: Sequence[Leg], coins: Coins, shares: tuple[Share, ...]) -> PurseRun:
    """The loop over all pools; nobody has reconciled it yet."""
    frames = [leg.frame for leg in legs]
    clock = MergedClock(frames)
    ready = [sparse(leg.frame, leg.decided.tape) for leg in legs]
    every = any(leg.permitted.limits.drawdown_stop is not None for leg in legs)
    parts = [
        one.prepared(leg.permitted, leg.config.frictions, every=every) for one, leg in zip(ready, legs, strict=True)
    ]
    events, rows = _events(clock, parts, shares)
    rates = coins.rates(_prices(clock, events["leg"], rows))
    records, spans = _records(parts, coins, [len(one.wishing) for one in ready])
    state = np.zeros(len(legs), loop.STATE)
    state["day"] = state["last_sent_ns"] = -1
    state["cursor"] = spans["changes_start"]
    orders = dtypes.empty_orders(int(spans["orders_stop"].max(initial=0)))
    wallet = np.zeros((len(coins.all), 4), dtype=np.uint64)
    held = np.zeros_like(wallet)
    amounts = ExactInts.of([amount for share in shares for amount in (share.quote, share.base)]).limbs
    typical = any(leg.config.frictions.mev == "typical" for leg in legs)
    loop.replay_events(
        events,
        spans,
        state,
        records["market"],
        records["wishes"],
        room_for_a_call(),
        records["ticks"],
        swap_call(),
        sandwich_call() if typical else swap_call(),
        records["changes"],
        wallet,
        held,
        amounts.reshape(len(legs), 2, 4),
        np.array([share.value for share in shares]),
        coins.units,
        coins.quiet,
        _exposes(legs, coins),
        rates,
        orders,
    )
    done = []
    for leg, part, one, span in zip(legs, parts, ready, spans, strict=True):
        own = part.on_tape(orders[span["orders_start"] : span["orders_stop"]])
        table = order_table(leg.frame, own, leg.decided.tape, leg.permitted, whole_map=one.whole_map)
        done.append(replace(leg, orders=table))
    run = PurseRun(tuple(done), coins, shares)
    run.__dict__["clock"] = clock  # its own, which is made already
    return run


def _exposes(legs: Sequence[Leg], coins: Coins) -> NDArray[np.float64]:
    """How much of each pool's share of the capital will be in tokens that are exposure, a fraction, shape (legs,)."""
    in_base = np.array([leg.config.capital.base_share for leg in legs])
    loud = ~coins.quiet
    return np.where(loud[list(coins.base)], in_base, 0.0) + np.where(loud[list(coins.quote)], 1.0 - in_base, 0.0)


def _events(
    clock: MergedClock, parts: Sequence[Prepared], shares: Sequence[Share]
) -> tuple[dtypes.Records, NDArray[np.intp]]:
    """What happens, in its order, and on which rows of the tapes."""
    events, moments, order, rows = [], [], [], []
    for index, part in enumerate(parts):
        places = np.arange(len(part.rows))
        wishing = np.flatnonzero(is_trade(part.wishes["side"]))
        lands = np.flatnonzero(part.wishes["landing_row"][wishing] >= 0)
        decided = wishing[lands]
        met = part.wishes["landing_row"][decided]
        events += [_event(index, places, loop.DECIDES), _event(index, met, lands)]
        moments += [clock.moments(index, part.rows)]
        moments += [clock.landings(index, part.rows[met], part.wishes["landing_ns"][decided])]
        # On one row orders land before the next one is decided, and one that needs no time after it was.
        order += [np.stack([np.full(len(places), index), places, np.ones(len(places), int)])]
        order += [np.stack([np.full(len(met), index), met, np.where(met == decided, 2, 0)])]
        rows += [part.rows, part.rows[met]]
    for share in shares:
        events.append(_event(share.leg, np.array([0]), loop.COMES_IN))
        moments.append(clock.moments(share.opens, np.array([0])))
        order.append(np.array([[share.opens], [-1], [share.leg]]))
        rows.append(np.array([0]))
    found = np.concatenate(events)
    leg, place, kind = np.concatenate(order, axis=1)
    sorted_ = np.lexsort((found["order"], kind, place, leg, np.concatenate(moments)))
    return found[sorted_], np.concatenate(rows)[sorted_]


def _event(leg: int, rows: NDArray[np.intp], order: Any) -> dtypes.Records:
    events = np.zeros(len(rows), loop.EVENT)
    events["leg"], events["row"], events["order"] = leg, rows, order
    return events


def _records(
    parts: Sequence[Prepared], coins: Coins, orders: Sequence[int]
) -> tuple[dict[str, dtypes.Records], dtypes.Records]:
    """The arrays of all pools, one pool after the other, and of each pool its terms and its parts of them."""
    spans = np.zeros(len(parts), loop.LEG)
    counts = {
        "rows": [len(part.rows) for part in parts],
        "ticks": [len(part.ticks) for part in parts],
        "changes": [len(part.changes) for part in parts],
        "orders": list(orders),
    }
    for name, own in counts.items():
        stops = np.cumsum(own)
        spans[f"{name}_start"], spans[f"{name}_stop"] = stops - own, stops
    for index, part in enumerate(parts):
        for name, value in part.terms._asdict().items():
            spans[name][index] = value
    spans["quote"], spans["base"] = coins.quote, coins.base
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("market", "wishes", "ticks")}
    joined["changes"] = np.concatenate([part.changes for part in parts])
    return joined, spans
