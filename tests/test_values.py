"""Every public value can be pickled and copied: to another process, into a notebook's cache, as a checkpoint."""

import copy
import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pydantic import BaseModel

import rook_bench
from rook_bench.core import Decision, Estimate, InputError, Side, UnknownName
from rook_bench.core.exact import ExactInts
from rook_bench.gates import Policy, judge
from rook_bench.gates.check import Check, Power
from rook_bench.market.pool import Token
from rook_bench.market.view import MarketView
from rook_bench.metrics import Clock, analyse
from rook_bench.metrics.clock import Sampled
from rook_bench.plugins import decision_source
from rook_bench.replay import ReplayConfig, replay
from rook_bench.risk import Limits
from rook_bench.sources import Ask, Source
from rook_bench.training import TrainSettings
from rook_bench.workbench.compare import Comparison
from rook_bench.workbench.config import BenchConfig
from rook_bench.workbench.evaluation import Evaluation
from rook_bench.workbench.judge import Judgement
from rook_bench.workbench.plugin_check import check_plugin
from rook_bench.workbench.trials_branch import TrialsBranch

WAYS = [lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy, copy.copy]
NAMES = ["pickled", "deep copy", "copy"]


def same(one, other, path="value"):
    """Equal by content, to any depth."""
    assert type(one) is type(other), path
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype, path
        np.testing.assert_array_equal(one, other, err_msg=path)
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other)
    elif isinstance(one, MarketView):
        for name in one.names:
            same(one[name], other[name], f"{path}[{name}]")
    elif isinstance(one, np.random.Generator):
        assert one.bit_generator.state == other.bit_generator.state, path
    elif isinstance(one, Source):
        assert (one.reference, one.spec, one.content) == (other.reference, other.spec, other.content), path
        assert one.choice.params == other.choice.params, path
    elif isinstance(one, dict):
        assert list(one) == list(other), path
        for key in one:
            same(one[key], other[key], f"{path}[{key}]")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for place, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            same(mine, theirs, f"{path}[{place}]")
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            same(getattr(one, field.name), getattr(other, field.name), f"{path}.{field.name}")
    else:
        assert one == other or (one != one and other != other), path


@pytest.fixture(scope="module")
def values(tape, life, tmp_path_factory):
    """One of each public value, by name."""
    frame = tape[:200]
    run = replay(frame, "random:0.3")
    hold = replay(frame, "hold")
    analysis, other = analyse(run), analyse(hold)
    verdict = judge(Policy(name="test"), analysis, other)
    evaluation = Evaluation.of(analysis)
    values = [
        frame, run, analysis, evaluation, verdict, hold, run.decided, run.decided.tape, run.orders, run.permitted,
        run.lookahead, run.tape_check, run.source, run.source.spec, run.config, run.landed[0], frame.pool,
        frame.pool.base, Comparison((evaluation,), "title"), Judgement(verdict, (evaluation,), {}),
        MarketView.whole(frame), MarketView.whole(frame).head(50), Sampled(run, Clock()), Clock(), Policy(name="x"),
        Decision(Side.BUY, size=0.1), Estimate(0.5, 3, "fraction"), Estimate.undefined("no", n=0, unit="s"),
        ExactInts.of([0, -1, 2**200]), Limits(trades_per_day=3), Side.BUY, TrialsBranch(), BenchConfig(), TrainSettings(),
        Check("name", "pass", "detail", Estimate(0.5, 3, "fraction"), power=Power(0.1, 2.0, 0.8, 0.05)),
        Ask(3, np.random.default_rng(0), "hash"), check_plugin("hold"),
        rook_bench.evaluate_purse([frame], "random:0.3", trials=tmp_path_factory.mktemp("trials")),
        rook_bench.compare_purses([frame], ["random:0.3"], trials=tmp_path_factory.mktemp("trials")),
        rook_bench.sweep(frame, "random:0.3", {"frictions.fee_pips": [0, 500]}, BenchConfig(clock=Clock(bucket_s=60)),
                         split="whole", trials=tmp_path_factory.mktemp("trials")), life.frame(),
        InputError("what", where="where", hint="hint"), UnknownName("kind", "nme", ["name"], where="where"),
    ]  # fmt: skip
    assert values[-3].history is not None
    return values


def test_they_are_all_there(values):
    """Every public class of the door has one of its kind above."""
    classes = {name: value for name in rook_bench.__all__ if isinstance(value := getattr(rook_bench, name), type)}
    abstract = {"WholeTapeSource", "RookError", "ConfigError"}
    made = {type(value) for value in values}
    missing = [name for name, kind in classes.items() if kind not in made and name not in abstract]
    assert missing == []


@pytest.mark.parametrize("way", WAYS, ids=NAMES)
def test_nothing_is_lost(values, way):
    for value in values:
        again = way(value)
        if isinstance(value, Exception):
            assert (str(again), again.where, again.hint) == (str(value), value.where, value.hint)
        elif isinstance(value, BaseModel | Token):
            assert again == value
        else:
            same(value, again, type(value).__name__)


@pytest.mark.parametrize("way", WAYS[:2], ids=NAMES[:2])
def test_what_was_read_only_is_so_again(values, way):
    frame, run = values[0], values[1]
    again = way(run)
    columns = [again.decided.tape.side, again.frame.price, again.orders.cash.limbs, way(frame).liquidity.limbs]
    view = way(MarketView.whole(frame))
    for column in (*columns, view["price"], view["at"]):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = column[1]
    with pytest.raises(AttributeError, match="immutable"):
        way(frame.liquidity).limbs = None


@pytest.mark.parametrize("way", WAYS[:2], ids=NAMES[:2])
def test_a_copy_shares_no_array(values, way):
    frame = values[0]
    assert not np.shares_memory(way(frame).at, frame.at)
    assert not np.shares_memory(way(frame).liquidity.limbs, frame.liquidity.limbs)


def test_hashes_are_computed_again_and_are_the_same(values):
    run = values[1]
    _ = run.frame.data_hash
    again = pickle.loads(pickle.dumps(run))
    assert "data_hash" not in vars(again.frame)
    assert (again.run_hash, again.frame.data_hash) == (run.run_hash, run.frame.data_hash)


def in_another_process(value, code, tmp_path):
    (tmp_path / "value.pickle").write_bytes(pickle.dumps(value))
    text = f"import pickle\nvalue = pickle.load(open({str(tmp_path / 'value.pickle')!r}, 'rb'))\n{code}"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_run_of_a_built_in_source_goes_on_in_another_process(values, tmp_path):
    run = values[1]
    code = (
        "from rook_bench.replay import replay\n"
        "again = replay(value.frame, value.source, value.config, fresh=True)\n"
        "print(value.run_hash, again.run_hash, again.lookahead.status, value.orders.filled.sum())"
    )
    expected = [run.run_hash, run.run_hash, "clean", str(run.orders.filled.sum())]
    assert in_another_process(run, code, tmp_path) == expected


def test_a_source_in_a_file_of_ones_own_is_found_by_its_reference(short_tape, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from rook_bench import Decision, Side, decision_source\n\n@decision_source\ndef mine(size: float = 0.1):\n"
        "    '''.'''\n    return lambda view: Decision(Side.BUY, size=size)\n"
    )
    source = Source.parse(f"{path}@mine:size=0.25")
    code = "from rook_bench import simulate\nimport numpy as np\nprint(value.ask(simulate(9, np.random.default_rng(0))).size.max())"
    assert in_another_process(source, code, tmp_path) == ["0.25"]


def test_parameters_keep_their_type(short_tape):
    source = Source.of(decision_source.get("momentum").factory)  # a bare function: no factory of the registry's
    assert source.spec.in_memory
    from rook_bench.sources.momentum import momentum

    source = Source.of(momentum(lookback=3))
    again = pickle.loads(pickle.dumps(source))
    assert again.spec.params == source.spec.params
    assert again.choice.params == {"lookback": 3}
    assert again.ask(short_tape).to_bytes() == source.ask(short_tape).to_bytes()


def test_a_function_stays_behind(short_tape, tmp_path):
    source = Source.of(lambda view: Decision.hold())
    assert copy.deepcopy(source).ask(short_tape[:5]).counts()["HOLD"] == 5
    again = pickle.loads(pickle.dumps(source))
    assert (again.reference, again.spec, again.content) == (source.reference, source.spec, source.content)
    with pytest.raises(InputError, match="can't be made again: it was defined in a notebook or a script"):
        again.ask(short_tape[:5])


def test_a_copied_source_is_built_anew():
    source = Source.parse("momentum")
    assert source.built is source.built
    for way in WAYS:
        assert way(source).built is not source.built


def test_configurations_compare(values):
    for config in (ReplayConfig(), BenchConfig(), Clock(bucket_s=60)):
        for way in WAYS:
            assert way(config) == config
