"""What every plugin has to keep to, whoever wrote it: the check that its author can run."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from endpoint_stand_in import Server

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.dataset.folds import Folds
from rook_bench.market.view import MarketView
from rook_bench.plugins import Registry, decision_source
from rook_bench.sources.saved import write_decisions
from rook_bench.workbench.plugin_check import check_plugin, small_tape

EVERY = [(kind, plugin.name) for kind, registry in Registry.kinds.items() for plugin in registry]
STRATEGIES = sorted((Path(__file__).resolve().parents[2] / "strategies").glob("*.py"))
KIND_OF = {"expected_shortfall": "metric"}


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=lambda value: value)
def test_says_what_it_is(kind, name):
    plugin = Registry.kinds[kind].get(name)
    assert plugin.summary.endswith((".", ")")), "the first line of the docstring is shown in listings"
    assert plugin.spec(**{key: "x" for key, p in plugin.parameters.items() if p.default is p.empty}).sha256


def test_strategies_are_found():
    assert STRATEGIES
    for path in STRATEGIES:
        registry = Registry.kinds[KIND_OF.get(path.stem, "decision_source")]
        assert registry.get(f"{path}@{path.stem}").name == path.stem


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Decisions on the tape that plugins are tried on."""
    path = tmp_path_factory.mktemp("saved") / "decisions.parquet"
    rows = len(small_tape())
    write_decisions(DecisionTape.from_sides(np.ones(rows), 0.0), path, {"data_hash": small_tape().data_hash})
    return path


@pytest.fixture(scope="module")
def two_folds(mini_adapter, tmp_path_factory):
    """Two folds of one adapter, which decide on the first and the second half of that tape."""
    folder, at = tmp_path_factory.mktemp("folds"), small_tape().at
    half, last = len(at) // 2, len(at) - 1
    edges = [(0, half - 1), (half, last)]
    stretches = [
        {"first": first, "last": stop, "first_at": str(at[first]), "last_at": str(at[stop])} for first, stop in edges
    ]
    record = {"scheme": "walk-forward", "source": "", "source_hash": "", "made": "adapters"}
    Folds.parse(record | {"stretches": stretches, "folds": [[0], [1]], "paths": [[0, 1]]}, where="test").save(folder)
    for name in ("fold-1", "fold-2"):
        shutil.copytree(mini_adapter, folder / name)
    return folder


@pytest.mark.parametrize(("kind", "name"), EVERY, ids=lambda value: value)
def test_keeps_the_contract(kind, name, request):
    reference = name
    if (kind, name) in (("decision_source", "lora"), ("decision_source", "base")):
        reference = f"{name}:{request.getfixturevalue('mini_adapter')}"
    if name == "model":
        reference = f"model:{request.getfixturevalue('adopted_base')}"
    if name == "endpoint":
        pytest.importorskip("httpx2", reason="the endpoint extra is not installed")
        request.getfixturevalue("monkeypatch").setenv("no_proxy", "*")
        server = Server()
        request.addfinalizer(server.close)
        reference = f"endpoint:{server.url},model=m"
    if name == "tree":
        reference = f"tree:{request.getfixturevalue('rewards_of_world')('planted').folder}"
    if name == "folds":
        reference = f"folds:{request.getfixturevalue('two_folds')}"
    if name == "recorded":
        reference = f"recorded:{request.getfixturevalue('saved')}"
    report = check_plugin(reference, kind)
    assert report, report.describe()
    names = [check.name for check in report.checks]
    if kind == "decision_source":
        assert ("no look-ahead" in names) == (name not in ("recorded", "labels"))
        assert {"builds", "answers", "leaves what it sees as it was", "same seed, same output"} < set(names)


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_examples_keep_it_too(path):
    report = check_plugin(f"{path}@{path.stem}", KIND_OF.get(path.stem, "decision_source"))
    assert report, report.describe()


def test_on_a_tape_of_ones_own(tape):
    """A tape on which the momentum source trades often."""
    report = check_plugin("momentum:lookback=2,threshold_bps=1", frame=tape[:150], seed=4)
    assert report
    assert "150 swaps" in "\n".join(report.describe())


def test_a_declared_bound_passes_and_says_so():
    assert "declares that it knows the future" in check_plugin("foresight").checks[-1].detail


def test_what_a_view_shows_can_not_be_written():
    view = MarketView.whole(small_tape())
    for name in ("price", "volatility", "avg_price_50", "current_liquidity"):
        with pytest.raises(ValueError, match="read-only"):
            view[name][0] = 1.0


def test_checking_registers_nothing():
    before = [plugin.name for plugin in decision_source]
    check_plugin(lambda view: None)
    assert [plugin.name for plugin in decision_source] == before
