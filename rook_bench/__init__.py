"""ROOK Bench: an evaluation-first workbench for language models that trade.

    import rook_bench as rook

    tape = rook.read_swaps("pool.parquet")
    print(rook.check_tape(tape))
    both = rook.compare(tape, ["lora:models/adapters/x", "rules:strategies/data_driven.json"])
    verdict = rook.judge("strategies/gate.toml", both[0], both[1])

Names are imported when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    # what one does, in the order of the flow
    "read_swaps": "rook_bench.ingest.read",
    "check_tape": "rook_bench.tapecheck.check",
    "part_of": "rook_bench.workbench.rows",
    "with_reference": "rook_bench.market.reference",
    "simulate": "rook_bench.market.simulation.simulate",
    "prepare": "rook_bench.workbench.fine_tune",
    "prepare_folds": "rook_bench.workbench.fine_tune_folds",
    "reward": "rook_bench.workbench.fine_tune",
    "reward_folds": "rook_bench.workbench.fine_tune_folds",
    "teach": "rook_bench.workbench.fine_tune",
    "train": "rook_bench.workbench.fine_tune",
    "train_folds": "rook_bench.workbench.fine_tune_folds",
    "train_on": "rook_bench.remote.train",
    "adopt": "rook_bench.workbench.adopt",
    "evaluate": "rook_bench.workbench.compare",
    "evaluate_purse": "rook_bench.workbench.purse",
    "compare_purses": "rook_bench.workbench.purse",
    "study_sharing": "rook_bench.workbench.sharing",
    "compare": "rook_bench.workbench.compare",
    "sweep": "rook_bench.sweeps.sweep",
    "judge": "rook_bench.workbench.judge",
    "judge_pools": "rook_bench.workbench.judge_pools",
    "promote": "rook_bench.workbench.promote",
    "track": "rook_bench.workbench.track",
    "push": "rook_bench.workbench.push",
    "load_run": "rook_bench.workbench.evaluation",
    "load_comparison": "rook_bench.workbench.compare",
    "check_plugin": "rook_bench.workbench.plugin_check",
    # the nouns
    "SwapFrame": "rook_bench.market.frame",
    "Pool": "rook_bench.market.pool",
    "Token": "rook_bench.market.pool",
    "TapeCheck": "rook_bench.tapecheck.check",
    "MarketView": "rook_bench.market.view",
    "Side": "rook_bench.core.decision",
    "Decision": "rook_bench.core.decision",
    "DecisionTape": "rook_bench.core.decision_tape",
    "Source": "rook_bench.sources.source",
    "Ask": "rook_bench.sources.protocol",
    "WholeTapeSource": "rook_bench.sources.protocol",
    "Limits": "rook_bench.risk.limits",
    "Run": "rook_bench.replay.run",
    "Clock": "rook_bench.metrics.clock",
    "Sampled": "rook_bench.metrics.clock",
    "Estimate": "rook_bench.core.estimate",
    "Evaluation": "rook_bench.workbench.evaluation",
    "Comparison": "rook_bench.workbench.compare",
    "PurseComparison": "rook_bench.workbench.purse",
    "PurseEvaluation": "rook_bench.workbench.purse",
    "Sweep": "rook_bench.sweeps.sweep",
    "Policy": "rook_bench.gates.policy",
    "Check": "rook_bench.gates.check",
    "Verdict": "rook_bench.gates.verdict",
    "Judgement": "rook_bench.workbench.judge",
    "TrialsBranch": "rook_bench.workbench.trials_branch",
    "PluginReport": "rook_bench.workbench.plugin_check",
    "BenchConfig": "rook_bench.workbench.config",
    "TrainSettings": "rook_bench.training.settings",
    "RookError": "rook_bench.core.errors",
    "InputError": "rook_bench.core.errors",
    "ConfigError": "rook_bench.core.errors",
    "UnknownName": "rook_bench.core.errors",
    # what a plugin registers with
    "decision_source": "rook_bench.plugins",
    "sizer": "rook_bench.plugins",
    "risk_filter": "rook_bench.plugins",
    "importer": "rook_bench.plugins",
    "metric": "rook_bench.plugins",
    "gate_check": "rook_bench.plugins",
}
"""Where each public name is written."""

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("rook-bench")
    if name not in _HOME:
        from difflib import get_close_matches

        near = [] if name.startswith("_") else get_close_matches(name, _HOME, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise AttributeError(f"module 'rook_bench' has no attribute '{name}'{hint}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:  # the same names for type checkers and editors, which don't run __getattr__
    from rook_bench.core.decision import Decision as Decision
    from rook_bench.core.decision import Side as Side
    from rook_bench.core.decision_tape import DecisionTape as DecisionTape
    from rook_bench.core.errors import ConfigError as ConfigError
    from rook_bench.core.errors import InputError as InputError
    from rook_bench.core.errors import RookError as RookError
    from rook_bench.core.errors import UnknownName as UnknownName
    from rook_bench.core.estimate import Estimate as Estimate
    from rook_bench.gates.check import Check as Check
    from rook_bench.gates.policy import Policy as Policy
    from rook_bench.gates.verdict import Verdict as Verdict
    from rook_bench.ingest.read import read_swaps as read_swaps
    from rook_bench.market.frame import SwapFrame as SwapFrame
    from rook_bench.market.pool import Pool as Pool
    from rook_bench.market.pool import Token as Token
    from rook_bench.market.reference import with_reference as with_reference
    from rook_bench.market.simulation.simulate import simulate as simulate
    from rook_bench.market.view import MarketView as MarketView
    from rook_bench.metrics.clock import Clock as Clock
    from rook_bench.metrics.clock import Sampled as Sampled
    from rook_bench.plugins import decision_source as decision_source
    from rook_bench.plugins import gate_check as gate_check
    from rook_bench.plugins import importer as importer
    from rook_bench.plugins import metric as metric
    from rook_bench.plugins import risk_filter as risk_filter
    from rook_bench.plugins import sizer as sizer
    from rook_bench.remote.train import train_on as train_on
    from rook_bench.replay.run import Run as Run
    from rook_bench.risk.limits import Limits as Limits
    from rook_bench.sources.protocol import Ask as Ask
    from rook_bench.sources.protocol import WholeTapeSource as WholeTapeSource
    from rook_bench.sources.source import Source as Source
    from rook_bench.sweeps.sweep import Sweep as Sweep
    from rook_bench.sweeps.sweep import sweep as sweep
    from rook_bench.tapecheck.check import TapeCheck as TapeCheck
    from rook_bench.tapecheck.check import check_tape as check_tape
    from rook_bench.training.settings import TrainSettings as TrainSettings
    from rook_bench.workbench.adopt import adopt as adopt
    from rook_bench.workbench.compare import Comparison as Comparison
    from rook_bench.workbench.compare import compare as compare
    from rook_bench.workbench.compare import evaluate as evaluate
    from rook_bench.workbench.compare import load_comparison as load_comparison
    from rook_bench.workbench.config import BenchConfig as BenchConfig
    from rook_bench.workbench.evaluation import Evaluation as Evaluation
    from rook_bench.workbench.evaluation import load_run as load_run
    from rook_bench.workbench.fine_tune import prepare as prepare
    from rook_bench.workbench.fine_tune import reward as reward
    from rook_bench.workbench.fine_tune import teach as teach
    from rook_bench.workbench.fine_tune import train as train
    from rook_bench.workbench.fine_tune_folds import prepare_folds as prepare_folds
    from rook_bench.workbench.fine_tune_folds import reward_folds as reward_folds
    from rook_bench.workbench.fine_tune_folds import train_folds as train_folds
    from rook_bench.workbench.judge import Judgement as Judgement
    from rook_bench.workbench.judge import judge as judge
    from rook_bench.workbench.judge_pools import judge_pools as judge_pools
    from rook_bench.workbench.plugin_check import PluginReport as PluginReport
    from rook_bench.workbench.plugin_check import check_plugin as check_plugin
    from rook_bench.workbench.promote import promote as promote
    from rook_bench.workbench.purse import PurseComparison as PurseComparison
    from rook_bench.workbench.purse import PurseEvaluation as PurseEvaluation
    from rook_bench.workbench.purse import compare_purses as compare_purses
    from rook_bench.workbench.purse import evaluate_purse as evaluate_purse
    from rook_bench.workbench.push import push as push
    from rook_bench.workbench.rows import part_of as part_of
    from rook_bench.workbench.sharing import study_sharing as study_sharing
    from rook_bench.workbench.track import track as track
    from rook_bench.workbench.trials_branch import TrialsBranch as TrialsBranch

    __version__: str
