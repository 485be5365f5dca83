"""What is shown of an order adds up to what it cost, and every filter's answer is the one the loop would give."""

import json
import shutil
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rook_bench.core import InputError, Side
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.hashing import sealed, sha256_file
from rook_bench.core.transcript import Transcript
from rook_bench.market.features import compute_features
from rook_bench.metrics.tables import fill_table, order_table
from rook_bench.replay import ReplayConfig
from rook_bench.replay.evidence import COSTS, SEEN, evidence
from rook_bench.replay.said_by_filters import Answers, Purse
from rook_bench.replay.saved import EVIDENCE, load_run, save_run

ROWS = 120

FILTERS = {
    "confidence_threshold": {"minimum": 0.5},
    "liquidity_impact": {"maximum_bps": 1.0},
    "market_hours": {"start": 8, "end": 20},
    "position_limit": {"max_base_share": 0.55, "min_base_share": 0.45},
    "pool_limit": {"max_share": 0.1},
    "exposure_limit": {"max_share": 0.52},
    "trades_per_day": {"maximum": 9},
    "cooldown": {"seconds": 90.0},
    "drawdown_stop": {"fraction": 0.002},
    "cost_aware_minimum": {"max_cost_bps": 14.0},
}


def wishes(seed, rows=ROWS):
    rng = np.random.default_rng(seed)
    return DecisionTape.from_sides(
        rng.choice([Side.BUY, Side.HOLD, Side.SELL], rows, p=[0.4, 0.2, 0.4]),
        rng.choice([0.001, 0.05, 0.5], rows),
        slippage_bps=rng.choice([2.0, 50.0, 5000.0], rows),
        deadline_s=rng.choice([0.0, 40.0, 600.0], rows),
        confidence=rng.choice([0.3, 0.5, 0.9, np.nan], rows),
    )


@st.composite
def assumptions(draw):
    gas = st.sampled_from([{"gwei": 0.0}, {"gwei": 5.0}, {"gwei": 900.0}, {"flat_quote": 2.5}])
    partial = draw(st.booleans())
    names = draw(st.lists(st.sampled_from(sorted(FILTERS)), unique=True))
    return {
        "capital": {
            "quote_value": draw(st.sampled_from([30.0, 1e4, 5e6])),
            "base_share": draw(st.sampled_from([0.0, 0.5])),
        },
        "risk": {"filters": [{"name": name, **FILTERS[name]} for name in names]},
        "frictions": {
            "latency": draw(st.sampled_from([{"swaps": 0}, {"swaps": 1}, {"blocks": 2}, {"seconds": 30.0}])),
            "gas": draw(gas),
            "on_slippage": "partial" if partial else "revert",
            "mev": "none" if partial else draw(st.sampled_from(["none", "typical", "worst"])),
        },
    }


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), assumptions())
def test_costs_add_up_and_filters_say_what_the_loop_said(run_of, tape, seed, config):
    start = seed % (len(tape) - ROWS)
    run = run_of(tape[start : start + ROWS], wishes(seed), ReplayConfig.parse(config, where="test"))
    table, frame, orders = order_table(run), run.frame, run.orders
    assert table.index.tolist() == orders.row.tolist()

    # Against the exact integers of the ledger: what was paid beyond the price at which it was decided.
    for order in run.landed:
        row = table.iloc[order.index]
        price = frame.price[order.decided_row]
        spent = (order.taken + order.fee) / (frame.pool.quote.unit if order.buys else frame.pool.base.unit)
        got = order.out / (frame.pool.base.unit if order.buys else frame.pool.quote.unit)
        gas = order.gas_quote / frame.pool.quote.unit + order.gas_base / frame.pool.base.unit * frame.price[order.row]
        lost = (spent - got * price if order.buys else spent * price - got) + gas
        assert row["shortfall"] == pytest.approx(lost, abs=1e-5 + 1e-12 * spent)
        assert row["shortfall"] == pytest.approx(sum(row[name] for name in COSTS), rel=1e-12, abs=1e-12)
        if row["value"] > 1:
            assert row["shortfall_bps"] == pytest.approx(
                lost / row["value"] * 1e4, abs=0.01 * max(1, 100 / row["value"])
            )
    refused = ~orders.sent  # one that was sent may lack its balance when it lands, and has paid its gas
    assert table.loc[table["outcome"] == "REJECTED"].index.isin(table.index[refused]).all()
    assert table.loc[refused, [*COSTS, "shortfall", "pnl", "paid_price", "markout_60s_bps"]].isna().all(axis=None)
    sent = table[table["pnl"].notna()]
    fills = fill_table(run)
    for name in ("price", "paid_price", "base", "quote", "fee", "impact", "mev", "gas", "pnl", "markout_300s_bps"):
        np.testing.assert_array_equal(sent[name], fills[name])

    answers = Answers(run)
    assert set(answers.names) == {entry["name"] for entry in config["risk"]["filters"]}
    for (_, row), listed in zip(table.iterrows(), table["filters"], strict=True):
        said = {entry["name"]: entry["ok"] for entry in listed}
        assert list(said) == answers.names
        if row["rejected_by"] in said:
            assert said[row["rejected_by"]] is False
            before = answers.names[: answers.names.index(row["rejected_by"])]
            assert all(said[name] for name in before)
        elif row["outcome"] not in ("REJECTED", "INSUFFICIENT_BALANCE", "NO_LIQUIDITY"):
            assert all(ok for name, ok in said.items())


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), assumptions())
def test_what_is_worked_out_of_a_limit_is_what_the_loop_decided(run_of, tape, seed, config):
    """Without the loop's own word: a second implementation of every limit."""
    start = seed % (len(tape) - ROWS)
    run = run_of(tape[start : start + ROWS], wishes(seed), ReplayConfig.parse(config, where="test"))
    answers, orders = Answers(run), run.orders
    purse, whole = Purse(run), slice(0, len(run.orders))
    limits = [name for name in answers.names if name not in run.permitted.filter_names]
    for place, name in enumerate(limits):
        ok, _ = purse.answer(name, whole)
        assert (ok[orders.rejected_by == name] == 0).all(), name
        passed = orders.sent | np.isin(orders.rejected_by.astype(str), limits[place + 1 :])
        assert (ok[passed] == 1).all(), name


def test_the_first_filter_is_not_the_only_one_that_is_shown(run_of, tape, sides):
    names = ["confidence_threshold", "market_hours", "cooldown", "position_limit"]
    risk = {"filters": [{"name": name, **FILTERS[name]} for name in names]}
    tape = tape[:200]
    run = run_of(tape, wishes(5, 200), risk=risk)
    table = order_table(run)
    refusing = [[entry["name"] for entry in listed if entry["ok"] is False] for listed in table["filters"]]
    assert max(map(len, refusing)) >= 3
    shown = {entry["name"]: entry["value"] for entry in table["filters"].iloc[0]}
    assert shown["confidence_threshold"] == pytest.approx(run.decided.tape.confidence[table.index[0]], nan_ok=True)


@pytest.mark.parametrize("part", [1, 7, 10_000])
def test_it_is_the_same_by_parts(run_of, tape, part):
    risk = {"filters": [{"name": name, **values} for name, values in FILTERS.items()]}
    run = run_of(tape[:200], wishes(3, 200), risk=risk)
    whole = pa.concat_tables(evidence(run))
    assert pa.concat_tables(evidence(run, part)).equals(whole)
    assert whole.num_rows == len(run.orders)


def test_a_run_without_orders_has_the_same_columns(run_of, tape, sides):
    idle, busy = run_of(tape[:60], sides("H" * 60)), run_of(tape[:60], sides("BS" * 30))
    assert pa.concat_tables(evidence(idle)).schema.equals(pa.concat_tables(evidence(busy)).schema)
    assert pa.concat_tables(evidence(idle)).num_rows == 0


@pytest.fixture
def saved(run_of, tape, tmp_path):
    run = run_of(tape[:80], wishes(1, 80), risk={"filters": ["cooldown:90"]})
    (tmp_path / "run").mkdir()
    save_run(run, tmp_path / "run")
    return run, tmp_path / "run"


def reseal(folder, change):
    facts = json.loads((folder / "run.json").read_text())
    del facts["seal"]
    change(facts)
    (folder / "run.json").write_text(json.dumps(sealed(facts, "seal")))


def test_it_lies_beside_the_run_under_its_seal(saved):
    run, folder = saved
    assert pq.read_table(folder / EVIDENCE).equals(pa.concat_tables(evidence(run)))
    facts = json.loads((folder / "run.json").read_text())
    assert facts["files"][EVIDENCE] == sha256_file(folder / EVIDENCE)
    load_run(folder)


@pytest.fixture
def asked(run_of, tape, tmp_path):
    """A run of a language model, on a tape with a hole."""
    frame = replace(tape[:80], breaks=(30, 55))
    text, number = np.full(80, "text", dtype=object), np.full(80, 0.5)
    transcript = Transcript(
        **{each.name: text if each.name in ("prompt", "said") else number for each in fields(Transcript)}
    )
    run = run_of(frame, replace(wishes(1, 80), transcript=transcript))
    (tmp_path / "asked").mkdir()
    save_run(run, tmp_path / "asked")
    return run, tmp_path / "asked"


def test_what_a_model_saw_is_kept_unrounded(asked):
    run, folder = asked
    seen = [name for name in pq.read_schema(folder / EVIDENCE).names if name.startswith(SEEN)]
    told = pq.read_table(folder / EVIDENCE, columns=seen).to_pandas()
    features = compute_features(run.frame).iloc[run.orders.row].reset_index(drop=True)
    assert len(told) > 20
    pd.testing.assert_frame_equal(told.rename(columns=lambda name: name.removeprefix(SEEN)), features, check_exact=True)
    assert not any(name.startswith(SEEN) for name in evidence_of_rules(run).column_names)
    load_run(folder)


def evidence_of_rules(run):
    """Of the same decisions by a source that asks no model."""
    tape = replace(run.decided.tape, transcript=None)
    return pa.concat_tables(evidence(replace(run, decided=replace(run.decided, tape=tape))))


@pytest.mark.parametrize("change", ["other", "none"])
def test_numbers_that_nobody_saw_are_refused_and_missing_ones_are_of_an_earlier_version(asked, change):
    run, folder = asked
    table = pq.read_table(folder / EVIDENCE)
    place = table.schema.get_field_index("seen_price")
    column = pa.array(np.nextafter(table["seen_price"].to_numpy(), np.inf))
    others = [name for name in table.column_names if not name.startswith(SEEN)]
    table = table.set_column(place, "seen_price", column) if change == "other" else table.select(others)
    pq.write_table(table, folder / EVIDENCE)
    reseal(folder, lambda facts: facts["files"].update({EVIDENCE: sha256_file(folder / EVIDENCE)}))
    if change == "none":
        assert load_run(folder).run_hash == run.run_hash
        return
    with pytest.raises(InputError, match=r"evidence\.parquet shows other orders"):
        load_run(folder)


def test_made_up_evidence_is_refused_although_its_hash_fits(saved):
    run, folder = saved
    table = pq.read_table(folder / EVIDENCE)
    nicer = pa.array([0.0] * table.num_rows)
    place = table.schema.get_field_index("fee")
    pq.write_table(table.set_column(place, "fee", nicer), folder / EVIDENCE)
    with pytest.raises(InputError, match=r"evidence\.parquet does not match its hash"):
        load_run(folder)
    reseal(folder, lambda facts: facts["files"].update({EVIDENCE: sha256_file(folder / EVIDENCE)}))
    with pytest.raises(InputError, match=r"evidence\.parquet shows other orders"):
        load_run(folder)


def test_a_run_of_before_it_was_kept_is_read(saved, tmp_path):
    run, folder = saved
    (folder / EVIDENCE).unlink()
    with pytest.raises(InputError, match=r"the run lacks evidence\.parquet"):
        load_run(folder)
    reseal(folder, lambda facts: facts["files"].pop(EVIDENCE))
    assert load_run(folder).run_hash == run.run_hash
    shutil.rmtree(folder)
