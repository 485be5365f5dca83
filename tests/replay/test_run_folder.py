"""A Run on disk: what was written comes back, what was changed is refused."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from rook_bench.core import InputError
from rook_bench.core.hashing import sealed
from rook_bench.market.tape_file import write_tape
from rook_bench.replay import ReplayConfig, load_run, replay, save_run
from rook_bench.replay.run import short_name, slug

CONFIG = {
    "pair": "ETH/USDC",
    "seed": 3,
    "risk": {"sizer": "fixed:0.1", "filters": ["confidence_threshold:0.4", {"name": "trades_per_day", "maximum": 40}]},
    "frictions": {"latency": {"swaps": 2}, "gas": {"gwei": 2.0}},
}


@pytest.fixture(scope="module")
def run(short_tape):
    return replay(short_tape, "random:0.3", ReplayConfig.parse(CONFIG, where="test"))


@pytest.fixture(scope="module")
def saved(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    save_run(run, folder)
    return folder


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "copy")


def test_round_trip(run, saved):
    again = load_run(saved)
    assert again.run_hash == run.run_hash
    assert again.orders.to_arrow().equals(run.orders.to_arrow())
    assert again.equity.tobytes() == run.equity.tobytes()
    assert (again.opening, again.config, again.lookahead, again.tape_check) == (
        run.opening,
        run.config,
        run.lookahead,
        run.tape_check,
    )
    assert again.decided.tape.to_bytes() == run.decided.tape.to_bytes()
    assert [spec.to_json() for spec in again.specs] == [spec.to_json() for spec in run.specs]


def test_run_json_holds_no_surprises(run, saved):
    facts = json.loads((saved / "run.json").read_text())
    assert facts["source"] == "random:0.3"
    assert facts["data_hash"] == run.frame.data_hash
    assert [spec["name"] for spec in facts["specs"]] == ["random", "fixed", "confidence_threshold", "trades_per_day"]
    assert facts["lookahead"]["status"] == "clean"
    assert facts["tape_check"]["chained_share"] == 1.0
    assert set(facts["files"]) == {path.name for path in saved.glob("*.parquet")} - {"tape.parquet"}


def test_fills_are_the_orders_that_were_sent(run, saved):
    fills = pq.read_table(saved / "fills.parquet")
    assert len(fills) == run.orders.sent.sum() > 0
    assert set(fills["outcome"].to_pylist()) <= {"FILLED", "PARTIAL", "REVERTED_SLIPPAGE", "REVERTED_DEADLINE"}
    equity = pq.read_table(saved / "equity.parquet")
    assert equity["equity"].to_numpy().tobytes() == run.equity.tobytes()


def test_several_runs_may_share_a_tape(run, tmp_path):
    write_tape(run.frame, tmp_path / "tape.parquet")
    (tmp_path / "runs" / "a").mkdir(parents=True)
    save_run(run, tmp_path / "runs" / "a", tape=tmp_path / "tape.parquet")
    assert not (tmp_path / "runs" / "a" / "tape.parquet").exists()
    moved = shutil.move(tmp_path, tmp_path.parent / f"{tmp_path.name}-moved")
    assert load_run(f"{moved}/runs/a").run_hash == run.run_hash


@pytest.mark.parametrize(
    "name", ["decisions.parquet", "orders.parquet", "fills.parquet", "equity.parquet", "evidence.parquet"]
)
def test_changed_file(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(bytes(data))
    with pytest.raises(InputError, match=f"{name} does not match its hash"):
        load_run(copy)


@pytest.mark.parametrize("name", ["decisions.parquet", "orders.parquet", "equity.parquet"])
def test_missing_file(copy, name):
    (copy / name).unlink()
    with pytest.raises(InputError, match=f"lacks {name}"):
        load_run(copy)


def rewrite(folder, change):
    facts = json.loads((folder / "run.json").read_text())
    change(facts)
    (folder / "run.json").write_text(json.dumps(sealed(facts, "seal")))


def test_other_tape_under_the_run(copy, tape):
    write_tape(tape[300:600], copy / "tape.parquet")
    with pytest.raises(InputError, match="not the one the run was made on"):
        load_run(copy)


def test_record_edited_by_hand(copy):
    text = (copy / "run.json").read_text()
    (copy / "run.json").write_text(text.replace('"status": "clean"', '"status": "declared"'))
    with pytest.raises(InputError, match="was changed after it was written"):
        load_run(copy)


def test_config_changed_after_the_run(copy):
    rewrite(copy, lambda facts: facts["config"]["frictions"]["gas"].update(gwei=0.0))
    with pytest.raises(InputError, match="gives other orders"):
        load_run(copy)


def test_orders_forged_with_their_hash(copy):
    """Even with a fitting hash, orders that the decisions do not lead to are refused."""
    from rook_bench.core.hashing import sha256_file

    table = pq.read_table(copy / "orders.parquet")
    out = [value + (1 if value else 0) for value in table["out"].to_pylist()]
    forged = table.set_column(table.column_names.index("out"), "out", [out])
    pq.write_table(forged.cast(table.schema), copy / "orders.parquet")
    rewrite(copy, lambda facts: facts["files"].update({"orders.parquet": sha256_file(copy / "orders.parquet")}))
    with pytest.raises(InputError, match="gives other orders"):
        load_run(copy)


def test_equity_forged_with_its_hash(copy, run):
    """The equity that a loaded Run carries is computed, whatever the file says."""
    from rook_bench.core.hashing import sha256_file

    table = pq.read_table(copy / "equity.parquet")
    forged = table.set_column(table.column_names.index("equity"), "equity", [run.equity * 2])
    pq.write_table(forged, copy / "equity.parquet")
    rewrite(copy, lambda facts: facts["files"].update({"equity.parquet": sha256_file(copy / "equity.parquet")}))
    np.testing.assert_array_equal(load_run(copy).equity, run.equity)


def test_not_a_run(tmp_path, copy):
    with pytest.raises(InputError, match=r"no run\.json"):
        load_run(tmp_path / "nowhere")
    rewrite(copy, lambda facts: facts.update(version=99))
    with pytest.raises(InputError, match="run version 99"):
        load_run(copy)
    (copy / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"not a readable run\.json"):
        load_run(copy)


def test_run_hash_follows_what_the_run_is_made_of(short_tape, run):
    other = replay(short_tape, "random:0.3", ReplayConfig.parse(CONFIG | {"seed": 4}, where="test"))
    same = replay(short_tape, "random:0.3", ReplayConfig.parse(CONFIG, where="test"))
    assert same.run_hash == run.run_hash != other.run_hash


def test_names():
    assert short_name("rules:/a/b/data_driven.json") == "rules:data_driven.json"
    assert short_name("strategies/mine.py@fade:0.2") == "mine.py@fade:0.2"
    assert slug("rules:/a/b/data_driven.json") == "rules-data_driven.json"
    assert slug("///") == "source"


def test_every_source_of_the_package_replays_twice_alike(short_tape):
    for source in ("rules", "momentum", "always-buy", "hold"):
        first, second = replay(short_tape, source, fresh=True), replay(short_tape, source)
        assert first.orders.to_arrow().equals(second.orders.to_arrow())
        assert (first.decided.reused, second.decided.reused) == (False, True)
