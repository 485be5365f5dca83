"""Several sources from Python: benchmarks, names, the table, the folder, and every try on record."""

import re

import matplotlib
import pandas as pd
import pytest
from test_evaluation import assert_html_holds

import rook_bench as rook
from rook_bench.core import ConfigError, InputError, UnknownName
from rook_bench.trials import TrialLedger

TRADER = "momentum:lookback=3,threshold_bps=2"
SLOW = "momentum:lookback=30,threshold_bps=5"


@pytest.fixture(scope="module")
def both(swaps, tmp_path_factory):
    return rook.compare(swaps, [f"fast={TRADER}", SLOW], trials=tmp_path_factory.mktemp("trials"))


def test_the_order_is_the_askers_with_the_yardsticks_last(both):
    rate = both[0].run.decided.tape.action_rate
    assert [one.name for one in both] == ["fast", SLOW, "hold", f"random:{rate:.3f}"]
    assert len(both) == 4
    assert both[-1] is both[3]
    assert [one.name for one in both[:2]] == ["fast", SLOW]
    assert all(isinstance(one, rook.Evaluation) for one in both)
    assert len({one.run.frame.data_hash for one in both}) == 1


def test_yardsticks_are_left_out_where_they_are_asked_for_or_not_wanted(swaps):
    assert [one.name for one in rook.compare(swaps, ["hold", "random:0.2"])] == ["hold", "random:0.2"]
    assert [one.name for one in rook.compare(swaps, [TRADER], benchmarks=False)] == [TRADER]
    assert [one.name for one in rook.compare(swaps, ["hold"])] == ["hold"]  # chance at a rate of nothing is holding


def test_names_may_be_given_as_a_mapping(swaps):
    found = rook.compare(swaps, {"old": TRADER, "new": rook.Source.parse(SLOW)}, benchmarks=False)
    assert [one.name for one in found] == ["old", "new"]


def test_one_source_is_a_comparison_too(swaps):
    assert rook.compare(swaps, "hold")[0].name == "hold"


@pytest.mark.parametrize(
    ("sources", "error", "said"),
    [
        ([], ConfigError, "no source to compare"),
        ({}, ConfigError, "no source to compare"),
        (["a=hold", f"a={TRADER}"], ConfigError, "two sources are called 'a'"),
        (["momentun"], UnknownName, "did you mean 'momentum'"),
        (["momentum:lookbak=3"], ConfigError, "did you mean 'lookback'"),
    ],
)
def test_what_can_not_be_compared_is_said_before_anything_is_recorded(swaps, sources, error, said, tmp_path):
    with pytest.raises(error, match=said):
        rook.compare(swaps, sources, trials=tmp_path / "trials")
    assert not (tmp_path / "trials").exists()


def test_the_table_has_a_row_per_source_and_a_column_per_metric(both):
    table = both.table()
    assert table.index.tolist() == [one.name for one in both]
    assert table.index.name == "source"
    assert (table.dtypes == "float64").all()
    for one in both:
        for name in table.columns:
            value = one.estimates[name].value
            assert pd.isna(table.loc[one.name, name]) if value is None else table.loc[one.name, name] == value
    assert pd.isna(table.loc["hold", "cost_per_turnover"])
    assert both.table(["win_rate"]).columns.tolist() == ["win_rate"]


def test_every_name_of_the_tables_metrics_is_one(both):
    with pytest.raises(UnknownName, match="unknown metric 'win_rat'; did you mean 'win_rate'"):
        both.table(["win_rat"])


def test_reprs_are_short_whatever_was_compared(swaps, both):
    many = rook.Comparison(tuple(both) * 20, "x" * 500)
    named = rook.compare(swaps, {"n" * 300: TRADER}, benchmarks=False)
    for one in (both, many, named):
        assert len(repr(one)) < 200
        assert "\n" not in repr(one)
    assert repr(both).startswith("<Comparison on WETH/USDC: fast, momentum:lookback=30")
    assert repr(many).endswith(" and 77 more>")


def test_html_escapes_names(swaps):
    nasty = "<script>alert('x')</script> & co"
    html = rook.compare(swaps, {nasty: "hold"})._repr_html_()
    assert "<script" not in html
    assert_html_holds(html, nasty, "undefined")


def test_pictures_of_all_sources(both):
    picture = both.plot("equity")
    assert picture._repr_png_().startswith(b"\x89PNG")
    assert picture.title.startswith("fast ")
    with pytest.raises(UnknownName, match="did you mean 'difference'"):
        both.plot("diffrence")


def test_a_picture_looks_the_same_under_dark_settings(both):
    plain = both.plot("equity")._repr_png_()
    with matplotlib.rc_context({"savefig.facecolor": "black", "font.size": 30.0, "savefig.dpi": 40}):
        assert both.plot("equity")._repr_png_() == plain


def test_a_report_calls_sources_what_the_asker_calls_them(both, tmp_path):
    page = both.save(tmp_path / "both").read_text()
    assert re.search(r'class="lead">fast (loses|earns) ', page)
    assert "lookback = 3, threshold_bps = 2" in page  # what it really is stays told


def test_a_saved_comparison_comes_back_as_it_was(both, tmp_path):
    report = both.save(tmp_path / "both")
    assert report == tmp_path / "both" / "report.html"
    assert report.is_file()
    again = rook.load_comparison(str(tmp_path / "both"))
    assert [one.run.run_hash for one in again] == [one.run.run_hash for one in both]
    assert [one.name for one in again] == [one.name for one in both]
    assert (again.title, again.looks) == (both.title, both.looks)
    pd.testing.assert_frame_equal(again.table(), both.table())
    (one,) = rook.load_comparison(tmp_path / "both" / "runs" / "fast")
    assert one.name == "fast"
    assert rook.load_run(tmp_path / "both" / "runs" / "fast").run.run_hash == both[0].run.run_hash


def test_a_damaged_comparison_is_refused(both, tmp_path):
    both.save(tmp_path / "both")
    listing = tmp_path / "both" / "compare.json"
    for content in ("{", "{}", "[]", '{"runs": [1], "title": "x"}', '{"runs": []}', b"\xff"):
        listing.write_bytes(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(InputError, match="not a readable comparison"):
            rook.load_comparison(tmp_path / "both")
    listing.write_text('{"runs": [], "title": "x"}')
    with pytest.raises(InputError, match="names no run"):
        rook.load_comparison(tmp_path / "both")


def test_what_was_asked_for_is_a_try_and_the_yardsticks_are_none(swaps, tmp_path):
    found = rook.compare(swaps, [TRADER, SLOW, "hold", "foresight"], trials=tmp_path)
    ledger = TrialLedger(tmp_path)
    roles = [(trial.source, trial.kind, trial.role) for trial in ledger.trials()]
    assert roles[:4] == [
        (TRADER, "compare", "candidate"),
        (SLOW, "compare", "candidate"),
        ("hold", "compare", "benchmark"),
        ("foresight", "compare", "benchmark"),
    ]
    assert [role for *_, role in roles[4:]] == ["benchmark"]  # chance
    assert found.looks["candidates"] == 2
    assert found[0].looks == found.looks
    rook.evaluate(swaps, SLOW, trials=tmp_path)
    assert ledger.trials()[-1].kind == "replay"
    assert ledger.looks(swaps).candidates == 2  # the same one again
    assert ledger.looks(swaps).count == 3


def test_a_try_is_recorded_in_the_projects_ledger_and_said(swaps, tmp_path, monkeypatch, caplog):
    monkeypatch.delenv("ROOK_BENCH_TRIALS")
    (tmp_path / "rook-bench.toml").touch()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    caplog.set_level("INFO", logger="rook_bench")
    rook.evaluate(swaps, "hold")
    assert (tmp_path / "models" / "trials" / "trials.jsonl").is_file()
    assert f"trial ledger: {tmp_path / 'models' / 'trials'} (new)" in caplog.text
