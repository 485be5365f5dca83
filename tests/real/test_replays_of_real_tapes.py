"""Rules and baselines on both public data sets; the money of every run reconciles."""

from pathlib import Path

import numpy as np
import pytest

from rook_bench.core import Side
from rook_bench.ingest.read import read_swaps
from rook_bench.metrics import analyse
from rook_bench.replay import LedgerError, ReplayConfig, reconcile, replay

pytestmark = pytest.mark.real

BASELINES = ("hold", "random:0.2", "always-buy", "momentum")


@pytest.fixture(scope="module")
def windows(rook_folder):
    return read_swaps(rook_folder / "test.csv.gz")


@pytest.mark.parametrize("source", [*BASELINES, "labels", "foresight"])
def test_rook_test_windows(windows, source):
    run = replay(windows, source)
    assert run.lookahead.status == {"foresight": "declared", "labels": "unchecked"}.get(source, "clean")
    assert np.isfinite(run.equity).all()
    if source == "labels":
        assert run.decided.tape.counts() == {
            name: int((windows.labels["label_side"] == name).sum()) for name in ("BUY", "HOLD", "SELL")
        }
    if source == "foresight":
        assert run.equity[-1] > 1.03 * run.hold_equity[-1]


def test_rules_agree_with_the_published_labels(rook_frame, data_driven):
    run = replay(rook_frame, f"rules:{data_driven}")
    decided = np.array([side.name for side in Side], dtype=object)[run.decided.tape.side]
    assert (decided == rook_frame.labels["label_side"]).all()
    assert run.lookahead.status == "clean"
    analysis = analyse(run)
    assert analysis.estimates["label_accuracy"].value == 1.0
    assert analysis.estimates["label_macro_f1"].value == 1.0


def test_rules_on_the_windows_are_the_teacher_where_its_history_is_in_the_file(windows, data_driven):
    """After 50 rows every window of the rules lies in the file, and decisions are the labels again."""
    run = replay(windows, f"rules:{data_driven}")
    decided = np.array([side.name for side in Side], dtype=object)[run.decided.tape.side]
    assert (decided == windows.labels["label_side"])[60:].mean() > 0.999


@pytest.mark.parametrize("source", BASELINES)
def test_baselines_on_the_mainnet_day(day_frame, source):
    run = replay(day_frame, source)
    assert run.lookahead.status == "clean"
    parts = analyse(run).attribution
    assert parts.net == parts.market + parts.signal - parts.fee - parts.impact - parts.gas - parts.reverts
    if source == "hold":
        assert len(run.orders) == 0
        assert run.equity == pytest.approx(run.hold_equity, rel=1e-12)
    if source == "random:0.2":
        assert run.equity[-1] < run.hold_equity[-1]  # costs without a signal


def test_rules_on_the_mainnet_day(day_frame, data_driven):
    run = replay(day_frame, f"rules:{data_driven}")
    assert run.orders.filled.sum() > 100
    reconcile(run)
    run.equity[1000] *= 1 + 1e-9
    with pytest.raises(LedgerError, match="equity curve"):
        reconcile(run)


def test_foresight_cannot_be_beaten_on_the_day(day_frame, data_driven):
    best = replay(day_frame, "foresight").equity[-1]
    others = [replay(day_frame, source).equity[-1] for source in (*BASELINES, f"rules:{data_driven}")]
    assert best > max(others)


def test_latency_in_blocks_and_seconds_agree_where_blocks_take_twelve_seconds(day_frame):
    """Nearly every slot holds a block, so a wait of a block and one of 12 s mostly meet the same state."""
    blocks, seconds = (
        replay(day_frame, "momentum", ReplayConfig.parse({"frictions": {"latency": wait}}, where="test"))
        for wait in ({"blocks": 1}, {"seconds": 12.0})
    )
    assert (blocks.orders.landing_row == seconds.orders.landing_row).mean() > 0.95


def test_a_run_on_rooks_test_split_is_judged_from_disk(rook_folder, data_driven, tmp_path, monkeypatch, request):
    """compare with every picture, then gate on the saved runs: the path a CI job takes."""
    import json

    from rook_bench.cli.main import run

    root = Path(__file__).resolve().parents[2]
    monkeypatch.chdir(tmp_path)
    source = f"rules:{data_driven}"
    assert run(["compare", str(rook_folder / "test.csv.gz"), "--source", source, "--out", "c"]) == 0
    runs = [
        tmp_path / "c" / entry["folder"] for entry in json.loads((tmp_path / "c" / "compare.json").read_text())["runs"]
    ]
    request.getfixturevalue("few_pictures")
    policy = str(root / "strategies" / "gate.toml")
    arguments = ["gate", "--policy", policy, "--candidate", str(runs[0]), "--champion", str(runs[1]), "--out", "g"]
    assert run(arguments) == 2
    assert "about eight hours long" in (tmp_path / "g" / "report.html").read_text()
