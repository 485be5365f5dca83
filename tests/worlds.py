"""Prepared folders of worlds whose answer is known: made once, and kept between test runs."""

import numpy as np
from kept import kept_folder

from rook_bench.core.hashing import sha256_code
from rook_bench.dataset.fit_rules import rules_of
from rook_bench.dataset.prepare import prepare
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.simulation.worlds import WORLDS
from rook_bench.replay import ReplayConfig

SWAPS = {"planted": 20_000, "edge-free": 20_000}
RICH = ReplayConfig.parse({"capital": {"quote_value": 1e6}}, where="test")


def world(name):
    """A prepared folder of that world."""

    def make(folder):
        frame = simulate(SWAPS[name], np.random.default_rng(11), WORLDS[name])
        prepare(frame, rules_of("data_driven", None), folder)

    return kept_folder(name, make, swaps=SWAPS[name], simulation=sha256_code("market", "dataset"))
