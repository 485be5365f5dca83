"""The questions after the pictures: answered in words, with intervals, or with the reason why not."""

import re
from collections import Counter
from dataclasses import replace
from html import unescape
from importlib import import_module

import numpy as np
import pytest
from matplotlib.colors import to_hex

from rook_bench.core import SIDE_NAMES, Estimate, Side
from rook_bench.core.decision_tape import UNPARSED, DecisionTape
from rook_bench.gates import Policy, judge
from rook_bench.metrics import Clock, analyse
from rook_bench.metrics.paired import paired
from rook_bench.metrics.sensitivity import BreakEven
from rook_bench.replay import replay
from rook_bench.report import write_report
from rook_bench.report.asked import asked_of
from rook_bench.report.charts.canvas import BUY_COLOUR, INK, SELL_COLOUR, Picture, style
from rook_bench.report.comparison import comparison
from rook_bench.report.entries import make_entries
from rook_bench.report.headline import looks_sentence
from rook_bench.report.topics import topics
from rook_bench.report.topics.difference import days_text, difference
from rook_bench.report.topics.edge import edge
from rook_bench.report.topics.filters import filters

NAMES = ("difference", "disagreement", "confidence", "trades", "edge", "filters", "regimes")


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
    return {part.id: part for part in topics(make_entries(judged))}


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
    assert all(" to " in row[0].small[0] and " to " in row[1].small[0] for row in rows.values())
    assert all(re.search(r"days|years", row[3].text) for row in rows.values())


@pytest.mark.parametrize("primary", [{}, {"test": "non-inferiority", "margin_bps_per_day": 50, "power": 0.9}])
def test_days_needed_are_those_of_the_verdict(judged, primary):
    """One pair, one number, on the page and in the verdict, and the words say what was asked."""
    policy = Policy.parse({"primary": {"min_buckets": 50, **primary}}, where="test")
    verdict = judge(policy, judged[1], judged[2]).to_json()
    (days,) = [check["power"]["days_needed"] for check in verdict["checks"] if check["power"]]
    pair = make_entries(judged[1:])
    part = topics(pair, verdict)[0]
    (row,) = [row for _, row in part.tables[0].rows]
    assert row[3].text == days_text(days)
    alone = topics(pair)[0].tables[0].rows[0][1][3].text
    assert (row[3].text == alone) == (not primary)
    if primary:
        assert "lies above or below the policy's \N{MINUS SIGN}50.0 bps per day with 90% power" in part.notes[0]
    else:
        assert "show a difference of this size with 80% power at a one-sided level of 2.5%" in part.notes[0]


def test_a_verdict_without_a_question_asks_nothing(judged):
    verdict = judge(Policy(), judged[1], judged[2]).to_json()
    assert asked_of(verdict) == asked_of(None) == {}


def test_stretches_stand_with_the_regimes(judged):
    analysis = analyse(judged[0].run, Clock(bucket_s=60))
    part, found = topics(make_entries([analysis]))[-1], analysis.walk_forward
    rows = part.tables[1].rows
    assert len(rows) == len(found.folds) == 5
    assert rows[0][0].startswith(str(found.folds[0].first_at)[:10])
    assert [row[0].text for _, row in rows] == [str(fold.buckets) for fold in found.folds]
    verb = "end" if found.ahead > 1 else "ends"
    assert part.lines[0].startswith(f"{found.ahead or 'None'} of 5 stretches {verb} above holding; without the best")
    assert re.search(r"it is .+\sbps a day \(95%: .+ to .+\) over hold", part.lines[0])


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
    part = {part.id: part for part in topics(make_entries(judged[:2]))}["difference"]
    assert len(part.tables) == 1


def test_disagreement_is_against_the_rules(answers, judged):
    part = answers["disagreement"]
    assert "rules:data_driven.json" in part.lead
    kinds = cells(part)
    assert "all of them" in kinds
    assert "HOLD to UNPARSED" in kinds
    assert "UNPARSED" not in " ".join(head for head, _ in part.tables[0].rows)
    assert any("can't be read sends no order" in line for line in part.lines)
    by_labels = topics(make_entries([judged[0], judged[2]]))[1]
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
    parts = {part.id: part for part in topics(make_entries([idle]))}
    assert "one source only" in parts["difference"].lead
    assert "no teacher" in parts["disagreement"].lead
    assert "No source states a confidence" in parts["confidence"].lead
    assert "never wants to trade" in parts["edge"].lead
    assert "never wants to trade" in parts["filters"].lead
    assert "no fills" in parts["regimes"].lead
    bare = {part.id: part for part in topics(make_entries(analyses))}
    assert "no filter changed an order" in bare["filters"].lead
    assert bare["edge"].reasons or "the edge dies at" in bare["edge"].lead


def test_the_rules_are_no_model_of_their_own(judged):
    part = topics(make_entries([judged[1], judged[2]]))[1]
    assert "is the teacher itself" in part.lead


def test_short_tape_says_so(short_tape, sides, run_of):
    found = [analyse(run_of(short_tape[:5], sides(text))) for text in ("BSBSB", "HHHHH")]
    parts = {part.id: part for part in topics(make_entries(found))}
    assert "undefined" in parts["difference"].lead
    assert "too short" in parts["regimes"].lead
    assert "the tape is too short for folds" in parts["regimes"].lines[0]
    assert len(parts["regimes"].tables) == 1


def test_intervals_stand_in_the_comparison(judged):
    rows = {row.name: shown for _, found in comparison(make_entries(judged))["groups"] for row, shown in found}
    for name in ("total_return", "excess_return", "sharpe_ratio"):
        assert " to " in rows[name][0].small[0]
    assert len(rows["max_drawdown"][0].small) == 1
    assert len(rows["excess_return"][2].small) == 1  # hold never differs from holding


def test_pictures_stand_in_their_sections(judged, tmp_path, undrawn):
    looks = {"count": 14, "candidates": 9, "first_at": "2025-01-01T00:00:00Z", "last_at": "2025-02-03"}
    write_report(judged, tmp_path, title="Judged", looks=looks)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    order = [page.index(f'<section id="{name}"') for name in NAMES] + [page.index('<section id="execution"')]
    with style():
        drawn = [draw() for topic in topics(make_entries(judged)) for draw in topic.draw]
    assert all(isinstance(picture, Picture) for picture in drawn)
    for picture in drawn:
        if picture.section not in NAMES:
            continue
        start = order[NAMES.index(picture.section)]
        assert start < page.index(f'id="picture-{picture.name}"') < min(place for place in order if place > start)
        assert len(picture.alt) > 40
    said = unescape(re.sub(r"<[^>]+>", " ", page))
    assert "looked at 14 times with 9 candidates, first on 2025-01-01, last on 2025-02-03" in said


def test_looks():
    assert looks_sentence(None) == ""
    once = looks_sentence({"count": 1, "candidates": 1, "first_at": "", "last_at": ""})
    assert "looked at once with 1 candidate;" in once
    dates = {"first_at": "2025-01-01", "last_at": "2025-01-02"}
    assert "2 times with 1 candidate, first on 2025-01-01" in looks_sentence({"count": 2, "candidates": 1} | dates)


def test_many_filters_fit_one_picture(short_tape, run_of, sides):
    risk = [{"name": "cooldown", "seconds": float(10 * k)} for k in range(12)]
    found = analyse(run_of(short_tape, sides("BHSHB" * 60, 0.5), risk={"filters": risk}))
    with style():
        (draw,) = filters(make_entries([found])[0]).draw
        picture = draw()
        picture.to_png()
    ticks = [label.get_text() for label in picture.figure.axes[0].get_xticklabels()]
    assert len(ticks) <= 13
    assert any("other" in tick for tick in ticks)


def module_of(topic):
    """A topic's module, which its function of the same name hides."""
    return import_module(f"rook_bench.report.topics.{topic}")


# What is said follows from the numbers, not from how their conventions and reasons are worded.


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("dead", "even without fee and gas there would be no edge"),
        ("alive", "over hold; reworded"),
    ],
)
def test_an_edge_that_never_dies_is_told_from_one_that_never_was(analyses, what, said):
    first = make_entries(analyses[:1])[0]
    at = Estimate.undefined("reworded", n=3, unit="ratio")
    first.analysis.__dict__["surface"] = replace(first.analysis.surface, break_even=BreakEven(what, at))
    assert said in edge(first).lead
    del first.analysis.__dict__["surface"]


@pytest.mark.parametrize(
    ("same", "why"), [(True, "both decide alike on every row"), (False, "the two equity curves are the same")]
)
def test_a_difference_of_zero_says_why(analyses, monkeypatch, same, why):
    def reworded(mine, theirs, clock):
        found = paired(mine, mine, clock)
        return replace(found, per_day=replace(found.per_day, convention="reworded"), same_decisions=same)

    monkeypatch.setattr(module_of("difference"), "paired", reworded)
    assert difference(make_entries(analyses[:2])).lead == f"momentum and hold earn the same, by construction: {why}."


def test_a_disagreement_is_coloured_by_what_the_model_says(judged):
    (part,) = [topic for topic in topics(make_entries(judged)) if topic.id == "disagreement"]
    with style():
        figure = part.draw[0]().figure
    axes = figure.axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    dots = [to_hex(dot.get_edgecolor()[0]).upper() for dot in axes.collections]
    colours = {"BUY": BUY_COLOUR, "SELL": SELL_COLOUR, "HOLD": "#8A94A0", "them": INK}
    assert len(names) > 4
    assert dots == [colours[name.split()[-1]] for name in names]


def test_each_question_is_worked_out_once(judged, monkeypatch):
    """Words and pictures of a question come from one computed object."""
    asked = Counter()

    def counted(module, name):
        plain = getattr(module, name)

        def count(*arguments):
            asked[name] += 1
            return plain(*arguments)

        monkeypatch.setattr(module, name, count)

    counted(module_of("difference"), "paired")
    counted(module_of("disagreement"), "compare")
    counted(module_of("confidence.stated"), "stated_profitable")
    counted(module_of("confidence.stated"), "value_by_coverage")
    with style():
        for topic in topics(make_entries(judged)):
            for draw in topic.draw:
                draw()
    assert asked["paired"] == 2  # one for each other source
    assert asked["compare"] == 1
    assert asked["stated_profitable"] == 3  # one for each source
    assert asked["value_by_coverage"] == 2  # those of the two that state something
