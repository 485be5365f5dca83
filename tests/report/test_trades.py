"""The orders on the page are the run's own, and what does not fit is said and lies beside it."""

import json
import re
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rook_bench.metrics import analyse
from rook_bench.metrics.reasons import by_reason
from rook_bench.metrics.tables import order_table
from rook_bench.report import write_report
from rook_bench.report.entries import make_entries
from rook_bench.report.formatting import number
from rook_bench.report.topics.trades import trades, write_trades

topic = sys.modules["rook_bench.report.topics.trades"]


def shown(analysis):
    return trades(make_entries([analysis])[0]).tables[-1]


def texts(table, name):
    column = table.columns.index(name) - 1
    return [cells[column].text for _, cells in table.rows]


def test_every_order_with_its_costs(analyses):
    orders, table = order_table(analyses[0].run), shown(analyses[0])
    assert table.sortable
    assert len(table.rows) == len(orders) < topic.ROWS
    assert [head for head, _ in table.rows] == [f"{at:%Y-%m-%d %H:%M:%S}" for at in orders["decided_at"]]
    pnl = [number(value, 2, signed=True) if pd.notna(value) else "\N{EN DASH}" for value in orders["pnl"]]
    assert texts(table, "P&L, USDC") == pnl
    assert texts(table, "Outcome") == orders["outcome"].tolist()
    assert "Searchers" not in table.columns


def test_of_many_those_that_gained_and_lost_most(analyses, monkeypatch):
    monkeypatch.setattr(topic, "ROWS", 20)
    orders, table = order_table(analyses[0].run), shown(analyses[0])
    assert len(table.rows) == 20
    assert f"the 20 of {len(orders):,} that gained or lost most; the rest in trades.csv" in table.caption
    largest = orders.assign(size=orders["pnl"].abs()).nlargest(20, "size").sort_index()
    assert texts(table, "P&L, USDC") == [number(value, 2, signed=True) for value in largest["pnl"]]


def test_parts_change_nothing(analyses, monkeypatch):
    monkeypatch.setattr(topic, "ROWS", 30)
    whole = shown(analyses[2])
    monkeypatch.setattr(topic, "evidence", lambda run, whole=topic.evidence: whole(run, 7))
    assert shown(analyses[2]) == whole


def test_reasons_are_grouped_without_their_numbers(run_of, short_tape, sides):
    reason = np.array([f"rose {row * 0.1:+.2f}%" if row % 3 else "out of patience" for row in range(300)], dtype=object)
    one = analyse(run_of(short_tape, replace(sides("BS" * 150, 0.01), reason=reason)))
    table, orders = by_reason(one.run), order_table(one.run)
    assert table.index.tolist() == ["rose #", "out of patience"]
    assert table["orders"].sum() == len(orders)
    assert table["pnl"].sum() == pytest.approx(orders["pnl"].sum())
    late = orders[orders["reason"] == "out of patience"]
    filled = late[late["base"] > 0]
    assert table.loc["out of patience", "cost_bps"] == pytest.approx(
        1e4 * filled["shortfall"].sum() / filled["value"].sum()
    )
    assert table.loc["out of patience", "markout_300s_bps"] == pytest.approx(filled["markout_300s_bps"].mean())
    first = trades(make_entries([one])[0]).tables[0]
    assert [head for head, _ in first.rows] == ["rose #", "out of patience"]


def test_a_refused_order_names_its_filter(run_of, short_tape, sides):
    risk = {"filters": [{"name": "trades_per_day", "maximum": 2}]}
    table = shown(analyse(run_of(short_tape, sides("B" * 300, 0.01), risk=risk)))
    refused = [cells[-1] for _, cells in table.rows if cells[1].text == "REJECTED"]
    assert len(refused) == 298
    assert refused[0].small == ("refused by trades_per_day",)


def test_nothing_where_nothing_was_wished(idle):
    assert trades(make_entries([idle])[0]) is None


def test_the_file_holds_all_of_them(analyses, tmp_path):
    entry = make_entries(analyses)[0]
    write_trades(entry, tmp_path)
    table, orders = pd.read_csv(tmp_path / "trades.csv"), order_table(analyses[0].run)
    assert len(table) == len(orders)
    assert table["row"].tolist() == orders.index.tolist()
    pd.testing.assert_series_equal(table["shortfall"], orders["shortfall"].reset_index(drop=True))
    assert table["reason"].tolist() == orders["reason"].tolist()


def test_very_many_are_left_in_the_runs_own_file(analyses, tmp_path, monkeypatch):
    monkeypatch.setattr(topic, "CSV_ROWS", 5)
    monkeypatch.setattr(topic, "ROWS", 5)
    write_trades(make_entries(analyses)[0], tmp_path)
    assert not list(tmp_path.iterdir())
    assert "the rest in evidence.parquet" in shown(analyses[0]).caption


@pytest.mark.usefixtures("few_pictures")
def test_reasons_from_outside_are_text(run_of, short_tape, sides, tmp_path):
    tape = sides("BS" * 150, 0.01)
    hostile = "</script><img src=x onerror=alert(1)>\x1b[31m={{ 7*7 }}"
    tape = replace(tape, reason=np.array([hostile] * 300, dtype=object))
    write_report([analyse(run_of(short_tape, tape))], tmp_path, title="Hostile")
    page = (tmp_path / "report.html").read_text()
    assert "<img src=x" not in page
    assert "\x1b" not in page
    assert len(re.findall("<script[ >]", page)) == len(re.findall("</script>", page)) <= 4
    assert json.dumps(hostile) not in page
