"""The questions after the pictures: answered in words, with intervals, or with the reason why not."""

import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from rook_bench.core import SIDE_NAMES, Side
from rook_bench.core.decision_tape import UNPARSED, DecisionTape
from rook_bench.metrics import analyse
from rook_bench.replay import replay
from rook_bench.report import write_report
from rook_bench.report.charts import QUESTIONS
from rook_bench.report.charts.canvas import style
from rook_bench.report.charts.filters import filters as filters_chart
from rook_bench.report.comparison import comparison
from rook_bench.report.entries import make_entries
from rook_bench.report.headline import looks_sentence
from rook_bench.report.questions import questions

NAMES = ("difference", "disagreement", "confidence", "edge", "filters", "regimes")


@pytest.fixture(scope="module")
def judged(tape, run_of, root):
    """A model that states confidences and can't always be read, its rules, and hold, on a labelled tape."""
    risk = {"filters": [{"name": "confidence_threshold", "minimum": 0.3}, "cooldown:60"], "max_order_fraction": 0.1}
    rules = replay(tape, f"rules:{root / 'strategies' / 'data_driven.json'}")
    labels = np.array([SIDE_NAMES[code] for code in rules.decided.tape.side], dtype=object)
    frame = replace(tape, labels={"label_side": labels})
    rng = np.random.default_rng(5)
    side = rng.choice([Side.BUY, Side.HOLD, Side.SELL], len(tape), p=[0.1, 0.8, 0.1]).astype(np.int8)
    side[::200] = UNPARSED
    decisions = DecisionTape.from_sides(side, 0.3, confidence=rng.random(len(tape)))
    model = run_of(frame, decisions, risk=risk)
    return [analyse(model), analyse(replace(rules, frame=frame)), analyse(replay(frame, "hold"))]


@pytest.fixture(scope="module")
def answers(judged):
    return {part.id: part for part in questions(make_entries(judged))}


def cells(part):
    return {head: row for table in part.tables for head, row in table.rows}


def test_every_question_is_answered_in_order(answers):
    assert tuple(answers) == NAMES
    for part in answers.values():
        assert part.lead.endswith(".")
        assert part.heading
        assert part.tables
        for table in part.tables:
            for head, row in table.rows:
                assert head
                assert len(row) == len(table.columns) - 1
                assert all(cell.text for cell in row)
                assert all(cell.why for cell in row if cell.text == "undefined")


def test_difference_names_its_interval_and_the_days_it_needs(answers):
    part = answers["difference"]
    assert re.search(r"earned [\d.]+ bps a day (more|less) than rules:.*\(95%: .+ to .+\)", part.lead)
    rows = dict(part.tables[0].rows)
    assert len(rows) == 2
    assert all(" to " in row[0].small and " to " in row[1].small for row in rows.values())
    assert all(re.search(r"days|years", row[3].text) for row in rows.values())


def test_all_sources_are_compared_at_once(answers, judged):
    from rook_bench.stats.multiple import model_confidence_set

    part = answers["difference"]
    together = dict(part.tables[1].rows)
    returns = {entry.label: np.log1p(entry.analysis.sampled.returns) for entry in make_entries(judged)}
    kept = model_confidence_set(returns, rng=np.random.default_rng(0))
    assert {name: cells[0].text for name, cells in together.items()} == {
        name: "yes" if name in kept.names else "no" for name in returns
    }
    assert re.search(r"After looking at 2 sources the best of them .* holding: p = 0\.\d{3}", part.notes[-1])


def test_two_sources_are_no_crowd(judged):
    part = {part.id: part for part in questions(make_entries(judged[:2]))}["difference"]
    assert len(part.tables) == 1


def test_disagreement_is_against_the_rules(answers, judged):
    part = answers["disagreement"]
    assert "rules:data_driven.json" in part.lead
    kinds = cells(part)
    assert "all of them" in kinds
    assert "HOLD to UNPARSED" in kinds
    assert "UNPARSED" not in " ".join(head for head, _ in part.tables[0].rows)
    assert any("can't be read sends no order" in line for line in part.lines)
    by_labels = questions(make_entries([judged[0], judged[2]]))[1]
    assert "the labels on the tape" in by_labels.lead
    assert any("no P&L of theirs" in line for line in by_labels.lines)


def test_confidence_is_held_against_both_truths(answers):
    captions = [table.caption for table in answers["confidence"].tables]
    assert captions[:2] == ["Against the action that paid", "Against the label"]
    assert "by the share of its trades kept" in captions[2]


def test_filters_and_their_sum(answers, judged):
    rows = cells(answers["filters"])
    assert {"decisions", "sizing", "confidence_threshold", "cooldown:60", "net"} <= set(rows)
    parts = judged[0].contributions.parts()
    assert sum(parts.values()) == judged[0].attribution.net
    assert "instead of" in answers["filters"].lead


def test_undefined_is_explained(idle, analyses):
    parts = {part.id: part for part in questions(make_entries([idle]))}
    assert "one source only" in parts["difference"].lead
    assert "no teacher" in parts["disagreement"].lead
    assert "No source states a confidence" in parts["confidence"].lead
    assert "never wants to trade" in parts["edge"].lead
    assert "never wants to trade" in parts["filters"].lead
    assert "no fills" in parts["regimes"].lead
    bare = {part.id: part for part in questions(make_entries(analyses))}
    assert "no filter changed an order" in bare["filters"].lead
    assert bare["edge"].reasons or "the edge dies at" in bare["edge"].lead


def test_the_rules_are_no_model_of_their_own(judged):
    part = questions(make_entries([judged[1], judged[2]]))[1]
    assert "is the teacher itself" in part.lead


def test_short_tape_says_so(short_tape, sides, run_of):
    found = [analyse(run_of(short_tape[:5], sides(text))) for text in ("BSBSB", "HHHHH")]
    parts = {part.id: part for part in questions(make_entries(found))}
    assert "undefined" in parts["difference"].lead
    assert "too short" in parts["regimes"].lead


def test_intervals_stand_in_the_comparison(judged):
    rows = {row.name: shown for _, found in comparison(make_entries(judged))["groups"] for row, shown in found}
    for name in ("total_return", "excess_return", "sharpe_ratio"):
        assert " to " in rows[name][0].interval
    assert rows["max_drawdown"][0].interval == ""
    assert rows["excess_return"][2].interval == ""  # hold never differs from holding


def test_pictures_stand_in_their_sections(judged, tmp_path):
    looks = {"count": 14, "candidates": 9, "first_at": "2025-01-01T00:00:00Z", "last_at": "2025-02-03", "pbo": None}
    write_report(judged, tmp_path, title="Judged", looks=looks)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    order = [page.index(f'<section id="{name}"') for name in NAMES] + [page.index('<section id="execution"')]
    with style():
        drawn = [picture for chart in QUESTIONS for picture in chart(make_entries(judged))]
    assert all(picture.empty is None for picture in drawn)
    for picture in drawn:
        start = order[NAMES.index(picture.section)]
        assert start < page.index(f'id="picture-{picture.name}"') < min(place for place in order if place > start)
        assert len(picture.alt) > 40
    said = unescape(re.sub(r"<[^>]+>", " ", page))
    assert "looked at 14 times with 9 candidates, first on 2025-01-01, last on 2025-02-03" in said


def test_looks():
    assert looks_sentence(None) == ""
    once = looks_sentence({"count": 1, "candidates": 1, "first_at": "", "last_at": "", "pbo": {"value": 0.62}})
    assert "looked at once with 1 candidate;" in once
    assert "62% of all splits" in once
    unknown = {"value": None, "undefined_because": "too few candidates"}
    assert "undefined: too few candidates" in looks_sentence({"count": 2, "candidates": 1, "pbo": unknown} | DATES)


DATES = {"first_at": "2025-01-01", "last_at": "2025-01-02"}


def test_many_filters_fit_one_picture(short_tape, run_of, sides):
    filters = [{"name": "cooldown", "seconds": float(10 * k)} for k in range(12)]
    found = analyse(run_of(short_tape, sides("BHSHB" * 60, 0.5), risk={"filters": filters}))
    with style():
        (picture,) = filters_chart(make_entries([found]))
        picture.to_png()
    ticks = [label.get_text() for label in picture.figure.axes[0].get_xticklabels()]
    assert len(ticks) <= 13
    assert any("other" in tick for tick in ticks)
