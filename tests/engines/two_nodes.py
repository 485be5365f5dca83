"""Run in a network of its own (see test_ray.py): a cluster of two nodes on loopback, one of which is killed."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import numpy as np
from engine_jobs import Fails, Squares
from ray.cluster_utils import Cluster

from rook_bench.core import RookError
from rook_bench.engines import Threads
from rook_bench.engines import ray_cluster as engines
from rook_bench.engines.ray_cluster import RayCluster
from rook_bench.market.simulation.simulate import simulate
from rook_bench.sweeps.replays import Decisions, Replays
from rook_bench.sweeps.settings import Settings
from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.running import named


def main(folder: Path) -> dict:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    found: dict = {}
    engine = RayCluster(cluster.address)
    found["engine"] = str(engine)
    squares = dict(engine.results(Squares(np.arange(40.0)), list(range(40))))
    found["squares"] = [squares[place] for place in range(40)] == [float(n) ** 2 for n in range(40)]
    shared = RayCluster(cluster.address, folder)
    squares = dict(shared.results(Squares(np.arange(40.0)), list(range(40))))
    found["shared"] = [squares[place] for place in range(40)] == [float(n) ** 2 for n in range(40)]
    found["left"] = sorted(path.name for path in folder.iterdir())
    try:
        list(engine.results(Fails(), list(range(6))))
    except RookError as error:
        found["error"] = str(error)

    frame = simulate(2_000, np.random.default_rng(5))
    sources = named(["random:0.2"])
    tape = sources[0][1].ask(frame)
    told = Decisions(tape, tape.content_hash, sources[0][1].spec, sources[0][1].content)
    settings = Settings(BenchConfig(), sources)
    asked = [settings.of({"frictions.fee_pips": fee}) for fee in range(0, 8_000, 10)]
    pieces = [asked[start : start + 8] for start in range(0, len(asked), 8)]
    job = Replays(frame, frame.data_hash, (told,))
    here = dict(Threads(1).results(job, pieces))
    done, there = threading.Event(), {}
    said = []
    engines.warn = said.append

    def kill() -> None:
        done.wait(60)
        found["killed_at"] = len(there)
        cluster.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill)
    killer.start()
    started = time.monotonic()
    for place, result in engine.results(job, pieces):
        there[place] = result
        if len(there) == 10:
            done.set()
    found["seconds"] = time.monotonic() - started
    killer.join()
    found["pieces"], found["lost"] = len(there), len(said)
    same = []
    for place in range(len(pieces)):
        for name in vars(here[place]):
            mine, theirs = getattr(here[place], name), getattr(there[place], name)
            same.append(all(np.array_equal(a, b, equal_nan=True) for a, b in zip(mine, theirs, strict=True)) if name == "returns"
                        else mine.tobytes() == theirs.tobytes())  # fmt: skip
    found["same"] = all(same)
    engine._ray.shutdown()
    cluster.shutdown()
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
