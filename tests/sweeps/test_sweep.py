"""A sweep gives what single runs give, to the bit, on every engine; all of it is on record, and interrupted it goes on."""

import json
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest

from rook_bench import BenchConfig, evaluate, prepare, sweep
from rook_bench.core import ConfigError, InputError, Side, UnknownName
from rook_bench.core.cache_folder import cache_folder
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.dataset.split_tapes import split_tape, with_past
from rook_bench.engines import Threads
from rook_bench.engines.processes import Processes
from rook_bench.market.simulation.simulate import simulate
from rook_bench.replay import replay_decided
from rook_bench.sources import Source, decide
from rook_bench.sweeps import sweep as module
from rook_bench.sweeps import work
from rook_bench.sweeps.replays import Measured, Replays
from rook_bench.sweeps.shelf import Shelf
from rook_bench.trials import TrialLedger

CONFIG = {"clock": {"bucket_s": 60}}
VARY = {"frictions.fee_pips": [100, 500, 3000], "risk.max_order_fraction": "0.05:0.2:0.05"}
METRICS = ("total_return", "excess_return", "sharpe_ratio", "sharpe_ratio_excess", "max_drawdown")


@pytest.fixture(scope="module")
def swaps():
    return simulate(6000, np.random.default_rng(4))


@pytest.fixture(scope="module")
def config():
    return BenchConfig.parse(CONFIG, where="test")


@pytest.fixture(scope="module")
def found(swaps, config, tmp_path_factory):
    return sweep(swaps, "momentum", VARY, config, split="whole", trials=tmp_path_factory.mktemp("trials"))


def same(one: Measured, other: Measured) -> bool:
    """Whether two sweeps gave the same bytes."""
    for each in fields(Measured):
        mine, theirs = getattr(one, each.name), getattr(other, each.name)
        pairs = zip(mine, theirs, strict=True) if each.name == "returns" else [(mine, theirs)]
        if not all(a.tobytes() == b.tobytes() for a, b in pairs):
            return False
    return True


def peeking():
    """Buys before the price rises."""

    def decide(view):
        price = view["price"]
        later = np.append(price[100:], np.full(min(100, len(price)), price[-1]))[: len(price)]
        return DecisionTape.from_sides(np.where(later > price, Side.BUY, Side.SELL), 0.9)

    return decide


class TestPoints:
    def test_are_the_grid_the_last_axis_fastest(self, found):
        assert len(found) == 12
        table = found.table()
        assert table["frictions.fee_pips"].tolist() == [100] * 4 + [500] * 4 + [3000] * 4
        assert table["risk.max_order_fraction"].tolist() == [0.05, 0.1, 0.15, 0.2] * 3
        assert table["fills"].gt(0).all()

    @pytest.mark.parametrize("place", [0, 5, 11])
    def test_give_what_a_run_of_their_own_gives(self, found, swaps, config, place, tmp_path):
        point = found.points[place]
        alone = config.model_copy(
            update={
                "frictions": config.frictions.model_copy(update={"fee_pips": point["frictions.fee_pips"]}),
                "risk": config.risk.model_copy(update={"max_order_fraction": point["risk.max_order_fraction"]}),
            }
        )
        run = evaluate(swaps, "momentum", alone, trials=tmp_path)
        for name in METRICS:
            assert run.estimates[name].value == getattr(found.measured, name)[place], name
        assert run.run.run_hash == found.measured.run_hash[place]
        np.testing.assert_array_equal(run.sampled.log_returns, found.measured.returns[place])
        assert int(run.run.orders.filled.sum()) == found.measured.fills[place]

    def test_every_kind_of_parameter_gives_its_own_runs_numbers(self, swaps, tmp_path):
        """Sizing, filters, limits (one that looks at every row), latency, ordering, capital, clock, mev and the source's own."""
        axes = {
            "risk.sizer": ["fixed:0.1", "decision"],
            "risk.drawdown_stop": [0.001, 0.5],
            "frictions.latency.seconds": [0, 24],
            "frictions.mev": ["none", "typical"],
            "capital.base_share": [0.2],
            "clock.bucket_s": [60, 300],
            "source.lookback": [5, 40],
        }
        found = sweep(swaps, "momentum", axes, split="whole", trials=tmp_path / "a", by="total_return")
        assert len(found) == 64
        rng = np.random.default_rng(0)
        for place in rng.choice(64, size=5, replace=False).tolist():
            settings = module.Settings(module.settings_of(None), module.named(["momentum"]))
            asked = settings.of(found.points[place])
            run = evaluate(swaps, settings.sources[asked.source][1], asked.config, trials=tmp_path / "b")
            for name in METRICS:
                value, swept = run.estimates[name].value, float(getattr(found.measured, name)[place])
                assert value == swept or (value is None and np.isnan(swept)), (place, name)

    @pytest.mark.parametrize("engine", [Threads(1), Threads(3), Processes(2)], ids=["here", "threads", "processes"])
    def test_are_the_same_bytes_on_every_engine(self, found, swaps, config, engine, tmp_path):
        again = sweep(swaps, "momentum", VARY, config, split="whole", engine=engine, trials=tmp_path)
        assert same(found.measured, again.measured)
        assert again.points == found.points

    def test_may_be_drawn(self, swaps, config, tmp_path):
        pytest.importorskip("optuna")
        axes = {
            "frictions.fee_pips": "0:3000",
            "risk.max_order_fraction": "0.01:0.3",
            "risk.sizer": ["fixed:0.1", "decision"],
        }
        one, other = (
            sweep(swaps, "momentum", axes, config, split="whole", points=24, engine=engine, trials=tmp_path)
            for engine in (Threads(1), Threads(2))
        )
        assert one.points == other.points
        assert same(one.measured, other.measured)
        fees = [point["frictions.fee_pips"] for point in one.points]
        assert all(isinstance(fee, int) and 0 <= fee <= 3000 for fee in fees)
        # It looks where it was good: fees of the second half are lower.
        assert np.mean(fees[16:]) < np.mean(fees[:16])
        with pytest.raises(InputError, match="drawn"):
            one.plot()


class TestTheBest:
    def test_is_replayed_in_full(self, found):
        assert found.best == int(np.nanargmax(found.measured.sharpe_ratio_excess))
        assert found.evaluation.run.run_hash == found.measured.run_hash[found.best]
        assert found.evaluation.run.lookahead.status == "clean"

    def test_comes_with_what_so_many_tries_show_by_luck(self, found):
        assert found.luck.deflated.value is not None
        assert 1 <= found.luck.tries <= 12
        assert found.luck.overfitting.value is not None

    def test_is_never_one_that_sees_the_future(self, swaps, config, registered, tmp_path, caplog):
        sources = ["momentum", "hold", registered(peeking, whole_tape=True)]
        both = sweep(swaps, sources, {"frictions.fee_pips": [0]}, config, split="whole", trials=tmp_path)
        assert both.names[both.best] == "momentum"
        assert both.measured.total_return[2] > both.measured.total_return[0]
        assert both.lookahead["peeking"].status == "leak"
        assert "LOOK-AHEAD" in caplog.text

    def test_may_be_none(self, swaps, config, tmp_path):
        none = sweep(swaps, "hold", {"frictions.fee_pips": [0, 1]}, config, split="whole", trials=tmp_path)
        assert none.best is None
        assert none.evaluation is None
        assert none.luck is None
        assert np.isnan(none.measured.sharpe_ratio_excess).all()
        none.save(tmp_path / "out")
        assert json.loads((tmp_path / "out" / "sweep.json").read_text())["best"] is None

    def test_smallest_drawdown_is_best(self, swaps, config, tmp_path):
        one = sweep(swaps, "momentum", VARY, config, split="whole", by="max_drawdown", trials=tmp_path)
        assert one.measured.max_drawdown[one.best] == one.measured.max_drawdown.min()

    def test_is_judged_on_rows_that_nothing_was_chosen_by(self, swaps, config, tmp_path):
        one = sweep(swaps, "momentum", VARY, config, judge=True, trials=tmp_path)
        assert one.part.split == "validation"
        assert one.part.frame.at[-1] < one.part.test.at[0]
        assert [each.name for each in one.judged] == ["momentum", "hold", one.judged[2].name]
        ledger = TrialLedger(tmp_path)
        assert ledger.looks(one.part.test).count == 1
        assert ledger.looks(one.part.frame).count == 12

    @pytest.mark.parametrize("split", ["test", "whole"])
    def test_is_not_judged_on_what_it_was_chosen_by(self, swaps, split):
        with pytest.raises(ConfigError, match="can't be judged on the test rows"):
            sweep(swaps, "momentum", VARY, split=split, judge=True)


class TestTheLedger:
    def test_knows_every_point(self, found, swaps, config, tmp_path):
        sweep(swaps, "momentum", VARY, config, split="whole", trials=tmp_path)
        ledger = TrialLedger(tmp_path)
        trials = ledger.trials()
        assert len(trials) == 12
        assert {trial.kind for trial in trials} == {"sweep"}
        assert ledger.verify() == []
        assert ledger.looks(swaps).candidates == 12
        by_hash = {trial.run_hash: trial for trial in trials}
        for place in range(12):
            kept = ledger.returns_of(by_hash[str(found.measured.run_hash[place])])
            np.testing.assert_array_equal(kept, found.measured.returns[place])
        panel = ledger.against(swaps, config.clock)
        assert panel.returns.shape == (len(found.measured.returns[0]), 12)

    def test_counts_a_run_of_a_points_own_as_the_same_try(self, swaps, config, found, tmp_path):
        sweep(swaps, "momentum", VARY, config, split="whole", trials=tmp_path)
        evaluate(swaps, "momentum", found.best_config, trials=tmp_path)
        looks = TrialLedger(tmp_path).looks(swaps)
        assert (looks.count, looks.candidates) == (13, 12)

    def test_notices_changed_returns(self, swaps, config, tmp_path):
        sweep(swaps, "momentum", VARY, config, split="whole", trials=tmp_path)
        ledger = TrialLedger(tmp_path)
        file = ledger.file(ledger.trials()[0].returns)
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
        assert any("were changed" in problem for problem in ledger.verify())

    def test_holding_is_no_try(self, swaps, config, tmp_path):
        sweep(swaps, "hold", {"frictions.fee_pips": [0, 1]}, config, split="whole", trials=tmp_path)
        assert TrialLedger(tmp_path).looks(swaps).count == 0


class TestInterrupted:
    def test_goes_on_where_it_stood(self, found, swaps, config, tmp_path, monkeypatch, caplog):
        caplog.set_level("INFO", logger="rook_bench")
        results = Threads.results

        def until_the_first(self, job, pieces):
            for number, result in enumerate(results(self, job, pieces)):
                if number and isinstance(job, Replays):
                    raise KeyboardInterrupt
                yield result

        with monkeypatch.context() as patched:
            patched.setattr(Threads, "results", until_the_first)
            with pytest.raises(KeyboardInterrupt):
                sweep(swaps, "momentum", VARY, config, split="whole", trials=tmp_path, engine=Threads(1))
        assert not TrialLedger(tmp_path).chain.path.exists()  # nobody was shown anything
        kept = list((cache_folder() / "sweeps").glob("*.npz"))
        assert len(kept) == 1
        again = sweep(swaps, "momentum", VARY, config, split="whole", trials=tmp_path)
        assert "8 points kept from an interrupted sweep" in caplog.text
        assert same(found.measured, again.measured)
        assert not list((cache_folder() / "sweeps").glob("*.npz"))

    def test_a_damaged_piece_is_computed_again(self, found, swaps, config, tmp_path, monkeypatch):
        monkeypatch.setattr(work.Kept, "forget", lambda self: None)
        sweep(swaps, "momentum", VARY, config, split="whole", trials=tmp_path)
        for number, path in enumerate(sorted((cache_folder() / "sweeps").glob("*.npz"))):
            path.write_bytes(b"" if number else path.read_bytes()[:200])
        monkeypatch.undo()
        again = sweep(swaps, "momentum", VARY, config, split="whole", trials=tmp_path)
        assert same(found.measured, again.measured)


class TestChoosingInParts:
    def test_a_walk_forward_chooses_on_the_past_alone(self, swaps, config, tmp_path):
        """Another future changes no fold before it."""
        one = sweep(swaps, "momentum", VARY, config, split="whole", walk_forward=4, trials=tmp_path)
        folds = one.walk_forward.folds
        cut = int(np.searchsorted(swaps.at, folds[1].last_at)) + 1
        shorter = swaps.take(np.arange(cut))
        within = sweep(shorter, "momentum", VARY, config, split="whole", trials=tmp_path)
        n = len(within.measured.returns[0])
        for place in range(12):
            np.testing.assert_array_equal(within.measured.returns[place][: n - 1], one.measured.returns[place][: n - 1])
        assert len(folds) == 4
        assert all(fold.point is not None for fold in folds)
        assert all(a.last_at <= b.first_at for a, b in zip(folds, folds[1:], strict=False))
        assert all(1 <= fold.rank <= 12 for fold in folds)

    def test_a_fold_is_a_run_on_its_own_rows(self, swaps, config, tmp_path):
        one = sweep(swaps, "momentum", VARY, config, split="whole", walk_forward=3, trials=tmp_path)
        fold = one.walk_forward.folds[2]
        first, last = np.searchsorted(swaps.at, [fold.first_at, fold.last_at], side="right")
        part = with_past(swaps, np.arange(first, last))
        asked = module.Settings(config, module.named(["momentum"])).of(one.points[fold.point])
        whole = decide(Source.parse("momentum"), swaps)
        told = type(whole)(whole.source, whole.tape.rows(slice(first, last)), whole.key, reused=False)
        run = replay_decided(part, told, asked.config.replay())
        net = run.equity[-1] / run.hold_equity[-1] - 1
        assert fold.over_hold == pytest.approx(net, rel=1e-9)

    def test_purged_splits_choose_beside_what_they_judge(self, swaps, config, tmp_path):
        one = sweep(swaps, "momentum", VARY, config, split="whole", purged=(6, 2), trials=tmp_path)
        found = one.purged
        assert (found.splits, len(found.outside), len(found.paths)) == (15, 15, 5)
        assert found.point is not None
        assert 0 < found.share <= 1

    def test_rows_before_test_by_default(self, swaps, config, tmp_path):
        one = sweep(swaps, "momentum", VARY, config, walk_forward=3, trials=tmp_path)
        assert one.part.split == "development"
        assert 0.8 * len(swaps) < len(one.part.frame) < 0.86 * len(swaps)

    @pytest.mark.parametrize(
        ("how", "message"),
        [
            ({"walk_forward": 0}, "0 folds"),
            ({"walk_forward": 500}, "too few for 500 folds"),
            ({"purged": (2, 2)}, "2 of 2 groups"),
            ({"purged": (200, 1)}, "too few for 200 groups"),
            ({"purged": (30, 15)}, "splits; 1,000 are the most"),
            ({"walk_forward": 3, "by": "max_drawdown"}, "has no parts"),
        ],
    )
    def test_what_can_not_be_is_said(self, swaps, config, tmp_path, how, message):
        with pytest.raises((ConfigError, InputError), match=message):
            sweep(swaps, "momentum", VARY, config, split="whole", trials=tmp_path, **how)


class TestSaved:
    def test_a_folder_with_everything(self, found, tmp_path):
        page = found.save(tmp_path / "out")
        names = {path.name for path in (tmp_path / "out").iterdir()}
        assert names >= {"report.html", "surface.png", "points.csv", "sweep.json", "best.json", "best"}
        facts = json.loads((tmp_path / "out" / "sweep.json").read_text())
        assert facts["points"] == 12
        assert facts["best"]["point"] == found.best
        assert "Deflated Sharpe ratio" in page.read_text()
        assert len((tmp_path / "out" / "points.csv").read_text().splitlines()) == 13

    def test_the_best_configuration_gives_the_best_run(self, found, swaps, tmp_path):
        found.save(tmp_path / "out")
        run = evaluate(swaps, "momentum", tmp_path / "out" / "best.json", trials=tmp_path / "trials")
        assert run.run.run_hash == found.measured.run_hash[found.best]

    @pytest.mark.parametrize(
        ("names", "heading"),
        [
            ((), "Sharpe ratio over hold by frictions.fee_pips and risk.max_order_fraction"),
            (("frictions.fee_pips",), "Sharpe ratio over hold by frictions.fee_pips"),
            (
                ("risk.max_order_fraction", "frictions.fee_pips"),
                "Sharpe ratio over hold by risk.max_order_fraction and",
            ),
        ],
    )
    def test_pictures_over_one_axis_or_two(self, found, names, heading):
        picture = found.plot(*names)
        assert picture.heading.startswith(heading)
        assert picture.to_png().startswith(b"\x89PNG")

    def test_near_names_of_axes_and_columns(self, found):
        with pytest.raises(UnknownName, match=r"did you mean 'frictions.fee_pips'"):
            found.plot("frictions.fee_pip")
        with pytest.raises(UnknownName, match="did you mean 'total_return'"):
            found.plot(metric="total_returns")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vary": {}}, "nothing is varied"),
        ({"vary": {"x": [1]}}, "unknown key 'x'"),
        ({"vary": {"frictions.fee_pips": "0:10"}}, r"no end of values.*--points N"),
        ({"by": "sharp_ratio"}, "did you mean 'sharpe_ratio'"),
        ({"split": "validatoin"}, "did you mean 'validation'"),
        ({"vary": {"risk.cooldown": [-1]}}, "seconds"),
        ({"vary": {"frictions.fee_pips": "0:999:1", "risk.max_order_fraction": "0.001:0.9:0.001"}}, "points; 100,000"),
        ({"points": 0, "vary": {"frictions.fee_pips": "0:10"}}, "0 points"),
        ({"points": 5}, "no range to draw from"),
        ({"source": ["momentum", "hold"], "vary": {"source": ["rules"]}}, "sources are given beside it"),
    ],
)
def test_mistakes_are_said_before_anything_is_computed(swaps, monkeypatch, change, message):
    monkeypatch.setattr(module, "Work", None)
    with pytest.raises((ConfigError, InputError, UnknownName), match=message):
        sweep(**({"tape": swaps, "source": "momentum", "vary": VARY} | change))


def test_an_import_does_not_load_engines_or_pictures():
    code = "import sys, rook_bench.sweeps.sweep; print([m for m in ('ray', 'optuna', 'torch', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def folder(swaps, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared") / "folder"
    prepare(swaps, "data_driven", out)
    return out


class TestPreparedFolder:
    def test_its_splits_are_its_own_tapes(self, folder, config, tmp_path):
        one = sweep(folder, "momentum", VARY, config, judge=True, trials=tmp_path)
        assert one.part.frame.data_hash == split_tape(folder, "validation").data_hash
        assert one.part.test.data_hash == split_tape(folder, "test").data_hash

    def test_of_the_tape_it_was_prepared_from(self, folder, swaps, config, tmp_path):
        one = sweep(swaps, "momentum", VARY, config, prepared=folder, split="development", trials=tmp_path)
        assert len(one.part.frame) == split_tape(folder, "validation").last + 1

    def test_has_no_rows_of_several_splits(self, folder, config):
        with pytest.raises(ConfigError, match=r"holds its splits apart.*--prepared"):
            sweep(folder, "momentum", VARY, config, split="development")


def test_returns_lie_on_disk_and_are_the_same(found):
    shelf = Shelf()
    laid = [shelf.laid_out(found.measured), shelf.laid_out(found.measured)]
    for piece in laid:
        assert same(piece, found.measured)
        assert isinstance(piece.returns[0].base, np.memmap)
    assert len(list(map(float, laid[0].returns[3]))) == len(found.measured.returns[3])


PEEK = """import numpy as np
from rook_bench import risk_filter, sizer


@sizer
def peek():
    def size(view, decisions):
        price = view["price"]
        later = np.append(price[60:], np.full(min(60, len(price)), price[-1]))[: len(price)]
        return np.where(((later > price) == (decisions.side == 0)) & (decisions.size > 0), 0.9, 0.0)

    return size


@sizer
def mine():
    return lambda view, decisions: np.full(len(decisions), SHARE)
"""


class TestWhatARefereeFound:
    """Ways that once led around the judge, or to numbers that were no run's."""

    def test_every_seed_is_asked_for_itself(self, swaps, config, tmp_path):
        one = sweep(swaps, "random:0.2", {"seed": [1, 2, 3]}, config, split="whole", trials=tmp_path)
        for place, seed in enumerate((1, 2, 3)):
            alone = evaluate(swaps, "random:0.2", config, seed=seed, trials=tmp_path)
            assert alone.run.run_hash == one.measured.run_hash[place]
            assert alone.estimates["total_return"].value == one.measured.total_return[place]
            assert alone.run.lookahead.status == "clean"
        assert evaluate(swaps, "random:0.2", config, trials=tmp_path).run.lookahead.status == "clean"

    def test_a_sizer_that_sees_the_future_is_left_out_and_marked(self, swaps, config, tmp_path, caplog):
        plugin = tmp_path / "peek.py"
        plugin.write_text(PEEK)
        axes = {"risk.sizer": ["decision", f"{plugin}@peek"], "frictions.gas.gwei": [0.1, 1]}
        one = sweep(swaps, "momentum", axes, config, judge=True, walk_forward=2, trials=tmp_path / "t")
        assert one.points[one.best]["risk.sizer"] == "decision"
        assert one.honest.tolist() == [True, True, False, False]
        assert [trial.lookahead for trial in TrialLedger(tmp_path / "t").trials()].count("leak") == 2
        assert all(one.points[fold.point]["risk.sizer"] == "decision" for fold in one.walk_forward.folds)
        assert "LOOK-AHEAD" in caplog.text
        page = one.save(tmp_path / "out").read_text()
        assert "leak" in page
        assert "2 that see the future left out" in page

    def test_pieces_of_another_sizers_file_are_not_taken(self, swaps, config, tmp_path, monkeypatch):
        plugin = tmp_path / "mine.py"
        axes = {"risk.sizer": [f"{plugin}@mine"], "frictions.gas.gwei": [0.1, 1]}
        found = []
        for share in ("0.02", "0.2"):
            plugin.write_text(PEEK.replace("SHARE", share))
            with monkeypatch.context() as patched:
                patched.setattr(work.Kept, "forget", lambda self: None)
                found.append(sweep(swaps, "momentum", axes, config, split="whole", trials=tmp_path / "t"))
        assert found[0].measured.total_return[0] != found[1].measured.total_return[0]

    def test_fills_of_dust_change_the_balances_too(self, swaps, tmp_path):
        """A sale of everything, again and again, ends with orders of single units whose every column is zero but one."""
        axes = {"frictions.gas.gwei": [0], "risk.sizer": ["fixed:0.5", "fixed:0.9"]}
        one = sweep(swaps, "random:0.9", axes, split="whole", by="total_return", trials=tmp_path)
        assert one.evaluation is not None  # reconciled, equity too

    @pytest.mark.parametrize("vary", [{"pair": ["WBTC/DAI"]}, {"numeraire": ["DAI"]}, {"frictions.gas.gwei": ["tape"]}])
    def test_what_replay_refuses_is_refused(self, swaps, vary, tmp_path):
        with pytest.raises((ConfigError, InputError)):
            sweep(swaps, "momentum", vary, split="whole", trials=tmp_path)
        assert not TrialLedger(tmp_path).chain.path.exists()

    @pytest.mark.parametrize(
        "vary",
        [
            {"risk.confidence": [0.1, 0.9], "risk.confidence_threshold": [0.2, 0.3]},
            {"frictions.latency.blocks": [1, 3], "frictions.latency.seconds": [12, 24]},
            {"frictions.gas.gwei": [1, 1.0]},
        ],
    )
    def test_two_ways_to_one_configuration_are_refused(self, swaps, vary, tmp_path):
        with pytest.raises(ConfigError, match="different configurations"):
            sweep(swaps, "momentum", vary, split="whole", trials=tmp_path)

    def test_the_given_source_is_among_those_that_are_varied(self, swaps, config, tmp_path):
        one = sweep(swaps, "momentum", {"source": ["hold"]}, config, split="whole", trials=tmp_path)
        assert one.names == ("momentum", "hold")

    @pytest.mark.parametrize(
        ("how", "message"),
        [
            ({"purged": (2, 2)}, "2 of 2 groups"),
            ({"walk_forward": 400}, "too few"),
            ({"walk_forward": 2, "by": "max_drawdown"}, "no parts"),
            ({"walk_forward": 2, "vary": {"clock.bucket_s": [60, 300]}}, "the clock is varied"),
        ],
    )
    def test_nothing_is_spent_on_what_can_not_be_judged(self, swaps, config, tmp_path, how, message):
        with pytest.raises((ConfigError, InputError), match=message):
            sweep(swaps, "momentum", how.pop("vary", VARY), config, split="whole", trials=tmp_path, **how)
        assert not TrialLedger(tmp_path).chain.path.exists()

    def test_other_tries_on_these_rows_count(self, swaps, config, tmp_path):
        first = sweep(swaps, "momentum", {"frictions.fee_pips": [100]}, config, split="whole", trials=tmp_path)
        assert first.luck.tries == 1
        evaluate(swaps, "random:0.1", config, trials=tmp_path)
        again = sweep(swaps, "momentum", {"frictions.fee_pips": [100]}, config, split="whole", trials=tmp_path)
        assert again.luck.tries == 2

    def test_decisions_that_nobody_can_check_are_said_to_be_so(self, swaps, config, tmp_path):
        run = evaluate(swaps, "foresight", config, trials=tmp_path)
        run.save(tmp_path / "run", report=False)
        recorded = f"recorded:{tmp_path / 'run' / 'decisions.parquet'}"
        one = sweep(swaps, recorded, {"frictions.gas.gwei": [1, 2]}, config, split="whole", trials=tmp_path)
        assert "not checked for look-ahead" in one.save(tmp_path / "out").read_text()
