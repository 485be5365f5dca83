"""A simulated tape on which everybody's worth is known: who knows the future how well is ours to say."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rook_bench.core import SIDE_NAMES, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.execution.frictions import Frictions, Gas
from rook_bench.gates.policy import (
    Calibration,
    Degeneracy,
    Evidence,
    PlantedFall,
    Policy,
    Primary,
    Selection,
    Stress,
)
from rook_bench.market.simulation import Simulation
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.simulation.worlds import WORLDS
from rook_bench.market.view import MarketView
from rook_bench.metrics import Analysis, Clock, analyse
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import decision_source
from rook_bench.replay import ReplayConfig, replay_decided
from rook_bench.replay.causality import look_again
from rook_bench.replay.engine import execute
from rook_bench.risk import apply_risk
from rook_bench.sources import Decided, Source
from rook_bench.sources.protocol import DecideTape, WholeTapeSource
from rook_bench.tapecheck.check import check_tape

SWAPS = 4000
"""Rows of a tape, some four days: quiet, so that hundreds of evaluations take minutes."""

QUIET = Simulation(orders_per_block=0.02)
"""The outside price is a martingale: nobody who doesn't know the future can expect to gain."""

EDGE = WORLDS["planted"]
"""Deviations come back here, so that there is something to learn."""

HORIZON_S = 1800
"""What a forecast is about: the move of the price over this time."""

CLOCK = Clock(bucket_s=900)
FREE = ReplayConfig(frictions=Frictions(fee_pips=0, gas=Gas(flat_quote=0.0)))
DEAR = ReplayConfig(frictions=Frictions(gas=Gas(gwei=0.2)))
"""Without any cost chance has nothing to lose, which is where a false promotion is most likely; and
the pool's own fee of 5 bps with gas of some 5 cents."""

WORLD_POLICY = Policy(
    name="selftest",
    primary=Primary(test="superiority"),
    evidence=Evidence(min_days=3, min_fills=30, training_data="known"),
    degeneracy=Degeneracy(max_parse_failure_rate=0.02),
    calibration=Calibration(max_error=0.15, asked_of="all"),
    stress=Stress(cost_factor=1.25),
    planted_fall=PlantedFall(places=4, plugin_places=8),
    selection=Selection(best_of_tries=True),
)
"""Used where no policy is given: every kind of check, with the evidence that these tapes can give."""


def for_the_world(policy: Policy) -> Policy:
    """A user's policy with the demands that no simulated tape of this length can meet taken back to what it has."""
    evidence = policy.evidence.model_copy(
        update={
            "min_days": min(policy.evidence.min_days, WORLD_POLICY.evidence.min_days),
            "min_fills": min(policy.evidence.min_fills, WORLD_POLICY.evidence.min_fills),
        }
    )
    primary = policy.primary
    if primary is not None and WORLD_POLICY.primary is not None:
        primary = primary.model_copy(update={"min_buckets": min(primary.min_buckets, WORLD_POLICY.primary.min_buckets)})
    calibration = policy.calibration
    if calibration is not None:  # planted candidates stand for models
        calibration = calibration.model_copy(update={"asked_of": "all"})
    # Looks are not what is tried here, and how long a planted list takes to answer says nothing.
    stress = policy.stress.model_copy(update={"max_decision_s": None})
    selection = policy.selection.model_copy(update={"max_looks": None})
    # These worlds have a clock and a capital of their own.
    required = policy.assumptions.require.items()
    kept = {name: value for name, value in required if name.split(".")[0] not in ("clock", "capital")}
    return policy.model_copy(
        update={
            "assumptions": policy.assumptions.model_copy(update={"require": kept}),
            "evidence": evidence,
            "primary": primary,
            "calibration": calibration,
            "stress": stress,
            "selection": selection,
        }
    )


class World:
    """One simulated tape with the future in hand.

    Args:
        seed: of the tape.
        swaps: its rows.
        simulation: what happens in it.
        skip: rows of the same pool before it, which are not its own.
    """

    def __init__(self, seed: int, swaps: int = SWAPS, simulation: Simulation = QUIET, skip: int = 0) -> None:
        whole = simulate(skip + swaps, np.random.default_rng([seed, 1]), simulation)
        self.earlier, frame = (whole[:skip] if skip else None), whole[skip:]
        self.seed = seed
        self.move = moves(frame.at, frame.price)
        sides = np.where(self.move > 10e-4, Side.BUY, np.where(self.move < -10e-4, Side.SELL, Side.HOLD))
        count = len(frame)
        labels = {
            "label_side": np.array(SIDE_NAMES, dtype=object)[sides],
            "label_size": np.where(sides == Side.HOLD, 0.0, 0.1),
            "label_slippage_bps": np.full(count, 100.0),
            "label_deadline_s": np.full(count, 300.0),
        }
        self.frame = replace(frame, labels=labels)
        self.tape_check = check_tape(self.frame)
        self._holding: dict[str, Analysis] = {}

    def random_sides(self, rng: np.random.Generator, rate: float) -> NDArray[np.int8]:
        """BUY or SELL with equal chance at a share `rate` of the rows, knowing nothing."""
        draw = rng.random(len(self.frame))
        return np.select([draw < rate / 2, draw < rate], [Side.BUY, Side.SELL], Side.HOLD).astype(np.int8)

    def informed_sides(self, rng: np.random.Generator, rate: float, right: float) -> NDArray[np.int8]:
        """Trades at a share `rate` of the rows, on the side of the coming move with probability `right`."""
        acts = rng.random(len(self.frame)) < rate
        knows = rng.random(len(self.frame)) < right
        up = (self.move > 0) == knows
        return np.where(acts, np.where(up, Side.BUY, Side.SELL), Side.HOLD).astype(np.int8)

    def decisions(self, sides: NDArray[np.int8], size: float = 0.1, confidence: float | None = None) -> DecisionTape:
        """A decision tape of these sides."""
        stated = np.nan if confidence is None else confidence
        return DecisionTape.from_sides(sides, size, slippage_bps=100.0, confidence=stated, reason="planted")

    def evaluate(self, source: Source, config: ReplayConfig) -> Analysis:
        """The whole path, look-ahead check included, as for any candidate."""
        tape = source.ask(self.frame, config.seed)
        run = replay_decided(
            self.frame, Decided(source, tape, "planted", reused=False), config, tape_check=self.tape_check
        )
        return analyse(run, CLOCK)

    def asked_again(self, text: str, config: ReplayConfig) -> Analysis:
        """A plugin of that text, in a file of its own, asked again as a gate does."""
        with tempfile.TemporaryDirectory(prefix="rook-bench-") as folder:
            file = Path(folder) / "planted.py"
            file.write_text(text.replace("FOLDER", repr(folder)), encoding="utf-8")
            analysis = self.evaluate(Source.parse(f"{file}@planted"), config)
            lookahead = look_again(analysis.run, np.random.default_rng(self.seed))
            return replace(analysis, run=replace(analysis.run, lookahead=lookahead))

    def hold(self, config: ReplayConfig) -> Analysis:
        """Keeping the opening balances; measured once."""
        key = config.model_dump_json()
        if key not in self._holding:
            self._holding[key] = self.evaluate(Source.parse("hold"), config)
        return self._holding[key]

    def beyond(self, tape: DecisionTape, like: Analysis) -> NDArray[np.float64]:
        """Net log returns of decisions replayed as `like` was, less its own; unchecked, for trials by the hundred."""
        permitted = apply_risk(like.run.config.risk, MarketView.whole(self.frame), tape)
        _, equity = execute(self.frame, tape, permitted, like.run.config)
        return Sampled(replace(like.run, equity=equity), like.clock).log_returns - like.sampled.log_returns

    def fixed(self, name: str, tape: DecisionTape) -> Source:
        """A source that answers with the beginning of `tape`, whatever it is shown: what it knows is in the tape."""
        return plant(name, lambda view: tape.head(len(view)), content=tape.content_hash)


def plant(name: str, decide: DecideTape | WholeTapeSource, *, content: str, trained_on: object = "nothing") -> Source:
    """A source of its own, registered only while it is made."""
    with decision_source.isolated():

        @decision_source(whole_tape=True, name=name, content=lambda: content, trained_on=trained_on)
        def planted() -> DecideTape | WholeTapeSource:
            """Planted by the self-test."""
            return decide

        return Source.parse(name)


def moves(at: NDArray[np.datetime64], price: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log move of the price from one swap on to HORIZON_S later, by row; shorter where the tape ends."""
    landing = np.minimum(np.arange(len(at)) + 1, len(at) - 1)
    until = at + np.timedelta64(HORIZON_S, "s")
    later = np.maximum(np.searchsorted(at, until, side="right") - 1, landing)
    return np.asarray(np.log(price[later] / price[landing]))
