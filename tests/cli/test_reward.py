"""`rook-bench reward`, and worlds by name."""

import json

import pytest

from rook_bench.market.tape_file import read_tape


def refused(answer, *words):
    code, out, err = answer
    assert (code, out) == (3, "")
    assert err.splitlines()[-1].startswith("rook-bench: ")
    for word in words:
        assert word in err


def test_says_what_an_action_earns_and_what_can_be_told(command_line, planted, tmp_path):
    config = tmp_path / "rich.toml"
    config.write_text("[capital]\nquote_value = 1000000\n")
    out = tmp_path / "rewards"
    code, told, _ = command_line("reward", planted, "--config", config, "--out", out)
    assert code == 0
    lines = told.strip().splitlines()
    assert lines[0].startswith("rewards of ")
    assert lines[0].endswith("marked 600 s after landing")
    assert [line.split(":")[0] for line in lines[1:3]] == ["BUY 5%", "SELL 5%"]
    assert lines[3].startswith("critic (codes): mark-outs follow its forecasts at ")
    assert lines[4].startswith("reward ceiling: ")
    assert lines[-1] == f"rewards: {out}"
    assert {path.name for path in out.iterdir()} == {
        ".rook-bench", "rewards.parquet", "rewards.json", "rewards.png", "critic.json", "critic.npz",
    }  # fmt: skip
    code, told, _ = command_line(
        "replay", planted / "test.parquet", "--source", f"tree:{out}", "--out", tmp_path / "run", "--no-report"
    )
    assert code == 0


def test_json_is_the_record_and_nothing_else(command_line, planted, tmp_path):
    code, told, _ = command_line("reward", planted, "--horizon", 120, "--out", tmp_path / "rewards", "--json")
    assert code == 0
    record = json.loads(told)
    assert record == json.loads((tmp_path / "rewards" / "rewards.json").read_text())
    assert record["horizon_s"] == 120.0
    assert record["config"]["capital"]["quote_value"] == 10_000.0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--horizon", 0), ("a horizon of 0 s",)),
        (("--template", "code"), ("unknown prompt template 'code'", "did you mean 'codes'")),
        (("--config", "absent.toml"), ("absent.toml",)),
    ],
)
def test_mistakes_are_one_line(flags, words, command_line, planted, tmp_path):
    refused(command_line("reward", planted, "--out", tmp_path / "out", *flags), *words)
    assert not (tmp_path / "out").exists()


def test_what_is_no_prepared_folder_is_refused(command_line, tmp_path, prepared_tables):
    refused(command_line("reward", tmp_path / "absent", "--out", tmp_path / "out"), "no such folder")
    refused(command_line("reward", tmp_path, "--out", tmp_path / "out"), "holds no splits.json")
    answer = command_line(
        "replay", prepared_tables / "test.csv", "--source", f"tree:{tmp_path}", "--out", tmp_path / "r"
    )
    refused(answer, "it holds no critic", "rook-bench reward")


def test_worlds_by_name(command_line, tmp_path):
    for name in ("planted", "edge-free", "default"):
        out = tmp_path / f"{name}.parquet"
        assert command_line("data", "simulate", "--swaps", 300, "--world", name, "--out", out)[0] == 0
    tapes = {read_tape(path).data_hash for path in tmp_path.glob("*.parquet")}
    assert len(tapes) == 3
    refused(
        command_line("data", "simulate", "--swaps", 3, "--world", "plantet", "--out", tmp_path / "x"),
        "unknown world 'plantet'", "did you mean 'planted'",
    )  # fmt: skip
    (tmp_path / "c.toml").write_text("")
    refused(
        command_line(
            "data",
            "simulate",
            "--swaps",
            3,
            "--world",
            "planted",
            "--config",
            tmp_path / "c.toml",
            "--out",
            tmp_path / "x",
        ),
        "give --world or --config",
    )
