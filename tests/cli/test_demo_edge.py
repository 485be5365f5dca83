"""`rook-bench demo --edge`: one pool that ends in a promotion, one that doesn't."""

import json

import pytest

from rook_bench.gates import Policy

pytest.importorskip("torch", reason="the train extra is not installed")


@pytest.fixture
def small(monkeypatch, few_pictures):
    """Fewer rows, and a policy that asks little of the tape and something of the candidate."""
    from rook_bench.cli import demo_edge
    from rook_bench.sources import lookahead

    sizes = demo_edge.Sizes(
        learned=20_000,
        later={"planted": 1500, "edge-free": 900},
        imitation={"max_samples": 64, "num_epochs": 1, "max_eval_samples": 200},
        policy={"max_samples": 600, "num_epochs": 2, "max_eval_samples": 400},
    )
    policy = Policy.parse(
        {
            "evidence": {"min_days": 0, "min_fills": 0},
            "degeneracy": {"min_side_share": 0.01, "min_side_fills": 1},
        },
        where="test",
    )
    monkeypatch.setattr(demo_edge, "QUICK", sizes)
    monkeypatch.setattr(demo_edge, "SEED", 21)
    monkeypatch.setattr(demo_edge, "load_policy", lambda path: policy)
    monkeypatch.setattr(lookahead, "MANY_CUTS", 6)


def test_an_edge_is_promoted_and_none_is_not(small, command_line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = command_line("demo", "--edge", "--quick", "--out", "edge")
    assert code == 0
    lines = out.strip().splitlines()
    assert "8. promoted as number 0; the record verifies" in lines
    assert "8. nothing is promoted" in lines
    assert lines[-2].startswith("planted: PROMOTE; report: ")
    assert lines[-1].startswith("edge-free: BLOCK; report: ")
    for world, verdict in (("planted", "PROMOTE"), ("edge-free", "BLOCK")):
        folder = tmp_path / "edge" / world
        assert json.loads((folder / "verdict" / "verdict.json").read_text())["verdict"] == verdict
        assert (folder / "verdict" / "report.html").is_file()
        assert (folder / "models" / "promotions.jsonl").exists() == (verdict == "PROMOTE")
    assert not (tmp_path / "models").exists()  # it keeps a ledger and a record of its own


def test_what_is_not_ours_is_not_replaced(command_line, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work.txt").write_text("mine")
    code, out, err = command_line("demo", "--edge", "--quick", "--out", tmp_path / "mine")
    assert (code, out) == (3, "")
    assert "holds files that rook-bench did not write" in err
