"""Options that several verbs share: part of a tape, names of sources, what is written."""

import json

import pytest

RULES = "rules:strategies/data_driven.json"
SAMPLE = "data/sample.parquet"


def refused(answer, *words):
    code, out, err = answer
    assert (code, out) == (3, "")
    assert err.startswith("rook-bench: ")
    assert err.count("\n") == 1, err
    for word in words:
        assert word in err


def test_part_of_a_tape_is_said_on_stderr_and_noted_in_the_run(checkout, rook_bench):
    arguments = ("--from", "2025-01-01T12:00", "--to", "2025-01-02", "--split", "test", "--limit", "300")
    code, out, err = rook_bench("replay", SAMPLE, "--source", RULES, *arguments, "--no-report", "--out", "r")
    note = "swaps 5,105 to 5,404 of 6,000 (test split), 2025-01-01 20:44:48 to 2025-01-01 21:43:36 UTC"
    assert code == 0
    assert note in err.splitlines()
    assert f"note      {note}" in out
    assert "300 swaps over" in out
    facts = json.loads((checkout / "r" / "run.json").read_text())
    assert note in facts["tape_check"]["notes"]


def test_without_a_report_the_run_is_whole_and_the_report_comes_later(checkout, rook_bench):
    arguments = ("--source", "mine=momentum", "--limit", "300", "--no-report")
    code, out, _ = rook_bench("compare", SAMPLE, *arguments, "--out", "c")
    assert code == 0
    assert out.splitlines()[-1] == "runs: c/runs"
    assert {path.name for path in (checkout / "c").iterdir()} == {
        ".rook-bench",
        "compare.json",
        "looks.json",
        "runs",
        "tape.parquet",
    }
    assert rook_bench("report", "c")[0] == 0
    assert (checkout / "c" / "report.html").exists()
    code, out, _ = rook_bench("replay", SAMPLE, *arguments, "--out", "r")
    assert out.splitlines()[-1] == "run: r"
    assert "report.html" not in {path.name for path in (checkout / "r").iterdir()}


def test_a_source_goes_by_the_name_it_is_given(checkout, rook_bench):
    sources = ("--source", f"mine={RULES}", "--source", f"twin={RULES}", "--source", RULES, "--source", RULES)
    arguments = ("--limit", "300", "--no-report", "--no-benchmarks", "--out", "c")
    _, out, _ = rook_bench("compare", SAMPLE, *sources, *arguments)
    assert [line.split()[0] for line in out.splitlines() if "%  " in line] == ["mine", "twin", "rules:data_driven.json"]
    listed = json.loads(rook_bench("compare", SAMPLE, *sources, *arguments, "--json")[1])
    assert [one["name"] for one in listed] == ["mine", "twin", "rules:data_driven.json"]
    assert {one["source"] for one in listed} == {RULES}
    refused(
        rook_bench("compare", SAMPLE, "--source", "a=hold", "--source", "a=momentum", "--quiet", *arguments),
        "called 'a'",
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("replay", SAMPLE, "--source", "hold", "--from", "2030-01-01", "--out", "r"), ("it spans 2025-01-01 00:00:00 to 2025-01-02",)),
        (("compare", SAMPLE, "--source", "hold", "--to", "1.1.2025", "--out", "r"), ("to: '1.1.2025' is not a time",)),
        (("compare", SAMPLE, "--source", "hold", "--split", "tests", "--out", "r"), ("did you mean 'test'",)),
        (("decide", "hold", SAMPLE, "--limit", "0", "--out", "r.csv"), ("--limit",)),
        (("gate", "--policy", "strategies/gate.toml", "--candidate", "c", "--out", "r", "--limit", "9"), ("--limit", "add --data")),
        (("gate", "plan", "--policy", "strategies/gate.toml", "--volatility-bps", "9", "--split", "test"), ("--split", "add --data")),
        (("decide", "hold", SAMPLE, "--out", "r"), ("r: the name has no ending", ".parquet")),
        (("decide", "hold", "nowhere.parquet", "--out", "r.xlsx"), ("'.xlsx' is no format of decisions",)),
    ],
)  # fmt: skip
def test_what_can_not_be_taken_or_written_is_one_line(checkout, rook_bench, arguments, words):
    refused(rook_bench(*arguments), *words)
    assert {path.name for path in checkout.iterdir()} == {"strategies", "data"}


def test_decisions_in_csv_are_to_look_at(checkout, rook_bench):
    code, out, _ = rook_bench("decide", RULES, SAMPLE, "--limit", "200", "--out", "d.csv")
    assert code == 0
    lines = (checkout / "d.csv").read_text().splitlines()
    assert lines[0] == "at,price,side,size,slippage_bps,deadline_s,confidence,reason"
    assert len(lines) == 201
    counts = {side: sum(f",{side}," in line for line in lines) for side in ("BUY", "HOLD", "SELL")}
    assert out.splitlines()[0] == "200 decisions: " + ", ".join(f"{side} {count}" for side, count in counts.items())
    arguments = ("--source", "recorded:d.csv", "--limit", "200", "--quiet", "--out", "r")
    refused(rook_bench("replay", SAMPLE, *arguments), "d.csv", "don't replay", "--out in .parquet")


def test_decisions_on_part_of_a_tape_replay_on_that_part(checkout, rook_bench):
    part = ("--split", "test", "--limit", "200")
    assert rook_bench("decide", RULES, SAMPLE, *part, "--out", "d.parquet")[0] == 0
    arguments = ("--source", "recorded:d.parquet", "--no-report", "--out", "r")
    assert rook_bench("replay", SAMPLE, *part, *arguments)[0] == 0
    refused(rook_bench("replay", SAMPLE, "--limit", "200", "--quiet", *arguments), "made on other data")


def test_the_gate_judges_part_of_a_tape_and_names_its_file_once(checkout, rook_bench):
    (checkout / "lax.toml").write_text('name = "lax"\n[evidence]\nmin_days = 0\nmin_fills = 1\n')
    part = ("--data", SAMPLE, "--split", "test", "--limit", "400")
    arguments = ("gate", "--policy", "lax.toml", "--candidate", f"mine={RULES}", "--champion", f"yours={RULES}", *part)
    code, out, _ = rook_bench(*arguments, "--out", "g")
    assert code == 3  # the candidate is the champion, under another name
    lines = out.splitlines()
    assert [line for line in lines if line.startswith("verdict: ")] == ["verdict: INVALID (lax)"]
    assert lines[-2:] == ["verdict file: g/verdict.json", "report: g/report.html"]
    record = json.loads((checkout / "g" / "verdict.json").read_text())
    assert (record["candidate"]["name"], record["champion"]["name"]) == ("mine", "yours")
    assert record["tape"]["swaps"] == 400
    planned = (
        "gate",
        "plan",
        "--policy",
        "strategies/gate.toml",
        "--data",
        SAMPLE,
        "--champion",
        RULES,
        "--limit",
        "900",
    )
    assert "0.1 days" in json.loads(rook_bench(*planned, "--json")[1])["origin"]
