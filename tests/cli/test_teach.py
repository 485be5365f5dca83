"""`rook-bench teach`: drafts from a prepared folder."""

import json


def test_says_how_many_are_true_and_shows_one(command_line, prepared, tmp_path):
    out = tmp_path / "drafts.jsonl"
    code, told, _ = command_line("teach", prepared, "--teacher", "rules:data_driven", "--out", out)
    assert code == 0
    first, example, last = told.strip().splitlines()
    assert first.endswith("rows have a draft that is true (100.0%)")
    assert example.startswith("for example: ")
    assert last == f"drafts: {out}"
    assert json.loads(out.read_text().splitlines()[0])["steps"][0]["field"] == "volatility"


def test_json_is_the_record_and_nothing_else(command_line, prepared, tmp_path):
    out = tmp_path / "drafts.jsonl"
    code, told, _ = command_line(
        "teach", prepared, "--teacher", "rules:data_driven", "--order", "after", "--rows", 20, "--out", out, "--json"
    )
    assert code == 0
    assert json.loads(told) == json.loads(out.with_suffix(".json").read_text())
    assert json.loads(told)["draft"]["order"] == "after"


def test_rules_that_say_otherwise_are_spoken_of(command_line, prepared, tmp_path):
    rules = tmp_path / "other.json"
    rules.write_text(json.dumps({"mr_price_deviation_threshold": 0.0003, "mr_volume_multiplier": 1.5}))
    code, told, _ = command_line(
        "teach", prepared, "--teacher", f"rules:{rules}", "--out", tmp_path / "drafts.jsonl"
    )  # fmt: skip
    assert code == 0
    assert "another side" in told.splitlines()[1]


def test_mistakes_are_one_line(command_line, prepared, tmp_path):
    out = tmp_path / "drafts.jsonl"
    for flags in (("--teacher", "ruels:x"), ("--teacher", "rules:data_driven", "--template", "rook-v1")):
        code, told, err = command_line("teach", prepared, *flags, "--out", out)
        assert (code, told) == (3, "")
        assert err.splitlines()[-1].startswith("rook-bench: ")
        assert not list(tmp_path.iterdir())
