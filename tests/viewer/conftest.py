"""Folders to look into: a judged comparison with a model's answers, and what somebody hostile made of a run."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from chromium import launched

from rook_bench.core.decision_tape import DecisionTape
from rook_bench.core.hashing import sealed
from rook_bench.core.transcript import SIDES, Transcript
from rook_bench.gates import Policy, judge
from rook_bench.metrics import analyse
from rook_bench.replay import replay
from rook_bench.viewer.shelf import Library
from rook_bench.workbench.folder import save_comparison

pytest.importorskip("starlette", reason="the pages need starlette (extra view)")

HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)>\u202e\x1b[2J"


def _answered(count):
    """Decisions of a model that was asked on every row, which are what a run of one holds."""
    rng = np.random.default_rng(5)
    chances = rng.dirichlet([1.0, 4.0, 1.0], count)
    side = np.argmax(chances, axis=1).astype(np.int8)
    told = {name: chances[:, place].copy() for place, name in enumerate(SIDES)}
    unknown = np.full(count, np.nan)
    transcript = Transcript(
        prompt=np.array([f"price {row}\nBUY, HOLD or SELL?" for row in range(count)], dtype=object),
        said=np.array([" sell 5" for _ in range(count)], dtype=object),
        **told,
        prompt_tokens=np.full(count, 12.0),
        answer_tokens=unknown,
        seconds=np.full(count, 0.004),
        cost_usd=unknown,
    )
    reasons = np.array([f"chance {row % 7}" for row in range(count)], dtype=object)
    return replace(DecisionTape.from_sides(side, 0.05), transcript=transcript, reason=reasons)


@pytest.fixture(scope="session")
def reports(tape, scripted, tmp_path_factory):
    """A folder of reports with one comparison of four sources, judged; never written to."""
    folder = tmp_path_factory.mktemp("looked") / "reports"
    sources = [scripted(_answered(len(tape))), "momentum", "hold", "random:0.1"]
    analyses = [analyse(replay(tape, source)) for source in sources]
    (folder / "judged").mkdir(parents=True)
    verdict = judge(Policy(name="strict"), analyses[0], analyses[1])
    save_comparison(analyses, folder / "judged", title="judged", verdict=verdict, report=False)
    return folder


@pytest.fixture(scope="session")
def hostile(reports, tmp_path_factory):
    """A folder with a run, a verdict and an adapter whose every text wants to be more than text."""
    folder = tmp_path_factory.mktemp("hostile")
    run = folder / "runs" / "a"
    shutil.copytree(next((reports / "judged" / "runs").glob("scripted*")), run)
    record = json.loads((run / "run.json").read_text())
    record |= {"source": HOSTILE, "label": HOSTILE, "tape": "../../../../../etc/passwd", "rook_bench": HOSTILE}
    record["tape_check"] |= {"pair": f"{HOSTILE}/{HOSTILE}", "first_at": HOSTILE, "last_at": HOSTILE}
    record["lookahead"] = {"status": HOSTILE, "detail": HOSTILE}
    record["specs"] = [{"kind": HOSTILE, "name": HOSTILE, "params": {"adapter": "../../x"}, "file": HOSTILE}]
    (run / "run.json").write_text(json.dumps(sealed(record, "seal")))
    table = pq.read_table(run / "decisions.parquet")
    for name in ("reason", "prompt", "said"):
        table = table.set_column(table.column_names.index(name), name, pa.array([HOSTILE] * len(table)))
    pq.write_table(table, run / "decisions.parquet")
    orders = pq.read_table(run / "orders.parquet")
    for name in ("reason", "rejected_by"):
        orders = orders.set_column(orders.column_names.index(name), name, pa.array(["=1+1"] * len(orders)))
    pq.write_table(orders, run / "orders.parquet")
    verdict = json.loads((reports / "judged" / "verdict.json").read_text())
    verdict |= {"verdict": HOSTILE, "reasons": [HOSTILE], "judged_at": HOSTILE}
    verdict["candidate"] |= {"name": HOSTILE, "source": HOSTILE, "run_hash": record["run_hash"]}
    verdict["policy"] = {"name": HOSTILE}
    verdict["checks"] = [{"name": HOSTILE, "status": HOSTILE, "detail": HOSTILE}]
    (folder / "verdict.json").write_text(json.dumps(verdict))
    (folder / "adapter").mkdir()
    adapter = {
        "kind": HOSTILE,
        "base": {"reference": HOSTILE},
        "template": {"text": HOSTILE},
        "training": {"x": HOSTILE},
    }
    (folder / "adapter" / "rook.json").write_text(json.dumps(adapter))
    (folder / "adapter" / "metrics.jsonl").write_text(json.dumps({"step": 1, "loss": HOSTILE}) + "\n[[[\n")
    return folder


@pytest.fixture
def library(tmp_path):
    """Make a library of folders, with no ledger and no promotion yet."""
    return lambda *roots: Library(roots, models=tmp_path / "models", trials=tmp_path / "trials")


@pytest.fixture(scope="module")
def browser():
    with launched() as opened:
        yield opened
