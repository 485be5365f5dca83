"""The compiled loop against a second, plain replay in Python integers, written from the semantics alone."""

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.execution.outcome import Outcome
from rook_bench.replay import ReplayConfig, reconcile

MILLION, BILLION = 10**6, 10**9
Q96 = 2**96
LOWEST, HIGHEST = 4295128739 + 1, 1461446703485210103287273052203988822378723970342 - 1


def ceil_div(numerator, divisor):
    return -(-numerator // divisor)


def token0_between(a, b, liquidity, *, up):
    low, high = min(a, b), max(a, b)
    if up:
        return ceil_div(ceil_div(liquidity * Q96 * (high - low), high), low)
    return liquidity * Q96 * (high - low) // high // low


def token1_between(a, b, liquidity, *, up):
    product = liquidity * abs(a - b)
    return ceil_div(product, Q96) if up else product // Q96


def swap_step(price, liquidity, offered, fee, falls, target):
    """computeSwapStep of v3-core for exact input, as its Solidity reads: price, in, out, fee."""
    rest = offered * (MILLION - fee) // MILLION
    between_in, between_out = (token0_between, token1_between) if falls else (token1_between, token0_between)
    to_target = between_in(price, target, liquidity, up=True)
    reached = rest >= to_target
    if reached:
        after = target
    elif falls:
        after = ceil_div(liquidity * Q96 * price, liquidity * Q96 + rest * price)
    else:
        after = price + rest * Q96 // liquidity
    taken = to_target if reached else between_in(price, after, liquidity, up=True)
    out = between_out(price, after, liquidity, up=False)
    return after, taken, out, (ceil_div(taken * fee, MILLION - fee) if reached else offered - taken)


@dataclass
class Sent:
    row: int
    buys: bool
    lands: int = -1
    outcome: str = ""
    refused: str = ""
    offered: int = 0
    quoted: int = 0
    moved: dict = field(default_factory=lambda: dict.fromkeys(("paid", "fee", "out", "gas_quote", "gas_base"), 0))
    cash: int = 0
    base: int = 0


class Reference:
    """One order book, two balances, no NumPy."""

    def __init__(self, frame, decisions, config, opening, landing):
        self.pool, self.config = frame.pool, config
        self.at = frame.at.astype(np.int64).tolist()
        self.state = list(zip(frame.sqrt_price_x96, frame.liquidity, strict=True))
        self.price = frame.price.tolist()
        self.decisions = [decisions[row] for row in range(len(decisions))]
        self.cash, self.base = opening
        self.opening_base = self.base
        self.rows, self.when = (column.tolist() for column in landing)
        gas = config.frictions.gas
        wei = round(gas.gwei * 1e9)
        self.wei = {
            "swap": gas.swap_units * wei,
            "slip": gas.slippage_revert_units * wei,
            "late": gas.deadline_revert_units * wei,
        }
        self.fee = self.pool.fee_pips if config.frictions.fee_pips is None else config.frictions.fee_pips
        self.limits = {}
        for reference in config.risk.filters:
            self.limits[reference["name"]] = {k: v for k, v in reference.items() if k != "name"}
        self.orders, self.flying, self.equity, self.sent = [], [], [], []
        self.peak, self.stopped = -1.0, False

    def run(self):
        for row in range(len(self.at)):
            self.land_due(row)
            self.watch(self.worth(row))
            decision = self.decisions[row]
            if decision.side_name in ("BUY", "SELL"):
                self.decide(row, decision)
                self.land_due(row)
            self.equity.append(self.worth(row))
        return self

    def watch(self, worth):
        """The drawdown stop looks at every row, before a decision is made on it."""
        self.peak = max(self.peak, worth)
        if "drawdown_stop" in self.limits:
            self.stopped |= worth < self.peak * (1 - self.limits["drawdown_stop"]["fraction"])

    def worth(self, row):
        return self.cash / self.pool.quote.unit + self.base / self.pool.base.unit * self.price[row]

    def gas_quote(self, kind, row):
        flat = self.config.frictions.gas.flat_quote
        if flat is not None:
            return math.ceil(flat * self.pool.quote.unit)
        return math.ceil(self.wei[kind] / float(self.pool.base.unit) * self.price[row] * float(self.pool.quote.unit))

    def gas_base(self, kind, row):
        flat = self.config.frictions.gas.flat_quote
        if flat is not None:
            units = math.ceil(flat * self.pool.quote.unit)
            return math.ceil(units / float(self.pool.quote.unit) / self.price[row] * float(self.pool.base.unit))
        return self.wei[kind]

    def held(self, buys):
        return sum(order.offered for order in self.flying if order.buys == buys)

    def refusal(self, row, order, fraction):
        """Name of the ledger limit that forbids the order, or nothing."""
        worth, base_value = self.worth(row), self.base / self.pool.base.unit * self.price[row]
        if order.buys:
            free = (self.cash - self.held(True)) / self.pool.quote.unit
        else:
            free = (self.base - self.held(False)) / self.pool.base.unit * self.price[row]
        wish, limits = free * fraction, self.limits
        if self.stopped:
            return "drawdown_stop"
        day = self.at[row] // (86_400 * BILLION)
        today = sum(self.at[sent] // (86_400 * BILLION) == day for sent in self.sent)
        if "trades_per_day" in limits and today >= limits["trades_per_day"]["maximum"]:
            return "trades_per_day"
        if (
            "cooldown" in limits
            and self.sent
            and self.at[row] - self.at[self.sent[-1]] < limits["cooldown"]["seconds"] * BILLION
        ):
            return "cooldown"
        flying = (
            self.held(True) / self.pool.quote.unit
            if order.buys
            else -self.held(False) / self.pool.base.unit * self.price[row]
        )
        base_value += flying
        slack = 1e-12 * worth  # an order that meets a limit is not over it
        if "position_limit" in limits:
            bounds = limits["position_limit"]
            if order.buys and base_value + wish > bounds["max_base_share"] * worth + slack:
                return "position_limit"
            if not order.buys and base_value - wish < bounds["min_base_share"] * worth - slack:
                return "position_limit"
        if "pool_limit" in limits:
            built = base_value - self.opening_base / self.pool.base.unit * self.price[row]
            if (built if order.buys else -built) + wish > limits["pool_limit"]["max_share"] * worth + slack:
                return "pool_limit"
        exposed = limits.get("exposure_limit", {"max_share": 2.0})["max_share"] * worth
        if order.buys and base_value + wish > exposed + slack:
            return "exposure_limit"
        return ""

    def decide(self, row, decision):
        order = Sent(row, decision.side_name == "BUY", self.rows[row])
        self.orders.append(order)
        fraction = round(decision.size * BILLION)
        order.refused = "end_of_tape" if order.lands < 0 else self.refusal(row, order, fraction / BILLION)
        if order.refused:
            return self.close(order, "REJECTED")
        gas = self.gas_quote("swap", row)
        free_cash, free_base = max(0, self.cash - self.held(True)), max(0, self.base - self.held(False))
        if order.buys:
            spendable = max(0, free_cash - gas)
        else:
            spendable = free_base if free_cash >= gas else max(0, free_base - self.gas_base("swap", row))
        order.offered = spendable * fraction // BILLION
        price, liquidity = self.state[row]
        if order.offered == 0:
            return self.close(order, "INSUFFICIENT_BALANCE")
        if liquidity == 0:
            return self.close(order, "NO_LIQUIDITY")
        falls = order.buys != self.pool.base_is_token0
        order.quoted = swap_step(price, liquidity, order.offered, self.fee, falls, LOWEST if falls else HIGHEST)[2]
        self.sent.append(row)
        self.flying.append(order)
        return None

    def close(self, order, outcome):
        order.outcome, order.cash, order.base = outcome, self.cash, self.base

    def land_due(self, row):
        while self.flying and self.flying[0].lands <= row:
            self.land(self.flying.pop(0))

    def land(self, order):
        decision, row = self.decisions[order.row], order.lands
        price, liquidity = self.state[row]
        falls = order.buys != self.pool.base_is_token0
        slip = round(decision.slippage_bps * 100)
        partial = self.config.frictions.on_slippage == "partial"
        outcome, kind, moved = "", "slip", order.moved
        if self.when[order.row] - self.at[order.row] > decision.deadline_s * BILLION:
            outcome, kind = "REVERTED_DEADLINE", "late"
        elif order.offered > (self.cash if order.buys else self.base):
            outcome = "INSUFFICIENT_BALANCE"
        elif liquidity == 0:
            outcome = "NO_LIQUIDITY"
        else:
            target = (
                self.price_limit(self.state[order.row][0], slip, falls) if partial else (LOWEST if falls else HIGHEST)
            )
            if partial and (price <= target if falls else price >= target):
                outcome = "REVERTED_SLIPPAGE"
            else:
                after, taken, out, fee = swap_step(price, liquidity, order.offered, self.fee, falls, target)
                if self.pool.protocol == "v4" and after != target:  # v4 takes the rounding as fee
                    taken = order.offered * (MILLION - self.fee) // MILLION
                    fee = order.offered - taken
                short = out * MILLION < order.quoted * (MILLION - slip)  # routers: amountOutMinimum
                if not partial and (short or taken + fee < order.offered):
                    outcome = "REVERTED_SLIPPAGE"
                else:
                    outcome, kind = ("FILLED" if taken + fee == order.offered else "PARTIAL"), "swap"
                    moved |= {"paid": taken, "fee": fee, "out": out}
        spent = moved["paid"] + moved["fee"]
        self.cash += -spent if order.buys else moved["out"]
        self.base += moved["out"] if order.buys else -spent
        gas = self.gas_quote(kind, row)
        if self.cash >= gas:
            moved["gas_quote"] = gas
        else:
            moved["gas_base"] = min(self.base, self.gas_base(kind, row))
        self.cash -= moved["gas_quote"]
        self.base -= moved["gas_base"]
        self.close(order, outcome)

    @staticmethod
    def price_limit(price, slip, falls):
        share = 1.0 - slip / MILLION
        if falls:
            return max(LOWEST, price * int(math.sqrt(share) * 2**40) >> 40)
        return HIGHEST if share <= 0 else min(HIGHEST, price * int(2**40 / math.sqrt(share)) >> 40)


def assert_same(run, reference):
    orders = run.orders
    assert len(orders) == len(reference.orders)
    for index, expected in enumerate(reference.orders):
        found = {
            "row": int(orders.row[index]),
            "outcome": Outcome(int(orders.outcome[index])).name,
            "refused": orders.rejected_by[index],
            "offered": orders.amount_in[index],
            "quoted": orders.quoted[index],
            "cash": orders.cash[index],
            "base": orders.base[index],
            **{name: getattr(orders, name)[index] for name in expected.moved},
        }
        wanted = {
            name: getattr(expected, name) for name in ("row", "outcome", "refused", "offered", "quoted", "cash", "base")
        }
        assert found == wanted | expected.moved
    np.testing.assert_allclose(run.equity, reference.equity, rtol=1e-12, atol=1e-12)


def replay_both(run_of, frame, decisions, config):
    from rook_bench.replay.market_rows import landing

    run = run_of(frame, decisions, config)
    reference = Reference(frame, decisions, config, run.opening, landing(frame, config.frictions)).run()
    assert_same(run, reference)
    reconcile(run)
    return run


LIMITS = {
    "trades_per_day": st.fixed_dictionaries({"maximum": st.integers(0, 3)}),
    "cooldown": st.fixed_dictionaries({"seconds": st.sampled_from([0.0, 12.0, 60.0])}),
    "drawdown_stop": st.fixed_dictionaries({"fraction": st.sampled_from([0.01, 0.05, 0.3])}),
    "pool_limit": st.fixed_dictionaries({"max_share": st.sampled_from([0.02, 0.2])}),
    "exposure_limit": st.fixed_dictionaries({"max_share": st.sampled_from([0.3, 0.55])}),
    "position_limit": st.fixed_dictionaries(
        {"max_base_share": st.sampled_from([0.5, 0.6, 1.0]), "min_base_share": st.sampled_from([0.0, 0.3])}
    ),
}

CONFIGS = st.fixed_dictionaries(
    {
        "capital": st.fixed_dictionaries(
            {"quote_value": st.sampled_from([0.01, 50.0, 1e4, 1e7]), "base_share": st.sampled_from([0.0, 0.3, 1.0])}
        ),
        "frictions": st.fixed_dictionaries(
            {
                "fee_pips": st.sampled_from([None, 0, 100, 10_000]),
                "latency": st.sampled_from([{"swaps": 0}, {}, {"swaps": 3}, {"blocks": 1}, {"seconds": 20.0}]),
                "gas": st.sampled_from([{}, {"gwei": 0.0}, {"gwei": 300.0}, {"flat_quote": 0.5}, {"flat_quote": 40.0}]),
                "on_slippage": st.sampled_from(["revert", "partial"]),
            }
        ),
        "risk": st.lists(st.sampled_from(sorted(LIMITS)), unique=True, max_size=2)
        .flatmap(
            lambda names: st.tuples(
                *(LIMITS[name].map(lambda params, name=name: {"name": name, **params}) for name in names)
            )
        )
        .map(lambda filters: {"filters": list(filters)}),
    }
)


@st.composite
def tapes(draw):
    rows = draw(st.integers(2, 10))
    column = lambda values: draw(st.lists(values, min_size=rows, max_size=rows))  # noqa: E731
    steps = column(st.sampled_from([0.0, 0.0003, -0.0003, 0.004, -0.004, 0.08, -0.08]))
    prices = (2500.0 * np.cumprod(1 + np.array(steps))).tolist()
    waits = column(st.sampled_from([0.0, 12.0, 12.0, 90.0, 40_000.0]))
    liquidity = column(st.sampled_from([10**19, 10**19, 10**17, 3 * 10**14, 10**9, 0]))
    blocks = np.cumsum([1 if wait else 0 for wait in waits])
    sides = column(st.sampled_from("BBSSH"))
    codes = np.array(["BHS".index(letter) for letter in sides])
    decisions = DecisionTape.from_sides(
        codes,
        np.array(column(st.sampled_from([1.0, 0.5, 0.05, 1e-9]))),
        slippage_bps=np.array(column(st.sampled_from([0.0, 5.0, 50.0, 500.0, 10_000.0]))),
        deadline_s=np.array(column(st.sampled_from([0.0, 15.0, 300.0, 1e6]))),
    )
    return prices, np.cumsum(waits), liquidity, blocks, decisions


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tapes(), CONFIGS, st.sampled_from(["token0", "token1"]))
def test_loop_agrees_with_the_reference(run_of, make_frame, pools, parts, config, orientation):
    prices, seconds, liquidity, blocks, decisions = parts
    frame = make_frame(prices, seconds=seconds, liquidity=liquidity, blocks=blocks, pool=pools[orientation])
    replay_both(run_of, frame, decisions, ReplayConfig.parse(config, where="test"))


@pytest.mark.parametrize("orientation", ["token0", "token1"])
def test_an_order_that_meets_a_limit_is_not_over_it(run_of, make_frame, pools, sides, orientation):
    """Everything sold while everything is in flight leaves exactly the least share; rounding once decided which limit."""
    filters = [
        {"name": "cooldown", "seconds": 0.0},
        {"name": "position_limit", "max_base_share": 0.5, "min_base_share": 0.0},
    ]
    parts = {
        "capital": {"quote_value": 1e4, "base_share": 1.0},
        "frictions": {"latency": {"swaps": 3}},
        "risk": {"filters": filters},
    }
    frame = make_frame([2500.0] * 8, pool=pools[orientation])
    run = replay_both(run_of, frame, sides("BBBSSBBB", 1.0, slippage_bps=0.0), ReplayConfig.parse(parts, where="test"))
    assert Outcome(int(run.orders.outcome[4])).name == "INSUFFICIENT_BALANCE"


def test_an_order_for_all_that_is_left_meets_a_share_of_one(run_of, make_frame, pools, sides):
    decisions = sides("BBHHH", np.array([0.3, 1.0, 1.0, 1.0, 1.0]))
    for value in (567.92, 14_431.08, 16_924.1, 10_106.17, 4_855.56, 8_286.87):  # rounding refused one of these
        parts = {
            "capital": {"quote_value": value, "base_share": 0.3},
            "frictions": {"gas": {"gwei": 0.0}, "latency": {"swaps": 3}},
            "risk": {"filters": [{"name": "position_limit", "max_base_share": 1.0}]},
        }
        frame = make_frame([3333.33, 2777.7, 2777.7, 2777.7, 2777.7], pool=pools["token1"])
        run = replay_both(run_of, frame, decisions, ReplayConfig.parse(parts, where="test"))
        assert list(run.orders.rejected_by[:2]) == ["", ""]


@pytest.mark.parametrize("source_text", ["BS" * 100, "BBSSH" * 40, "BHHHHHHHHS" * 20])
@pytest.mark.parametrize("mode", ["revert", "partial"])
def test_loop_agrees_on_a_simulated_tape(run_of, short_tape, sides, source_text, mode):
    decisions = sides(source_text, 0.3, slippage_bps=2.0)
    parts = {"frictions": {"on_slippage": mode, "latency": {"swaps": 2}}, "capital": {"quote_value": 1e6}}
    config = ReplayConfig.parse(parts, where="test")
    run = replay_both(run_of, short_tape[:200], decisions, config)
    outcomes = set(run.orders.outcome.tolist())
    assert {Outcome.FILLED, Outcome.REVERTED_SLIPPAGE} <= outcomes
    assert (Outcome.PARTIAL in outcomes) == (mode == "partial")


def test_the_reference_sees_every_outcome(run_of, make_frame, sides):
    """The random cases above are only worth something if they reach every branch; one tape that does."""
    seen = set()
    cases = [
        ({}, [10**19] * 6, {}),
        ({"frictions": {"on_slippage": "partial"}}, [10**14] * 6, {"slippage_bps": 100.0}),
        ({}, [10**19, 0, 10**19, 0, 10**19, 10**19], {}),
        ({"frictions": {"latency": {"swaps": 3}}}, [10**19] * 6, {"deadline_s": 1.0}),
        ({"risk": {"filters": [{"name": "cooldown", "seconds": 60.0}]}}, [10**19] * 6, {}),
        ({}, [10**19] * 6, {"slippage_bps": 0.0}),
        ({"capital": {"quote_value": 1e-6, "base_share": 0.0}}, [10**19] * 6, {}),
    ]
    for parts, liquidity, limits in cases:
        frame = make_frame([2500.0, 2510.0, 2530.0, 2520.0, 2600.0, 2590.0], liquidity=liquidity)
        run = replay_both(run_of, frame, sides("BBSBSS", **limits), ReplayConfig.parse(parts, where="test"))
        seen |= set(run.orders.outcome.tolist())
    assert seen == set(Outcome)


def test_swap_step_of_the_reference_is_v3_core():
    """Golden rows of v3-core's SwapMath tests, so that the reference itself stands on something else."""
    ether = 10**18

    def sqrt_ratio(numerator, denominator):
        return math.isqrt(numerator * 2**192 // denominator)

    one = sqrt_ratio(1, 1)
    capped = swap_step(one, 2 * ether, ether, 600, False, sqrt_ratio(101, 100))
    spent = swap_step(one, 2 * ether, ether, 600, False, sqrt_ratio(1000, 100))
    assert capped[1:] == (9975124224178055, 9925619580021728, 5988667735148)
    assert spent[1:] == (999400000000000000, 666399946655997866, 600000000000000)
    assert all(later[0] > one for earlier, later in pairwise([spent, capped]))
