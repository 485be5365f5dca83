"""One source from Python: its frames, its portfolio, its pictures, its folder."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import rook_bench as rook
from rook_bench.core import InputError, UnknownName
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.metrics import analyse
from rook_bench.replay import ReplayConfig

TRADER = "momentum:lookback=3,threshold_bps=2"
NASTY = "<b>&\"'x"


class Balanced(HTMLParser):
    """Notes tags that are not closed, and the text between them."""

    VOID = ("br", "hr", "img", "meta", "link", "input")

    def __init__(self, html):
        super().__init__()
        self.open, self.text, self.tags = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def assert_html_holds(html, *texts):
    """Well-formed, of table and paragraph tags only, with these texts as text."""
    page = Balanced(html)
    assert page.open == []
    assert set(page.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "p", "b", "div", "style"}
    for text in texts:
        assert text in page.text, text


@pytest.fixture(scope="module")
def trader(swaps, tmp_path_factory):
    return rook.evaluate(swaps, TRADER, trials=tmp_path_factory.mktemp("trials"))


@pytest.fixture(scope="module")
def holder(swaps, tmp_path_factory):
    return rook.evaluate(swaps, "hold", trials=tmp_path_factory.mktemp("trials"))


@pytest.fixture(scope="module")
def of_run():
    """An Evaluation of a hand-made run, which nobody records."""

    def make(run, **clock):
        return rook.Evaluation.of(analyse(run, rook.Clock(**clock)))

    return make


def test_a_tape_may_be_a_file_and_a_configuration_one_too(swaps, trader, tmp_path):
    from rook_bench.market.tape_file import write_tape

    write_tape(swaps, tmp_path / "tape.parquet")
    (tmp_path / "bench.toml").write_text("[capital]\nquote_value = 500\n")
    other = rook.evaluate(str(tmp_path / "tape.parquet"), TRADER, tmp_path / "bench.toml")
    assert other.run.equity[0] == pytest.approx(500, abs=1e-3)
    assert other.run.frame.data_hash == trader.run.frame.data_hash


def test_a_source_may_be_given_a_name(swaps):
    assert rook.evaluate(swaps, f"fast={TRADER}").name == "fast"
    assert rook.evaluate(swaps, rook.Source.parse(TRADER)).name == TRADER


def test_the_seed_is_the_configurations_or_ones_own(swaps):
    config = rook.BenchConfig(seed=3)
    hashes = [
        rook.evaluate(swaps, "random:0.3", config, seed=seed).run.decided.tape.content_hash for seed in (None, 3, 4)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_metrics_are_the_estimates_with_undefined_as_missing(holder, trader):
    for one in (holder, trader):
        table = one.metrics()
        assert table.index.tolist() == list(one.estimates)
        for name, estimate in one.estimates.items():
            row = table.loc[name]
            assert row["n"] == estimate.n
            assert row["unit"] == estimate.unit
            assert pd.isna(row["value"]) == (estimate.value is None)
            assert pd.isna(row["undefined_because"]) == (estimate.value is not None)
            if estimate.value is not None:
                assert row["value"] == estimate.value
    pd.testing.assert_series_equal(holder.metrics().dtypes, trader.metrics().dtypes)
    assert (holder.metrics().dtypes[["value", "low", "high"]] == np.float64).all()
    assert holder.metrics()["value"].isna().any()


def test_methods_give_the_tables_of_its_run(trader):
    from rook_bench.metrics import tables

    pd.testing.assert_frame_equal(trader.equity(), tables.equity_table(trader.run))
    pd.testing.assert_frame_equal(trader.decisions(), tables.decision_table(trader.run))
    pd.testing.assert_frame_equal(trader.fills(), tables.fill_table(trader.run))
    pd.testing.assert_frame_equal(trader.trades(), tables.order_table(trader.run))
    pd.testing.assert_frame_equal(trader.trades(closed=True), tables.trade_table(trader.run))
    assert len(trader.trades()) > len(trader.trades(closed=True)) > 10
    assert "markout_7s_bps" in trader.fills(markouts_s=(7,))


# The portfolio on the clock.


def assert_portfolio_is_the_ledger(one, rtol=1e-8):
    portfolio = one.portfolio()
    value = portfolio.value()
    np.testing.assert_allclose(value, one.sampled.equity, rtol=rtol, atol=0)
    assert value.index.equals(pd.DatetimeIndex(one.sampled.at, tz="UTC"))
    return portfolio


def test_a_portfolio_has_the_tapes_period_and_the_clocks_frequency(trader):
    portfolio = assert_portfolio_is_the_ledger(trader)
    stats = portfolio.stats(silence_warnings=True)
    span, bucket = pd.Timedelta(seconds=trader.run.frame.span_s), pd.Timedelta(seconds=trader.clock.bucket_s)
    assert abs(stats["Period"] - span) <= bucket
    assert stats["Start"] == pd.Timestamp(trader.sampled.at[0], tz="UTC")
    assert stats["End"] == pd.Timestamp(trader.sampled.at[-1], tz="UTC")
    assert portfolio.wrapper.freq == bucket
    value = trader.sampled.equity
    assert stats["Total Return [%]"] == pytest.approx((value[-1] / value[0] - 1) * 100, rel=1e-9)
    np.testing.assert_allclose(portfolio.returns().to_numpy()[1:], trader.sampled.returns, rtol=1e-6, atol=1e-12)


def test_a_portfolio_of_holding(holder):
    portfolio = assert_portfolio_is_the_ledger(holder, rtol=1e-12)
    assert portfolio.stats(silence_warnings=True)["Total Fees Paid"] == pytest.approx(0, abs=1e-9)


def busy_decisions(rows, seed):
    rng = np.random.default_rng(seed)
    return DecisionTape.from_sides(
        rng.integers(0, 3, rows),
        rng.choice([0.02, 0.5, 1.0], rows),
        slippage_bps=rng.choice([1.0, 50.0, 5000.0], rows),
        deadline_s=rng.choice([0.0, 60.0, 300.0], rows),
    )


ROUGH = {
    "several landings on a row": {"frictions": {"latency": {"seconds": 60.0}}},
    "gas from base": {
        "capital": {"quote_value": 2e5, "base_share": 1.0},
        "frictions": {"gas": {"gwei": 300.0}, "latency": {"swaps": 0}},
    },
    "searchers": {"capital": {"quote_value": 5e6}, "frictions": {"mev": "typical"}},
    "partial fills": {"capital": {"quote_value": 5e6}, "frictions": {"on_slippage": "partial"}},
    "all in quote, gas without end": {
        "capital": {"quote_value": 900.0, "base_share": 0.0},
        "frictions": {"gas": {"flat_quote": 30.0}},
    },
    "no costs": {"frictions": {"gas": {"gwei": 0.0}, "fee_pips": 0}},
}


@pytest.mark.parametrize("bucket_s", [12, 60, 900])
@pytest.mark.parametrize("case", ROUGH)
def test_a_portfolio_is_the_ledger_whatever_was_assumed(run_of, of_run, swaps, case, bucket_s):
    config = ReplayConfig.parse(ROUGH[case], where="test")
    run = run_of(swaps, busy_decisions(len(swaps), len(case)), config)
    assert run.orders.filled.sum() > 10
    assert_portfolio_is_the_ledger(of_run(run, bucket_s=bucket_s))


def test_a_tape_shorter_than_two_borders_has_no_portfolio(run_of, of_run, short_tape, sides):
    one = of_run(run_of(short_tape[:5], sides("BHSHH")), bucket_s=86_400)
    with pytest.raises(InputError, match="shorter than two borders"):
        one.portfolio()


# What it looks like.


def test_reprs_are_short_whatever_it_is_called(swaps, trader):
    long = rook.evaluate(swaps, {"x" * 400: "hold"}.popitem()[0] + "=hold")
    for one in (trader, long, trader.run, trader.run.frame):
        assert len(repr(one)) < 200
        assert "\n" not in repr(one)
    assert repr(long).endswith(f"… on WETH/USDC: 500 swaps, net {long.estimates['total_return'].value:+.2%}>")
    assert TRADER in repr(trader)


def test_a_source_that_sees_the_future_says_so_wherever_it_is_printed(swaps, registered):
    def peeking():
        """Buy before a rise."""

        def decide(view):
            later = np.roll(view["price"], -1)
            return DecisionTape.from_sides(np.where(later > view["price"], rook.Side.BUY, rook.Side.SELL), 0.1)

        return decide

    peek = rook.evaluate(swaps, registered(peeking, whole_tape=True))
    assert repr(peek).endswith(", LOOK-AHEAD>")


def test_html_is_well_formed_and_says_all_metrics(trader):
    assert_html_holds(trader._repr_html_(), "total_return", "sharpe_ratio", "undefined_because")


def test_every_picture_can_be_asked_for_by_name(trader):
    with pytest.raises(UnknownName) as unknown:
        trader.plot("zzzzzzzz")
    names = str(unknown.value).partition("known: ")[2].split(", ")
    assert {"equity", "drawdown", "waterfall", "markouts"} <= {*names}
    drawn = []
    for name in names:
        try:
            picture = trader.plot(name)
        except InputError as nothing:  # a name of the list is never unknown
            drawn.append(str(nothing).startswith(f"picture '{name}': "))
            continue
        drawn.append(bool(picture.title))
        assert picture._repr_png_().startswith(b"\x89PNG")
    assert drawn == [True] * len(names)


def test_an_unknown_picture_suggests_the_near_one(trader):
    with pytest.raises(UnknownName, match="unknown picture 'equty'; did you mean 'equity'"):
        trader.plot("equty")


# Kept and read again.


def test_a_saved_run_comes_back_as_it_was(trader, tmp_path):
    report = trader.save(tmp_path / "run")
    assert report == tmp_path / "run" / "report.html"
    assert report.is_file()
    again = rook.load_run(tmp_path / "run")
    assert again.run.run_hash == trader.run.run_hash
    assert again.looks == trader.looks
    assert trader.looks["count"] == trader.looks["candidates"] == 1
    for name in ("metrics", "equity", "decisions", "fills", "trades"):
        pd.testing.assert_frame_equal(getattr(again, name)(), getattr(trader, name)())


def test_equity_is_what_equity_parquet_holds(trader, tmp_path):
    trader.save(tmp_path / "run")
    kept = pd.read_parquet(tmp_path / "run" / "equity.parquet").set_index("at")
    pd.testing.assert_frame_equal(trader.equity(), kept, check_freq=False)


def test_a_name_and_a_clock_of_ones_own_are_kept(swaps, tmp_path):
    one = rook.evaluate(swaps, f"fast={TRADER}", rook.BenchConfig(clock=rook.Clock(bucket_s=60)))
    one.save(tmp_path / "run")
    again = rook.load_run(tmp_path / "run")
    assert (again.name, again.clock.bucket_s) == ("fast", 60)
    pd.testing.assert_frame_equal(again.metrics(), one.metrics())


def test_a_folder_of_others_is_left_alone(trader, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="did not write"):
        trader.save(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "years of work"


def test_a_changed_run_is_refused(trader, tmp_path):
    trader.save(tmp_path / "run")
    path = tmp_path / "run" / "equity.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="does not match its hash"):
        rook.load_run(tmp_path / "run")


def test_the_tape_check_reads_like_a_page(swaps):
    said = str(rook.check_tape(swaps))
    lines = said.splitlines()
    assert [line[:10].strip() for line in lines][:4] == ["tape", "pool", "swaps", "reprice"]
    assert "WETH/USDC v3" in lines[1]
    assert "500 over" in lines[2]
