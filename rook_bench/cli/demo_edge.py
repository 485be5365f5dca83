"""`rook-bench demo --edge`: from a pool with an edge to a promoted model, and from one without to none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rook_bench.cli.gate import print_verdict
from rook_bench.cli.tables import print_table
from rook_bench.cli.train import summary
from rook_bench.core import InputError
from rook_bench.core.console import say
from rook_bench.core.files import check_replaceable, whole_folder
from rook_bench.core.shipped import KindName, shipped
from rook_bench.gates import load_policy
from rook_bench.language.base import check_base
from rook_bench.language.runtime import require_train_extra
from rook_bench.market.frame import SwapFrame
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.simulation.worlds import WORLDS
from rook_bench.promotion.verify import verify
from rook_bench.training import load_settings
from rook_bench.trials import TrialLedger
from rook_bench.workbench import fine_tune
from rook_bench.workbench.compare import compare
from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.judge import judge
from rook_bench.workbench.promote import promote

SEED = 101
CAPITAL = 1_000_000


@dataclass(frozen=True)
class Sizes:
    """How much of everything.

    Attributes:
        learned: swaps that are prepared, learned and chosen from.
        later: swaps after those that the model is judged on, by world; 30 days are some 195,000.
        imitation, policy: what both training runs are told.
    """

    learned: int
    later: dict[str, int]
    imitation: dict[str, Any]
    policy: dict[str, Any]


FULL = Sizes(
    learned=50_000,
    later={"planted": 195_000, "edge-free": 20_000},
    imitation={"max_samples": 4000, "num_epochs": 6},
    policy={"max_samples": 4000, "num_epochs": 4},
)
QUICK = Sizes(
    learned=20_000,
    later={"planted": 6_000, "edge-free": 3_000},
    imitation={"max_samples": 400, "num_epochs": 1},
    policy={"max_samples": 600, "num_epochs": 2},
)


def demo_edge(out: Path, *, quick: bool) -> None:
    """Both pools, with everything below `out`: adapters, rewards, verdicts, and a promotion record of its own."""
    check_replaceable(out)
    require_train_extra()
    check_base(load_settings(_shipped("training", "rook-tiny")).model)
    sizes = QUICK if quick else FULL
    with whole_folder(out):
        pass  # empty, and ours: adapters and the record name places in it, so that it can't be moved there at the end
    verdicts = {world: _world(world, sizes, out / world) for world in ("planted", "edge-free")}
    for world, verdict in verdicts.items():
        say(f"{world}: {verdict}; report: {(out / world / 'verdict' / 'report.html').resolve()}")


def _world(world: str, sizes: Sizes, folder: Path) -> str:
    """One pool from its swaps to a verdict, and to a promotion where there is one."""
    config = BenchConfig(capital={"quote_value": CAPITAL})
    rules, policy = _shipped("rules", "data_driven"), load_policy(_shipped("policy", "rook-promotion"))
    frame = simulate(sizes.learned + sizes.later[world], np.random.default_rng(SEED), WORLDS[world])
    learned, later = frame[: sizes.learned], frame[sizes.learned :]
    say(f"== {world} pool ==")
    say(f"1. tape: {_told(learned)} to learn from, {_told(later)} after them to be judged on")
    prepared, trials, models = folder / "prepared", folder / "trials", folder / "models"
    done = fine_tune.prepare(learned, rules, prepared)
    say("2. rules label " + ", ".join(f"{count:,} {name}" for name, count in done.sides.items()))

    say("3. stage 1: rook-tiny learns to imitate them")
    settings = load_settings(_shipped("training", "rook-tiny"))
    imitator, earner = folder / "imitator", folder / "earner"
    stage = fine_tune.train(prepared, imitator, settings, say=_indented, trials=trials, **sizes.imitation)
    _last(summary(stage))

    say("4. rewards: what each action would have earned on the training rows")
    made = fine_tune.reward(prepared, folder / "rewards", config)
    for line in made.describe():
        _indented(line)

    say("5. stage 3: the same adapter learns from them")
    stage = fine_tune.train(
        prepared, earner, settings, stage="rl", rewards=made.folder, parent=imitator, say=_indented, trials=trials,
        **sizes.policy,
    )  # fmt: skip
    _last(summary(stage))

    say("6. on the later swaps, every cost paid")
    named = {"earner": f"lora:{earner}", "imitator": f"lora:{imitator}", "critic": f"tree:{made.folder}"}
    sources = [f"{name}={source}" for name, source in (named | {"rules": f"rules:{rules}"}).items()]
    comparison = compare(later, sources, config, trials=trials)
    print_table(comparison)

    say("7. gate: may the model be promoted over the rules, by the shipped policy?")
    judged = judge(policy, comparison[0], comparison[3], beside=comparison, models=models, trials=trials)
    print_verdict(judged.verdict)
    saved = judged.save(folder / "verdict")
    verdict = judged.verdict.verdict
    if verdict == "PROMOTE":
        entry = promote(saved, models=models, trials=trials, reason="demo")
        problems = verify(models, TrialLedger(trials))
        say(f"8. promoted as number {entry['seq']}; " + ("the record verifies" if not problems else problems[0]))
    else:
        say("8. nothing is promoted")
    return verdict


def _told(frame: SwapFrame) -> str:
    return f"{len(frame):,} swaps ({frame.span_s / 86_400:.1f} days)"


def _indented(line: str) -> None:
    say(f"   {line}")


def _last(lines: list[str]) -> None:
    _indented(lines[0])


def _shipped(kind: KindName, name: str) -> Path:
    found = shipped(kind, name)
    if found is None:
        raise InputError(f"{name}, which comes with rook-bench, is missing", where="demo", hint="install it again")
    return found
