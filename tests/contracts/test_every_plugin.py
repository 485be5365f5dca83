"""What every plugin has to keep to, whoever wrote it: the check that its author can run."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from endpoint_stand_in import Server

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.dataset.folds import Folds
from rook_bench.language.template import load_template
from rook_bench.market.features import ENDLESS, LOOKBACK
from rook_bench.market.view import MarketView
from rook_bench.plugins import Registry, decision_source
from rook_bench.sources import Source
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
    (check,) = [one for one in check_plugin("foresight").checks if one.name == "no look-ahead"]
    assert "declares that it knows the future" in check.detail


def test_what_a_view_shows_can_not_be_written():
    view = MarketView.whole(small_tape())
    for name in ("price", "volatility", "avg_price_50", "current_liquidity"):
        with pytest.raises(ValueError, match="read-only"):
            view[name][0] = 1.0


def test_checking_registers_nothing():
    before = [plugin.name for plugin in decision_source]
    check_plugin(lambda view: None)
    assert [plugin.name for plugin in decision_source] == before


class TestLookback:
    """What a source declares to look back at is what its decisions follow from."""

    @staticmethod
    def told(report):
        return next(check for check in report.checks if check.name == "lookback")

    @pytest.mark.parametrize(
        ("reference", "swaps"),
        [
            ("hold", 0),
            ("always-buy", 0),
            ("momentum", 20),
            ("momentum:lookback=7", 7),
            ("rules", 100),
            ("random:0.2", None),
        ],
    )
    def test_of_sources_that_came_with_the_tool(self, reference, swaps):
        assert Source.parse(reference).lookback == swaps
        said = self.told(check_plugin(reference))
        assert said.passed
        assert ("declares none" in said.detail) == (swaps is None)

    def test_a_prompt_is_of_as_many_as_its_template_shows(self, mini_adapter, root):
        assert Source.parse(f"lora:{mini_adapter}").lookback == 100
        codes = load_template("codes")
        first = next(iter(codes.fields))
        endless = codes.fields[first].model_copy(update={"feature": "total_transactions"})
        assert codes.model_copy(update={"fields": {**codes.fields, first: endless}}).lookback is None

    @pytest.mark.parametrize(("declared", "passes"), [(30, True), (31, True), (29, False), (0, False), (500, True)])
    def test_who_declares_too_little_is_found_out(self, declared, passes):
        with decision_source.isolated():

            @decision_source(whole_tape=True, lookback=declared)
            def average():
                """Buy below the mean of the last 31 prices."""

                def decide(view):
                    price = np.asarray(view["price"])
                    mean = np.array([price[max(0, row - 30) : row + 1].mean() for row in range(len(price))])
                    return DecisionTape.from_sides(np.where(price < mean, 2, 0), 0.1, confidence=mean / 1e5)

                return decide

            said = self.told(check_plugin("average"))
        assert said.passed == passes
        if declared == 500:
            assert "more than the 400" in said.detail
        elif not passes:
            assert f"shown only the {declared} swaps that it declares" in said.detail

    def test_less_than_nothing_is_no_number_of_swaps(self):
        with decision_source.isolated():

            @decision_source(whole_tape=True, lookback=-1)
            def odd():
                """Hold."""
                return lambda view: DecisionTape.from_sides(np.ones(len(view)), 0.0)

            assert not self.told(check_plugin("odd")).passed

    def test_columns_of_the_market_follow_from_that_many_swaps_to_the_bit(self, tape):
        whole, rng = MarketView.whole(tape[:700]), np.random.default_rng(0)
        for row in rng.integers(LOOKBACK, 700, 25).tolist():
            part = MarketView.whole(tape[row - LOOKBACK : row + 1])
            other = [
                name for name in whole.names
                if np.asarray(whole[name])[row].tobytes() != np.asarray(part[name])[-1].tobytes()
            ]  # fmt: skip
            assert set(other) <= ENDLESS
