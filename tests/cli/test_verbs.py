"""The verbs on the shipped sample."""

import json
import os
import signal
import time

import pytest

from rook_bench import plugins
from rook_bench.core.files import MARKER


def test_help_and_version_import_nothing_heavy(rook_bench_process):
    import subprocess
    import sys

    code = (
        "import sys; from rook_bench.cli.main import run; run(['--help']);"
        "heavy = {'torch', 'transformers', 'vectorbt', 'matplotlib', 'pandas', 'numba', 'pyarrow'} & set(sys.modules);"
        "print('heavy:', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "heavy: []" in done.stdout
    assert "demo" in done.stdout


def test_json_is_all_there_is_on_stdout(checkout, rook_bench):
    code, out, _ = rook_bench("data", "check", "data/sample.parquet", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["chained_share"] == 1.0
    assert facts["implied_fee"] == pytest.approx(0.0005, abs=1e-9)


def test_check_writes_its_json(checkout, rook_bench):
    code, out, _ = rook_bench("data", "check", "data/sample.parquet", "--out", "check.json")
    assert code == 0
    assert json.loads((checkout / "check.json").read_text())["swaps"] == 6000
    assert "re-prices 100% of its own swaps exactly, to the last unit (6,000 of 6,000)" in out
    assert "5,370 of 5,370 pairs chain (100.00%)" in out


def test_demo_ends_with_report_and_verdict(checkout, rook_bench, few_rows):
    """It replaces its own output and nothing else."""
    earlier = checkout / "reports" / "demo"
    earlier.mkdir(parents=True)
    for name in (MARKER, "earlier.txt"):
        (earlier / name).touch()
    code, out, _ = rook_bench("demo", "--quick", "--out", "reports/demo")
    report, verdict = out.strip().splitlines()[-2:]
    assert code == 0
    assert report == f"report: {(checkout / 'reports' / 'demo' / 'report.html').resolve()}"
    assert verdict in ("verdict: INCONCLUSIVE", "verdict: BLOCK")
    assert (checkout / "reports" / "demo" / "report.html").stat().st_size > 100_000
    judged = json.loads((checkout / "reports" / "demo" / "verdict.json").read_text())
    assert verdict == f"verdict: {judged['verdict']}"
    assert not (earlier / "earlier.txt").exists()


def test_compare_adds_the_benchmarks_and_saves_every_run(checkout, rook_bench):
    code, out, err = rook_bench(
        "compare", "data/sample.parquet", "--source", "rules:strategies/data_driven.json", "--out", "c", "--json"
    )
    rules, hold, chance = json.loads(out)
    assert code == 0
    assert set(rules) == {"source", "name", "run_hash", "metrics"}
    assert (rules["name"], rules["source"]) == ("rules:data_driven.json", "rules:strategies/data_driven.json")
    assert hold["name"] == "hold"
    # chance trades at the candidate's own rate
    rate = float(chance["name"].removeprefix("random:"))
    assert rate == pytest.approx(rules["metrics"]["action_rate"]["value"], abs=1e-3)
    for estimate in rules["metrics"].values():
        assert set(estimate) == {"value", "low", "high", "n", "unit", "convention", "undefined_because", "method"}
        assert (estimate["value"] is None) == (estimate["undefined_because"] is not None)
    saved = json.loads((checkout / "c" / "compare.json").read_text())["runs"]
    assert [run["run_hash"] for run in saved] == [one["run_hash"] for one in (rules, hold, chance)]
    for run in saved:
        present = {path.name for path in (checkout / "c" / run["folder"]).iterdir()}
        assert {
            "run.json",
            "decisions.parquet",
            "orders.parquet",
            "fills.parquet",
            "evidence.parquet",
            "equity.parquet",
            "metrics.json",
        } <= present


def test_decide_then_replay_the_recorded_decisions(checkout, rook_bench):
    source = "rules:strategies/data_driven.json"
    assert rook_bench("decide", source, "data/sample.parquet", "--out", "d.parquet")[0] == 0
    code, direct, _ = rook_bench("replay", "data/sample.parquet", "--source", source, "--out", "a", "--json")
    again, recorded, _ = rook_bench(
        "replay", "data/sample.parquet", "--source", "recorded:d.parquet", "--out", "b", "--json"
    )
    assert (code, again) == (0, 0)
    assert json.loads(direct) == json.loads(recorded)


def test_report_is_written_again_from_the_run(checkout, rook_bench):
    assert rook_bench("replay", "data/sample.parquet", "--source", "momentum", "--out", "run")[0] == 0
    first = (checkout / "run" / "report.html").read_bytes()
    (checkout / "run" / "report.html").unlink()
    assert rook_bench("report", "run")[0] == 0
    assert (checkout / "run" / "report.html").read_bytes() == first


def test_configuration_reaches_the_replay(checkout, rook_bench):
    (checkout / "strict.toml").write_text("[risk]\nfilters = ['trades_per_day:3']\n[frictions.gas]\nflat_quote = 1.0\n")
    arguments = ("replay", "data/sample.parquet", "--source", "momentum", "--config", "strict.toml", "--json")
    code, out, _ = rook_bench(*arguments, "--out", "run")
    metrics = json.loads(out)
    assert code == 0
    days, fills = 2, metrics["fill_rate"]["n"]  # the sample touches two UTC days
    assert fills <= 3 * days
    assert metrics["gas_paid"]["value"] == pytest.approx(fills * 1.0)
    assert metrics["rejection_rate"]["value"] > 0.9


def test_rook_yaml_configures_risk(checkout, rook_bench):
    code, out, _ = rook_bench(
        "replay", "data/sample.parquet", "--source", "rules:strategies/data_driven.json",
        "--config", "strategies/rook_eth_usdc.yaml", "--out", "run", "--json",
    )  # fmt: skip
    config = json.loads((checkout / "run" / "run.json").read_text())["config"]
    assert code == 0
    assert config["risk"]["max_order_fraction"] == 0.1
    assert config["risk"]["max_slippage_bps"] == 50
    assert config["risk"]["filters"] == [{"name": "confidence_threshold", "minimum": 0.6}]
    assert json.loads(out)["rejection_rate"]["value"] > 0


def test_several_files_are_joined_each_swap_once(checkout, rook_bench):
    from rook_bench.ingest.read import read_swaps
    from rook_bench.market.tape_file import write_tape

    whole = read_swaps(checkout / "data" / "sample.parquet")
    write_tape(whole[:4000], checkout / "one.parquet")
    write_tape(whole[3000:], checkout / "two.parquet")
    assert rook_bench("data", "import", "two.parquet", "one.parquet", "--out", "joined.parquet")[0] == 0
    joined = read_swaps(checkout / "joined.parquet")
    assert joined.sqrt_price_x96 == whole.sqrt_price_x96
    assert joined.amount0 == whole.amount0
    assert (joined.log_index == whole.log_index).all()


def test_plugins_lists_a_strategy_file_and_reports_a_broken_one(checkout, rook_bench, monkeypatch):
    folder = checkout / "mine"
    folder.mkdir()
    (folder / "good.py").write_text(
        "from rook_bench import Decision, decision_source\n"
        "@decision_source\ndef sleeper(nap_s: float = 3.0):\n    '''Sleep.'''\n"
        "    return lambda view: Decision.hold('asleep')\n"
    )
    (folder / "bad.py").write_text("1 / 0\n")
    monkeypatch.setenv("ROOK_BENCH_STRATEGIES", str(folder))
    monkeypatch.setattr(plugins, "broken", {})
    with plugins.decision_source.isolated():
        code, out, err = rook_bench("plugins")
        used, _, _ = rook_bench("replay", "data/sample.parquet", "--source", "sleeper", "--out", "run")
    assert (code, used) == (0, 0)
    assert "sleeper (nap_s=3.0): Sleep." in out
    assert "bad.py" in err
    assert "ZeroDivisionError" in err


def test_interrupted_work_leaves_nothing_half_written(checkout, rook_bench_process):
    (checkout / "slow.py").write_text(
        "import time\nfrom rook_bench import Decision, decision_source\n"
        "@decision_source\ndef slow():\n    def decide(view):\n"
        "        open('started', 'w').close()\n        time.sleep(0.01)\n        return Decision.hold()\n    return decide\n"
    )
    process = rook_bench_process("replay", "data/sample.parquet", "--source", "slow.py@slow", "--out", "run")
    deadline = time.monotonic() + 60
    while not (checkout / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err
    assert {path.name for path in checkout.iterdir()} == {"strategies", "data", "slow.py", "started"}


def test_a_closed_pipe_is_no_error(checkout, rook_bench_process):
    process = rook_bench_process("plugins")
    process.stdout.close()
    process.wait(timeout=60)
    assert "Traceback" not in process.stderr.read()
    assert os.path.exists(checkout)
