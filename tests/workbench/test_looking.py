"""What was asked and said: kept beside the decisions, found again row by row, and no part of what is compared."""

import io
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import rook_bench as rook
from rook_bench.core import InputError
from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.transcript import COUNTS, SIDES, Transcript
from rook_bench.dataset.split_tapes import split_tape
from rook_bench.language.template import load_template
from rook_bench.market.view import MarketView
from rook_bench.sources.saved import read_decisions, write_decisions
from rook_bench.workbench.looking import Choice, look

pytest.importorskip("torch", reason="the train extra is not installed")


@pytest.fixture(scope="module")
def compared(tiny_adapter, prepared, tmp_path_factory):
    """A comparison's folder: the adapter and its rules on labelled rows."""
    folder = tmp_path_factory.mktemp("compared") / "all"
    frame = split_tape(prepared, "validation").read()
    rook.compare(frame, [f"lora:{tiny_adapter}", "rules:data_driven"]).save(folder, report=False)
    return folder


@pytest.fixture(scope="module")
def run(compared):
    return next(path for path in (compared / "runs").iterdir() if path.name.startswith("lora"))


def test_prompts_and_probabilities_are_those_of_the_model(run, prepared):
    table = pq.read_table(run / "decisions.parquet").to_pandas()
    frame = split_tape(prepared, "validation").read()
    prompts = load_template("codes").render(MarketView.whole(frame)).texts
    assert table["prompt"].tolist() == prompts
    assert table["at"].tolist() == list(frame.at_index)
    asked = table["prompt"] != ""
    odds = table.loc[asked, list(SIDES)].to_numpy()
    np.testing.assert_allclose(odds.sum(axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(odds.max(axis=1), table.loc[asked, "confidence"], atol=1e-12)
    sides = np.array(["BUY", "HOLD", "SELL"])[odds.argmax(axis=1)]
    assert sides.tolist() == table.loc[asked, "side"].tolist()
    assert (table.loc[asked, "prompt_tokens"] == 6).all()
    assert (table.loc[asked, "seconds"] > 0).all()
    assert table["answer_tokens"].isna().all(), "scored answers are not written"
    assert table["cost_usd"].isna().all(), "what nobody charges is not known to be free"
    written = re.compile(r" (buy|sell) \d+ \d+ \d+| hold")
    assert all(written.fullmatch(text) for text in table.loc[asked, "said"])


def test_a_transcript_is_kept_and_is_no_part_of_the_decisions(tmp_path):
    rows = 6
    told = {name: np.arange(rows, dtype=float) for name in (*SIDES, *COUNTS)}
    told["cost_usd"] = np.array([0.5, np.nan, 0.25, np.nan, np.nan, 0.0])
    texts = {name: np.array([f"{name} {row % 2}" for row in range(rows)], dtype=object) for name in ("prompt", "said")}
    transcript = Transcript(**texts, **told)
    plain = DecisionTape.from_sides(np.ones(rows), 0.0)
    tape = replace(plain, transcript=transcript)
    assert tape.content_hash == plain.content_hash
    assert tape.bare.transcript is None
    write_decisions(tape, tmp_path / "d.parquet", {"data_hash": "x"})
    read = read_decisions(tmp_path / "d.parquet")[0].transcript
    for name, column in transcript.columns().items():
        np.testing.assert_array_equal(getattr(read, name), column)
    assert read.prompt[0] is read.prompt[2], "equal texts are one object in memory"
    cut = tape.rows(slice(2, 4)).transcript
    assert cut.prompt.tolist() == ["prompt 0", "prompt 1"]
    with pytest.raises(InputError, match="of another number of rows"):
        replace(plain.head(3), transcript=transcript)
    with pytest.raises(InputError, match="column 'seconds' has 2 rows instead of 6"):
        replace(transcript, seconds=np.zeros(2))


def test_text_without_end_in_a_transcript_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("rook_bench.core.untrusted.MOST_TEXT", 1000)
    rows = 3
    told = {name: np.zeros(rows) for name in (*SIDES, *COUNTS)}
    texts = {name: np.array(["x" * 600, "y" * 600, ""], dtype=object) for name in ("prompt", "said")}
    tape = replace(DecisionTape.from_sides(np.ones(rows), 0.0), transcript=Transcript(**texts, **told))
    write_decisions(tape, tmp_path / "d.parquet", {"data_hash": "x"})
    with pytest.raises(InputError, match="bytes of text"):
        read_decisions(tmp_path / "d.parquet")


def test_kept_decisions_come_with_what_was_said(tiny_adapter, short_tape, fresh_models):
    source = rook.Source.parse(f"lora:{tiny_adapter}")
    from rook_bench.sources.decide import decide

    first, second = decide(source, short_tape), decide(source, short_tape)
    assert second.reused
    assert second.tape.transcript.said.tolist() == first.tape.transcript.said.tolist()


def test_what_is_written_is_counted(mini_adapter, short_tape, fresh_models):
    tape = rook.Source.parse(f"lora:{mini_adapter},mode=generate").ask(short_tape[:20])
    told = tape.transcript
    asked = told.prompt != ""
    assert told.said.tolist() == tape.raw_text.tolist()
    assert (told.answer_tokens[asked] > 0).all()
    assert np.isnan(told.p_buy).all()


# Looking.


def test_rows_are_found(run):
    everything = look(run, Choice())
    by_side = {side: look(run, Choice(side=side)) for side in ("BUY", "HOLD", "SELL", "UNPARSED")}
    assert sum(map(len, by_side.values())) == len(everything)
    wrong = look(run, Choice(wrong=True))
    assert (wrong["side"] != wrong["label"]).all()
    assert wrong["confidence"].is_monotonic_decreasing
    losers = look(run, Choice(losers=True))
    assert (losers["markout_300s_bps"] < 0).all()
    assert losers["markout_300s_bps"].is_monotonic_increasing
    apart = look(run, Choice(disagree=True))
    assert len(apart)
    assert (apart["side"] != apart["other"]).all()
    assert list(apart.index) == sorted(apart.index)
    assert look(run, Choice(disagree=True, side="BUY"))["side"].eq("BUY").all()
    assert list(look(run, Choice(row=60)).index) == [60]


def test_another_run_to_disagree_with(run, compared, tape, tmp_path):
    beside = compared / "runs" / "hold"
    apart = look(run, Choice(disagree=True), other=beside)
    assert len(apart) == (look(run, Choice())["side"] != "HOLD").sum()
    assert apart["other"].eq("HOLD").all()
    rook.evaluate(tape[:100], "hold").save(tmp_path / "elsewhere", report=False)
    with pytest.raises(InputError, match="it was made on another tape"):
        look(run, Choice(disagree=True), other=tmp_path / "elsewhere")


def test_no_labels_no_teacher(tape, tmp_path):
    rook.evaluate(tape[:100], "always-buy").save(tmp_path / "run", report=False)
    for choice, words in (
        (Choice(wrong=True), "carries no labels to be wrong against"),
        (Choice(disagree=True), "--with RUN"),
    ):
        with pytest.raises(InputError, match=words):
            look(tmp_path / "run", choice)


def test_the_command_line(run, command_line):
    code, printed, err = command_line("decisions", run, "--disagree", "--limit", 3)
    assert code == 0, err
    lines = printed.splitlines()
    assert lines[0].split()[:4] == ["row", "at", "side", "other"]
    assert len(lines) == 5
    assert "--csv all of them" in err
    code, printed, _ = command_line("decisions", run, "--row", 60)
    assert printed.startswith("row: 60\nat: ")
    assert "\nprompt: " in printed
    assert "\np_buy: " in printed
    code, printed, _ = command_line("decisions", run, "--side", "hold", "--csv")
    table = pd.read_csv(io.StringIO(printed))
    assert len(table) == len(look(run, Choice(side="HOLD")))
    assert {"row", "at", "prompt", "answer", *SIDES, *COUNTS} <= set(table.columns)
    code, printed, _ = command_line("decisions", run, "--losers", "--json")
    told = json.loads(printed)
    assert [one["row"] for one in told] == look(run, Choice(losers=True)).index.tolist()
    for arguments, words in (
        (("--side", "BYU"), "'BYU' is no side; did you mean 'BUY'?"),
        (("--row", 100_000), "there is no row 100000"),
        (("--csv", "--json"), "both --csv and --json"),
    ):
        code, printed, err = command_line("decisions", run, *arguments)
        assert (code, printed, err.count("\n")) == (3, "", 1)
        assert words in err
    assert command_line("decisions", run.parent)[0] == 3


def test_a_run_of_no_language_model_is_shown_too(compared, command_line):
    code, printed, err = command_line("decisions", compared / "runs" / "hold", "--limit", 2)
    assert code == 0, err
    assert printed.splitlines()[0].split() == ["row", "at", "side", "label", "size"]
    assert "isn't recorded" not in err


def test_what_a_model_says_acts_on_no_terminal(tape, tmp_path, command_line, scripted):
    """Escape codes in an answer are shown as what they are."""
    said = [rook.Decision.unparsed("\x1b[31mBUY\x07 now\u202e", "not an answer")] * 60
    rook.evaluate(tape[:60], scripted(DecisionTape.of(said))).save(tmp_path / "run", report=False)
    for arguments in ((), ("--row", 3), ("--csv",)):
        code, printed, err = command_line("decisions", tmp_path / "run", *arguments)
        assert code == 0, err
        assert "\x1b" not in printed
        assert "\u202e" not in printed


def test_the_report_shows_where_it_went_wrong(tiny_adapter, prepared, tmp_path, few_pictures):
    frame = split_tape(prepared, "validation").read()
    page = rook.compare(frame, [f"lora:{tiny_adapter}", "rules:data_driven"]).save(tmp_path / "all")
    text = page.read_text()
    assert "What was asked and what was said" in text
    assert "Unlike the label, the most confident first" in text
    assert "Transactions that the price moved against most" in text
    assert "no order" in text
    assert "What was asked" not in rook.evaluate(frame[:60], "hold").save(tmp_path / "hold").read_text()
