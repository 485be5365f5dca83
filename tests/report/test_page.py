"""The page: complete, self-contained, escaped, and honest about what is undefined."""

import base64
import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from rook_bench.core import Estimate, InputError
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.metrics import analyse
from rook_bench.plugins import metric
from rook_bench.replay import replay
from rook_bench.report import write_report
from rook_bench.report.assumptions import assumptions
from rook_bench.report.comparison import comparison
from rook_bench.report.entries import make_entries
from rook_bench.report.formatting import percent
from rook_bench.report.headline import headline
from rook_bench.report.tape import tape_facts
from rook_bench.report.verdict import arranged, verdict_box

SECTIONS = (
    "headline",
    "checks",
    "comparison",
    "difference",
    "disagreement",
    "confidence",
    "edge",
    "filters",
    "regimes",
    "pictures",
    "tape",
    "execution",
    "labels",
    "markouts",
    "assumptions",
    "conventions",
    "provenance",
)


def page_of(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


def text_of(page):
    """What a reader sees, without pictures and style."""
    page = re.sub(r"<style>.*?</style>|<script[^>]*>.*?</script>|<!--.*?-->", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page))).replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def page(comparison_folder):
    return page_of(comparison_folder)


@pytest.fixture(scope="module")
def idle_page(idle_folder):
    return page_of(idle_folder)


def test_sections_stand_in_order(page):
    places = [page.index(f'<section id="{name}"') for name in SECTIONS]
    assert places == sorted(places)
    for target in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{target}"' in page


@pytest.mark.parametrize("name", ["page", "idle_page"])
def test_nothing_is_loaded_from_elsewhere(name, request):
    page = request.getfixturevalue(name)
    links = re.findall(r'(?:src|href|action|srcset)\s*=\s*"([^"]*)"', page)
    assert links
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    page = re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    assert not re.search(r"url\(|@import|<script[^>]*src|<link|<iframe|https?://", page)


def test_only_the_pages_own_script_may_run(page):
    texts = re.findall(r"<script>(.*?)</script>", page, re.S)
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.endswith("; script-src " + " ".join(f"'sha256-{digest}'" for digest in digests))
    assert page.count("<script") == len(texts) + page.count('<script type="application/json" id="chart-data">')
    assert "unsafe-inline" not in policy.split("script-src")[1]
    assert not re.search(r"\son\w+=|javascript:", re.sub(r"<script>.*?</script>", "", page, flags=re.S))


def test_every_picture_has_words(page):
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) >= 8
    assert all(len(re.search(r'alt="([^"]*)"', image)[1]) > 20 for image in images)


def test_headline_is_derived_from_the_run(page, entries):
    first = entries[0]
    parts = first.analysis.attribution
    seen = text_of(page)
    assert f"{percent(abs(first.analysis.estimates['total_return'].value))} net" in seen
    assert percent((parts.fee + parts.impact + parts.gas + parts.reverts) / parts.opening) + " costs" in seen
    assert f"{len(first.run.frame):,} swaps" in seen
    assert "far too short to tell skill from luck" in seen
    assert "The tape is simulated:" in seen


def test_verdict_is_shown_with_its_policy_and_checks(page):
    box = re.search(r'<div class="verdict block".*?</div>\n</div>', page, re.S)[0]
    assert "BLOCK" in box
    assert "default (hash 0123456789ab)" in box
    checks = re.search(r'<section id="checks">.*?</section>', page, re.S)[0]
    assert "Why BLOCK" in checks
    assert text_of(checks).count("9% is above 5%") == 1
    assert "max_drawdown fail" in text_of(checks)
    assert "{" not in text_of(box + checks)


def test_checks_that_hold_are_folded_and_other_reasons_are_told():
    checks = [{"name": name, "status": name, "detail": "why"} for name in ("pass", "fail", "info", "waived")]
    box = verdict_box({"verdict": "BLOCK", "reasons": ["fail: why", "the tape is another"], "checks": checks}, [])
    assert [check["name"] for check in box.open_checks] == ["fail", "waived"]
    assert [check["name"] for check in box.held_checks] == ["pass", "info"]
    assert box.other_reasons == ["the tape is another"]


@pytest.mark.parametrize(
    ("word", "style"),
    [
        ("PROMOTE", "promote"),
        ("BLOCK", "block"),
        ("INCONCLUSIVE", "inconclusive"),
        ("INVALID", "invalid"),
        ("MAYBE", "invalid"),
    ],
)
def test_verdict_styles(word, style):
    box = verdict_box({"verdict": word, "reasons": ["why"], "checks": [], "policy": "gate.toml"}, [])
    assert (box.word, box.style, box.about) == (word, style, [("policy", "gate.toml")])


def test_no_verdict_no_box(idle_page):
    assert 'class="verdict' not in idle_page


def shown_estimates(analysis):
    """All but those of a numeraire, which a run without one has no place for."""
    return {name: one for name, one in analysis.estimates.items() if not name.startswith("numeraire_")}


def test_undefined_is_never_blank_or_zero(idle, idle_page):
    table = comparison(make_entries([idle]))
    cells = {row.name: cells[0] for _, rows in table["groups"] for row, cells in rows}
    undefined = {name: estimate for name, estimate in shown_estimates(idle).items() if not estimate.defined}
    assert {"win_rate", "profit_factor", "cost_per_turnover", "calmar_ratio"} <= set(undefined)
    reasons = dict(table["footnotes"])
    for name, estimate in undefined.items():
        assert cells[name].text == "undefined"
        assert reasons[cells[name].note] == estimate.undefined_because
        assert f'id="note-{cells[name].note}"' in idle_page
        assert estimate.undefined_because in text_of(idle_page)
    assert all(cell.text for cell in cells.values())
    assert not re.search(r"<td[^>]*>\s*</td>", idle_page)


def test_every_metric_shows_with_its_n(analyses, page):
    table = comparison(make_entries(analyses))
    shown = {row.name: cells for _, rows in table["groups"] for row, cells in rows}
    assert set(shown) == set(shown_estimates(analyses[0]))
    for name, cells in shown.items():
        assert [cell.small[-1] for cell in cells] == [f"n = {analysis.estimates[name].n:,}" for analysis in analyses]
        assert f"<code>{name}</code>" in page


def test_conventions_are_the_metrics_own(analyses, page):
    seen = text_of(page)
    for analysis in analyses:
        for estimate in analysis.estimates.values():
            assert estimate.convention[1:] in seen


@pytest.mark.usefixtures("few_pictures")
def test_metric_of_a_user_shows(short_tape, tmp_path):
    with metric.isolated():

        @metric(unit="fraction")
        def luck_share(sampled):
            """How much of it was luck."""
            return Estimate(0.25, 7, "fraction", "guessed", low=0.1, high=0.4)

        @metric(unit="moons")
        def moon_phase(sampled):
            """Undefined without a sky."""
            return Estimate.undefined("there is no sky here", n=0, unit="moons")

        write_report([analyse(replay(short_tape, "momentum"))], tmp_path, title="Mine")
    seen = text_of(page_of(tmp_path))
    assert re.search(r"Other .*luck share 25\.00% 10\.00% to 40\.00% n = 7", seen)
    assert "How much of it was luck. Guessed." in seen
    assert re.search(r"moon phase undefined \d+ n = 0", seen)
    assert "there is no sky here" in seen


@pytest.mark.usefixtures("few_pictures")
def test_metric_that_one_run_lacks(analyses, tmp_path):
    fewer = {name: estimate for name, estimate in analyses[1].estimates.items() if name != "turnover"}
    write_report([analyses[0], replace(analyses[1], estimates=fewer)], tmp_path, title="Old and new")
    assert "not measured" in text_of(page_of(tmp_path))


HOSTILE = '<script>alert("x")</script>$a_b$ & {{ 7*7 }}'


@pytest.mark.usefixtures("few_pictures")
def test_hostile_names_are_text(analyses, renamed, tmp_path):
    hostile = renamed(analyses[0], HOSTILE)
    verdict = {"verdict": "<b>", "reasons": [HOSTILE], "checks": [{"name": HOSTILE, "status": '"><i>', "detail": ""}]}
    write_report([hostile, analyses[1]], tmp_path, title=HOSTILE, verdict=verdict)
    page = page_of(tmp_path)
    assert HOSTILE not in page
    assert "<script>alert" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "49" not in re.search(r"<h1>(.*?)</h1>", page)[1]
    assert HOSTILE in text_of(page)


@pytest.mark.usefixtures("few_pictures")
def test_long_names_fit_and_stay_whole(analyses, renamed, tmp_path):
    name = "lora:" + "a_very_long_adapter_name_" * 12
    many = [renamed(analysis, f"{name}{index}") for index, analysis in enumerate([*analyses, *analyses[:2]])]
    write_report(many, tmp_path, title="Long")
    page = page_of(tmp_path)
    assert all(f"{name}{index}" in page for index in range(len(many)))
    assert all(len(path.name) < 120 for path in tmp_path.iterdir())


def test_equal_names_are_told_apart(analyses, tmp_path, undrawn):
    labels = [entry.label for entry in make_entries([analyses[0]] * 3)]
    assert labels == ["momentum", "momentum (2)", "momentum (3)"]
    write_report([analyses[0], analyses[0]], tmp_path, title="Twice")
    assert {"waterfall-momentum.png", "waterfall-momentum-2.png"} <= {path.name for path in tmp_path.iterdir()}


def test_champion_and_holding_stand_beside_the_candidate(entries):
    names = [entry.label for entry in entries]
    assert names == ["momentum", "hold", "random:0.16", "foresight"]
    shuffled = [entries[0], entries[3], entries[2], entries[1]]
    assert [entry.label for entry in arranged(shuffled, None)] == names
    verdict = {"champion": {"run_hash": entries[2].run.run_hash}}
    assert [entry.label for entry in arranged(shuffled, verdict)] == ["momentum", "random:0.16", "hold", "foresight"]
    colours = {entry.label: entry.colour for entry in entries}
    assert all(entry.colour == colours[entry.label] for entry in arranged(shuffled, verdict))


def test_bound_is_greyed_and_named(page, entries):
    assert [entry.bound for entry in entries] == [False, False, False, True]
    assert "declared: unreachable bound" in page
    assert "foresight, which knows the future" in text_of(page)
    assert len({entry.colour for entry in entries}) == len(entries)


@pytest.mark.usefixtures("few_pictures")
def test_leak_is_called_out(analyses, tmp_path):
    found = replace(analyses[0].run.lookahead, status="leak", leak_row=5, detail="the decision at row 6 changed")
    leaky = replace(analyses[0], run=replace(analyses[0].run, lookahead=found))
    write_report([leaky], tmp_path, title="Leak")
    seen = text_of(page_of(tmp_path))
    assert "Look-ahead: momentum is not valid. the decision at row 6 changed." in seen
    assert "leak: sees the future" in seen


def test_all_outcomes_are_listed(page, analyses):
    seen = text_of(page)
    for name, count in analyses[0].outcomes.items():
        assert re.search(rf"{name} .*? {count:,}\b", seen)
    assert "No filter refused an order." in seen or "end_of_tape" in seen


@pytest.mark.usefixtures("few_pictures")
def test_rejections_by_filter(short_tape, tmp_path):
    from rook_bench.replay import ReplayConfig

    config = ReplayConfig.parse({"risk": {"filters": [{"name": "cooldown", "seconds": 600}]}}, where="test")
    strict, plain = analyse(replay(short_tape, "momentum", config)), analyse(replay(short_tape, "momentum"))
    assert strict.rejections["cooldown"] > 0
    write_report([strict, plain], tmp_path, title="Cooldown")
    seen = text_of(page_of(tmp_path))
    assert f"cooldown {strict.rejections['cooldown']}" in seen
    assert dict(assumptions(make_entries([strict, plain])))["Filters"] == ["cooldown (seconds 600)", "none"]
    assert "cooldown (seconds 600)" in seen


def test_labels_and_unparsed_answers(short_tape, sides, run_of, tmp_path, undrawn):
    names = np.array(["BUY", "HOLD", "SELL"] * 100, dtype=object)
    frame = replace(short_tape, labels={"label_side": names})
    read = sides("BHS" * 100, confidence=0.7)
    lost = np.arange(300) < 30
    tape = replace(read, side=np.where(lost, np.int8(UNPARSED), read.side), size=np.where(lost, 0.0, read.size))
    write_report([analyse(run_of(frame, tape))], tmp_path, title="Labelled")
    seen = text_of(page_of(tmp_path))
    assert "Label BUY HOLD SELL UNPARSED Rows" in seen
    assert "10.0% of its answers can't be read" in unescape(page_of(tmp_path))


def test_provenance_names_no_folder_of_this_machine(page, root, analyses):
    assert str(root) not in page
    run = analyses[0].run
    for digest in (run.run_hash, run.frame.data_hash, run.decided.tape.content_hash, run.source.spec.sha256):
        assert digest in page


def test_tape_warnings(analyses):
    check = analyses[0].run.tape_check
    assert {fact.level for fact in tape_facts(check)} == {"ok"}
    poor = replace(
        check,
        chained_share=0.6,
        implied_fee=None,
        rounded={"liquidity": "rebuilt"},
        duplicates=1,
        reordered=2,
        dust_opening=3,
        dust_largest_move=0.5,
        gaps=None,
        same_block=None,
        zero_liquidity=4,
        unknown={"implied_fee": "no pair chains"},
    )
    levels = {fact.name: fact.level for fact in tape_facts(poor)}
    warned = {name for name, level in levels.items() if level == "warn"}
    assert warned == {"Chaining", "Rounded column", "Duplicates", "Order", "Opening", "No liquidity"}
    assert {name for name, level in levels.items() if level == "unknown"} == {"Fee", "Blocks", "Gaps"}
    assert "Not known: no pair chains." in [fact.text for fact in tape_facts(poor)]


def test_findings_against_each_benchmark(entries):
    lines = headline(entries)["findings"]
    assert len(lines) == 4  # its own, hold, random, the bound
    assert any("holding the opening balances" in line for line in lines)


def test_nothing_to_report(tmp_path):
    with pytest.raises(InputError, match="no run to report"):
        write_report([], tmp_path, title="Empty")


def test_importing_costs_no_drawing_library():
    code = "import sys, rook_bench.report; print([name for name in ('matplotlib', 'jinja2') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


# Re-pricing and adverse ordering.


def tape_section(page):
    return re.search(r'<section id="tape">.*?</section>', page, re.S)[0]


def test_the_tape_check_says_how_much_of_the_tape_prices_again(comparison_folder):
    head = tape_section(page_of(comparison_folder))
    assert "This tape re-prices 100% of its own swaps exactly, to the last unit (2,000 of 2,000)." in head


@pytest.mark.usefixtures("few_pictures")
def test_a_tape_that_can_not_be_priced_again_says_why(tape, run_of, sides, tmp_path):
    bare = replace(tape, amount0=None, amount1=None, history=None)
    write_report([analyse(run_of(bare, sides("H" * len(bare))))], tmp_path, title="No amounts")
    head = tape_section(page_of(tmp_path))
    assert "reproduces this tape can&#39;t be told: the log carries no amounts" in head


def test_a_break_is_named_in_the_tape_check(tape, run_of, sides):
    amounts = list(tape.amount0)
    amounts[700] += 1000  # one unit more could all be fee
    broken = replace(tape, amount0=type(tape.amount0).of(amounts))
    check = run_of(broken, sides("H" * len(broken))).tape_check
    facts = {fact.name: fact for fact in tape_facts(check)}
    assert facts["Re-pricing"].level == "warn"
    assert "99.95%" in facts["Re-pricing"].text
    assert "First at swap 701, block" in facts["Where it breaks"].text
    assert "amount0 does not fit the rest of its row" in facts["Where it breaks"].text


def test_three_levels_of_adverse_ordering_are_in_the_table(entries):
    rows = dict(comparison(entries)["groups"])["Net return under adverse ordering"]
    assert [row.name for row, _ in rows] == ["return_without_mev", "return_typical_mev", "return_worst_mev"]
    without, _, worst = (cells[0].text for _, cells in rows)
    assert without != worst


def test_searchers_stand_in_the_waterfall_only_where_they_are_assumed(tape, run_of, sides):
    from rook_bench.report.charts.waterfall import waterfall

    for mev, expected in (("none", False), ("worst", True)):
        run = run_of(tape, sides("BS" * (len(tape) // 2), 0.1), frictions={"mev": mev})
        (picture,) = waterfall(make_entries([analyse(run)]))
        ticks = [label.get_text() for label in picture.figure.axes[0].get_xticklabels()]
        assert ("mev" in ticks) is expected
