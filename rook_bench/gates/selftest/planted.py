"""The planted candidates: what each is, and what a gate must not say of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import Side
from rook_bench.core.decision_tape import UNPARSED, DecisionTape
from rook_bench.gates.selftest.candidate import RATE, Attempt, Planted, ShowsLater, against
from rook_bench.gates.selftest.learned import learned_drift, learned_edge, learned_from_test, reward_in_prompt
from rook_bench.gates.selftest.world import DEAR, FREE, World, plant
from rook_bench.gates.tries import Tries
from rook_bench.market.view import MarketView
from rook_bench.risk import RiskConfig
from rook_bench.sources import Source

TRIALS = 100
"""Candidates without edge of which the overfitted one is the best."""


PROMOTE = ("PROMOTE",)


def no_edge(world: World, rng: np.random.Generator) -> Attempt:
    """Chance, where trading is free."""
    return against(world, world.fixed("no-edge", world.decisions(world.random_sides(rng, RATE))), FREE)


def no_edge_at_cost(world: World, rng: np.random.Generator) -> Attempt:
    """Chance, with the pool's fee and gas."""
    return against(world, world.fixed("no-edge", world.decisions(world.random_sides(rng, RATE))), DEAR)


def better(world: World, rng: np.random.Generator) -> Attempt:
    """A true edge after costs."""
    return against(world, world.fixed("better", world.decisions(world.informed_sides(rng, RATE, 0.9))), DEAR)


def slightly_better(world: World, rng: np.random.Generator) -> Attempt:
    """An edge that costs nearly eat up: true, and small against what a few days can show."""
    return against(world, world.fixed("slightly-better", world.decisions(world.informed_sides(rng, RATE, 0.68))), DEAR)


def after_failures(world: World, rng: np.random.Generator) -> Attempt:
    """A true edge, found after ten tries that bled costs: these say nothing of luck."""
    champion = world.hold(DEAR)
    bled = (world.beyond(world.decisions(world.random_sides(rng, RATE)), champion) for _ in range(10))
    source = world.fixed("after-failures", world.decisions(world.informed_sides(rng, RATE, 0.9)))
    return against(world, source, DEAR, others=tuple(bled))


def always_buy(world: World, rng: np.random.Generator) -> Attempt:
    """One answer, whatever it is shown."""
    del rng
    return against(world, Source.parse("always-buy"), DEAR)


def copy_of_champion(world: World, rng: np.random.Generator) -> Attempt:
    """The champion's own decisions under another name."""
    tape = world.decisions(world.informed_sides(rng, RATE, 0.8))
    return against(world, world.fixed("copy", tape), DEAR, world.fixed("champion", tape))


def slightly_worse(world: World, rng: np.random.Generator) -> Attempt:
    """An informed champion whose every eighth trade was replaced by chance."""
    sides = world.informed_sides(rng, RATE, 0.8)
    chance = np.where(rng.random(len(sides)) < 0.5, Side.BUY, Side.SELL)
    spoilt = np.where((sides != Side.HOLD) & (rng.random(len(sides)) < 0.125), chance, sides).astype(np.int8)
    champion = world.fixed("champion", world.decisions(sides))
    return against(world, world.fixed("slightly-worse", world.decisions(spoilt)), DEAR, champion)


def leaky_feature(world: World, rng: np.random.Generator) -> Attempt:
    """Sees the next price."""
    del rng

    def decide(view: MarketView) -> DecisionTape:
        price = view["price"]
        rises = np.append(price[1:] > price[:-1], False)
        return DecisionTape.from_sides(np.where(rises, Side.BUY, Side.SELL).astype(np.int8), 0.1)

    return against(world, plant("leaky-feature", decide, content="feature"), DEAR)


def leaky_scaler(world: World, rng: np.random.Generator) -> Attempt:
    """An honest feature, scaled by the mean and deviation of the whole tape, its future included."""
    del rng

    def decide(view: MarketView) -> DecisionTape:
        price = view["price"]
        scaled = (price - price.mean()) / max(float(price.std()), 1e-12)
        sides = np.where(scaled < -1, Side.BUY, np.where(scaled > 1, Side.SELL, Side.HOLD))
        return DecisionTape.from_sides(sides.astype(np.int8), 0.1)

    return against(world, plant("leaky-scaler", decide, content="scaler"), DEAR)


def leaky_prompt(world: World, rng: np.random.Generator) -> Attempt:
    """A prompt that shows the price ten swaps on; the decisions happen not to depend on it where it is tried."""
    tape = world.decisions(world.informed_sides(rng, RATE, 0.9))
    return against(world, plant("leaky-prompt", ShowsLater(tape), content="prompt"), DEAR)


def cost_blind(world: World, rng: np.random.Generator) -> Attempt:
    """Right a little more often than not: a gain before costs, a loss after them."""
    return against(world, world.fixed("cost-blind", world.decisions(world.informed_sides(rng, RATE, 0.56))), DEAR)


def overfitted(world: World, rng: np.random.Generator) -> Attempt:
    """The best of TRIALS candidates without edge on this very tape, where trading is free."""
    returns: list[NDArray[np.float64]] = []
    best, highest = None, -np.inf
    champion = world.hold(FREE)
    for _ in range(TRIALS):
        tape = world.decisions(world.random_sides(rng, RATE))
        gained = world.beyond(tape, champion)
        returns.append(gained)
        if gained.sum() > highest:
            best, highest = tape, float(gained.sum())
    others = sorted(returns, key=lambda row: float(row.sum()))[:-1]
    assert best is not None
    return against(world, world.fixed("overfitted", best), FREE, others=tuple(others))


def uncalibrated(world: World, rng: np.random.Generator) -> Attempt:
    """A true edge, and a confidence of 0.99 in every answer, most of which are not the label."""
    sides = world.informed_sides(rng, RATE, 0.9)
    return against(world, world.fixed("uncalibrated", world.decisions(sides, confidence=0.99)), DEAR)


def unparsable(world: World, rng: np.random.Generator) -> Attempt:
    """A true edge, and every tenth answer is gibberish."""
    tape = world.decisions(world.informed_sides(rng, RATE, 0.9))
    lost = rng.random(len(tape)) < 0.1
    side = np.where(lost, UNPARSED, tape.side).astype(np.int8)
    gibberish = replace(tape, side=side, size=np.where(lost, 0.0, tape.size))
    return against(world, world.fixed("unparsable", gibberish), DEAR)


def sees_labels(world: World, rng: np.random.Generator) -> Attempt:
    """The tape's own labels, made with hindsight."""
    del rng
    return against(world, Source.parse("labels"), DEAR)


KEEPS = """
import numpy as np
from pathlib import Path
from rook_bench import decision_source
from rook_bench.core.decision_tape import DecisionTape

@decision_source(whole_tape=True, trained_on="nothing")
def planted():
    def decide(view):
        price = np.array(view["price"])
        known = kept()
        if known is None:
            keep(price)
            known = price
        known = known if len(known) >= len(price) else price
        rises = np.append(known[1:] > known[:-1], False)[: len(price)]
        return DecisionTape.from_sides(np.where(rises, 0, 2), 0.1)
    return decide
"""


def remembers(world: World, rng: np.random.Generator) -> Attempt:
    """Keeps the tape in a module that it imports, and answers from there."""
    del rng
    text = "import json\ndef keep(price): json.planted = price\ndef kept(): return getattr(json, 'planted', None)\n"
    return Attempt(world.asked_again(text + KEEPS, DEAR), world.hold(DEAR), Tries("", 1, 1))


def writes_aside(world: World, rng: np.random.Generator) -> Attempt:
    """Keeps the tape in a file, and answers from there."""
    del rng
    text = (
        "import numpy as np\nfrom pathlib import Path\nFILE = Path(FOLDER) / 'p.npy'\n"
        "def keep(price): np.save(FILE, price)\ndef kept(): return np.load(FILE) if FILE.exists() else None\n"
    )
    return Attempt(world.asked_again(text + KEEPS, DEAR), world.hold(DEAR), Tries("", 1, 1))


def memoriser(world: World, rng: np.random.Generator) -> Attempt:
    """A true edge, learned from these very swaps."""
    tape = world.decisions(world.informed_sides(rng, RATE, 0.9))
    source = plant("memoriser", lambda view: tape.head(len(view)), content="memory", trained_on=world.frame)
    return against(world, source, DEAR)


def silencing(world: World, rng: np.random.Generator) -> Attempt:
    """Chance against a champion with an edge, under a filter that refuses all that the champion wishes."""
    config = DEAR.model_copy(update={"risk": RiskConfig(filters=("confidence_threshold:0.6",))})
    mine = world.decisions(world.random_sides(rng, RATE), confidence=0.65)
    theirs = world.decisions(world.informed_sides(rng, RATE, 0.8), confidence=0.55)
    return against(world, world.fixed("silencing", mine), config, world.fixed("champion", theirs))


def later_deadline(world: World, rng: np.random.Generator) -> Attempt:
    """The champion's decisions, each with a deadline that is a second later."""
    tape = world.decisions(world.informed_sides(rng, RATE, 0.8))
    copy = replace(tape, deadline_s=tape.deadline_s + 1)
    return against(world, world.fixed("later-deadline", copy), DEAR, world.fixed("champion", tape))


def best_of_hours(world: World, rng: np.random.Generator) -> Attempt:
    """The best of 24 settings of one candidate without edge: the hour of the day from which it trades for eight."""
    sides = world.random_sides(rng, RATE)
    hours = (world.frame.at - world.frame.at.astype("datetime64[D]")) // np.timedelta64(1, "h")
    champion, tries = world.hold(FREE), []
    for first in range(24):
        tape = world.decisions(np.where((hours - first) % 24 < 8, sides, Side.HOLD).astype(np.int8))
        tries.append((tape, world.beyond(tape, champion)))
    best = max(range(24), key=lambda one: float(tries[one][1].sum()))
    others = tuple(series for number, (_, series) in enumerate(tries) if number != best)
    return against(world, world.fixed("best-of-hours", tries[best][0]), FREE, others=others)


def holds_long(world: World, rng: np.random.Generator) -> Attempt:
    """Chance that goes all in and all out, and stays for eight hours, where trading is free."""
    sides = np.full(len(world.frame), Side.HOLD, dtype=np.int8)
    hours = (world.frame.at - world.frame.at[0]) / np.timedelta64(1, "h")
    turns = np.cumsum(rng.exponential(8.0, 200))
    for number, row in enumerate(np.searchsorted(hours, turns[turns < hours[-1]])):
        sides[row : row + 20] = Side.BUY if number % 2 else Side.SELL
    return against(world, world.fixed("holds-long", world.decisions(sides, 0.9)), FREE)


def dip_buyer(world: World, rng: np.random.Generator) -> Attempt:
    """Buys what has fallen and sells what has risen, where trading is free: no edge, and a fall finds it all in."""
    depth = float(rng.uniform(0.001, 0.004))

    def decide(view: MarketView) -> DecisionTape:
        price = view["price"]
        total = np.cumsum(np.insert(price, 0, 0.0))
        rows = np.arange(len(price))
        first = np.maximum(rows - 200, 0)
        away = price / ((total[rows + 1] - total[first]) / (rows + 1 - first)) - 1
        sides = np.select([away < -depth, away > depth], [Side.BUY, Side.SELL], Side.HOLD)
        return DecisionTape.from_sides(sides.astype(np.int8), 0.2, slippage_bps=300.0)

    return against(world, plant("dip-buyer", decide, content=f"dip {depth}"), FREE)


NOT_JUDGED = ("PROMOTE", "BLOCK", "INCONCLUSIVE")

PLANTED = (
    Planted("no-edge", "chance, where trading is free", PROMOTE, 1.0, no_edge),
    Planted("no-edge-at-cost", "chance, with fee and gas", PROMOTE, 0.1, no_edge_at_cost),
    Planted("cost-blind", "a gain before costs, a loss after", PROMOTE, 0.1, cost_blind),
    Planted("slightly-worse", "the champion with every eighth trade by chance", PROMOTE, 0.1, slightly_worse),
    Planted("overfitted", f"the best of {TRIALS} without edge on this tape", PROMOTE, 0.1, overfitted),
    Planted("always-buy", "one answer whatever it sees", PROMOTE, 0.05, always_buy),
    Planted("copy", "the champion under another name", ("PROMOTE", "BLOCK", "INCONCLUSIVE"), 0.05, copy_of_champion),
    Planted("leaky-feature", "sees the next price", ("PROMOTE", "BLOCK", "INCONCLUSIVE"), 0.05, leaky_feature),
    Planted("leaky-scaler", "scaled by the whole tape", ("PROMOTE", "BLOCK", "INCONCLUSIVE"), 0.05, leaky_scaler),
    Planted("leaky-prompt", "the prompt shows the future", ("PROMOTE", "BLOCK", "INCONCLUSIVE"), 0.05, leaky_prompt),
    Planted("labels", "the tape's own labels, made with hindsight", PROMOTE, 0.05, sees_labels),
    Planted("remembers", "keeps the tape in a module", ("PROMOTE", "BLOCK"), 0.05, remembers),
    Planted("writes-aside", "keeps the tape in a file", PROMOTE, 0.05, writes_aside),
    Planted("memoriser", "learned from these very swaps", NOT_JUDGED, 0.05, memoriser),
    Planted("silencing", "a filter refuses the champion's wishes", NOT_JUDGED, 0.05, silencing),
    Planted("later-deadline", "the champion, a second later", NOT_JUDGED, 0.05, later_deadline),
    Planted("best-of-hours", "the best of 24 settings without edge", PROMOTE, 0.1, best_of_hours),
    Planted("holds-long", "chance that stays for hours, free", PROMOTE, 0.2, holds_long),
    Planted("dip-buyer", "buys dips: no edge, all in when it falls", PROMOTE, 0.2, dip_buyer),
    Planted("uncalibrated", "a true edge, confidence 0.99 in all", PROMOTE, 0.05, uncalibrated),
    Planted("unparsable", "a true edge, a tenth gibberish", PROMOTE, 0.05, unparsable),
    Planted("slightly-better", "a true edge, small for so short a tape", ("BLOCK", "INVALID"), 0.1, slightly_better),
    Planted("after-failures", "a true edge, after ten bad tries", ("BLOCK", "INVALID"), 0.05, after_failures),
    Planted("better", "a true edge after costs", ("BLOCK", "INVALID"), 0.1, better),
    Planted("reward-in-prompt", "the prompt shows what a buy earns", NOT_JUDGED, 0.05, reward_in_prompt),
    Planted("learned-from-test", "remembers what these rows earned", NOT_JUDGED, 0.05, learned_from_test),
    Planted("learned-drift", "one side nine times in ten, free", PROMOTE, 0.1, learned_drift),
    Planted("learned-edge", "how far deviations come back, learned", ("BLOCK", "INVALID"), 0.02, learned_edge),
)
"""In the order of the table. To block the better ones is an error; how often they pass is the gate's power."""
