"""What the sources are called in the lead sentence, the tables and the pictures; who is candidate and champion."""

import re
from html import unescape

import pytest

from rook_bench.metrics import analyse
from rook_bench.replay import replay
from rook_bench.report import write_report
from rook_bench.report.charts.canvas import Picture, style
from rook_bench.report.entries import make_entries, names_within
from rook_bench.report.headline import headline
from rook_bench.report.pictures import pictures
from rook_bench.report.topics import topics
from rook_bench.report.verdict import roles_of, verdict_box

FAST, SLOW = "momentum:lookback=5,threshold_bps=2.5,size=0.031", "momentum:lookback=50,threshold_bps=20,size=0.1"


def said_in(figure):
    """Every text of a figure, its axes and legends."""
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_two_files_of_one_name_are_told_apart(analyses, renamed):
    entries = make_entries([renamed(analyses[0], f"rules:/x/{folder}/r.json") for folder in "AB"])
    assert [entry.label for entry in entries] == ["rules:A/r.json", "rules:B/r.json"]
    assert [entry.slug for entry in entries] == ["rules-A-r.json", "rules-B-r.json"]


def test_a_source_is_called_the_same_everywhere(analyses, renamed):
    """In the lead sentence, in the tables' heads, in captions and inside every picture."""
    entries = make_entries([renamed(analyses[0], "rules:x/r.json"), renamed(analyses[2], "lora:y/adapter")])
    name, other = (entry.label for entry in entries)
    assert (name, other) == ("rules:r.json", "lora:adapter")
    assert [entry.short for entry in entries] == [name, other]
    found = headline(entries)
    assert found["what"] == f"{name} against {other}"
    assert found["findings"][0].startswith(f"{name} ")
    asked = topics(entries)
    assert all(name in topic.lead for topic in asked if topic.id in ("difference", "edge", "regimes"))
    with style():
        for picture in (picture for draw in pictures(entries, asked) for picture in draw()):
            if isinstance(picture, Picture):
                said = f"{said_in(picture.figure)} {picture.title} {picture.caption}"
                of_the_other = picture.name == "waterfall-lora-adapter"
                assert set(re.findall(r"rules:[\w.]*\w", said)) == (set() if of_the_other else {name}), picture.name


def test_long_names_keep_what_tells_them_apart(analyses, renamed):
    entries = make_entries([renamed(analyses[0], FAST), renamed(analyses[2], SLOW), analyses[1]])
    assert [entry.label for entry in entries] == [FAST, SLOW, "hold"]
    assert [entry.short for entry in entries] == [
        "momentum:lo=5,th=2.5,si=0.031",
        "momentum:lo=50,th=20,si=0.1",
        "hold",
    ]
    assert headline(entries)["findings"][0].startswith(FAST)
    narrow = names_within(entries, 24)
    assert max(map(len, narrow.values())) <= 24
    assert len(set(narrow.values())) == 3


@pytest.mark.usefixtures("few_pictures")
def test_an_alias_is_what_the_page_says(analyses, renamed, tmp_path):
    write_report([renamed(analyses[0], FAST), analyses[1]], tmp_path, title="Aliases", aliases=["fast", None])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    heads = [
        unescape(re.sub(r"<[^>]+>", "", head)) for head in re.findall(r'<th scope="col" class="source.*?</th>', page)
    ]
    assert set(heads) == {"fast", "hold"}
    assert '<p class="lead">fast ' in page
    assert make_entries(analyses[:1], ["fast"])[0].slug == "fast"


def test_a_source_of_the_users_own_named_hold_is_not_holding(short_tape, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from rook_bench import Decision, decision_source\n\n\n"
        "@decision_source\ndef hold():\n    return lambda view: Decision.hold('mine')\n"
    )
    own, project = make_entries([analyse(replay(short_tape, source)) for source in (f"{file}@hold", "hold")])
    assert (own.holds, project.holds) == (False, True)


# Candidate and champion.


def side_of(analysis):
    run = analysis.run
    return {
        "source": run.source.reference,
        "name": run.name,
        "run_hash": run.run_hash,
        "decisions_hash": run.decided.tape.content_hash,
    }


@pytest.fixture(scope="module")
def judged(analyses):
    """What verdict.json says of momentum against random, with hold between them in the report."""
    frame = analyses[0].run.frame
    return {
        "verdict": "BLOCK",
        "reasons": [],
        "checks": [],
        "policy": {"name": "strict", "hash": "ab" * 32},
        "candidate": side_of(analyses[0]),
        "champion": side_of(analyses[2]),
        "tape": {"pair": frame.pool.pair, "swaps": len(frame), "data_hash": frame.data_hash},
    }


@pytest.mark.usefixtures("few_pictures")
def test_the_page_says_who_the_champion_is(analyses, judged, tmp_path):
    write_report(analyses, tmp_path, title="Judged", verdict=judged)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    line = unescape(re.sub(r"<[^>]+>", "", re.search(r'<p class="about">.*?</p>', page, re.S)[0]))
    assert "Candidate: momentum" in line
    assert "Champion: random:0.16" in line
    assert "Policy: strict (hash abababababab)" in line
    assert f"Tape: {analyses[0].run.frame.pool.pair}, 2,000 swaps" in line
    table = page.split('<section id="comparison"')[1].split("</thead>")[0]
    heads = re.findall(r'<th scope="col" class="source.*?</th>', table)
    assert [re.findall(r'class="role">(\w+)', head) for head in heads] == [["candidate"], ["champion"], [], []]
    # Only the comparison is marked, in both its tables.
    section = page.split('<section id="comparison"')[1].split("</section>")[0]
    assert page.count('class="role"') == section.count('class="role"') == 4


def test_sides_of_a_verdict_are_found_again(analyses, judged):
    entries = make_entries(analyses)
    assert roles_of(judged, entries) == {"momentum": ["candidate"], "random:0.16": ["champion"]}
    # Another version of the code gives the same run another hash.
    older = judged | {"champion": judged["champion"] | {"run_hash": "0" * 64}}
    assert roles_of(older, entries) == roles_of(judged, entries)
    gone = judged | {
        "champion": side_of(analyses[0]) | {"name": "lora:old", "source": "lora:x/old", "run_hash": "0" * 64}
    }
    assert roles_of(gone, entries) == {"momentum": ["candidate"]}
    assert ("champion", "lora:old") in verdict_box(gone, entries).about
    same = judged | {"champion": judged["candidate"]}
    assert roles_of(same, entries) == {"momentum": ["candidate", "champion"]}
    assert ("champion", "none") in verdict_box(judged | {"champion": None}, entries).about
    assert roles_of(None, entries) == {}


def test_the_names_in_the_box_are_those_of_the_columns(analyses, renamed, judged):
    entries = make_entries([analyses[0], renamed(analyses[2], "x/random.py@r"), renamed(analyses[1], "y/random.py@r")])
    box = verdict_box(judged | {"champion": side_of(entries[1].analysis)}, entries)
    assert ("champion", "x/random.py@r") in box.about


def test_a_run_without_filters_has_no_picture_of_them(analyses, tmp_path, undrawn):
    write_report(analyses[:2], tmp_path, title="No filters")
    assert not {"filters.png", "confusion.png", "reliability.png"} & {path.name for path in tmp_path.iterdir()}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    section = page.split('<section id="filters"')[1].split("</section>")[0]
    assert "no filter changed an order" in section
    assert "<img" not in section
    assert "The tape carries no labels to compare decisions with." in page
