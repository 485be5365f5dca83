"""At how many places a gate asks a source again; elsewhere the tests let it ask at few (see `few_places`)."""

from quickly import MANY_PLACES

import rook_bench as rook
from rook_bench.gates import Policy

LAX = {"evidence": {"min_days": 0, "min_fills": 0}, "degeneracy": {"min_side_share": 0, "min_side_fills": 0}}


def test_a_gate_asks_at_48_places_and_says_what_that_finds(few_places, monkeypatch, tape, tmp_path):
    from rook_bench.sources import lookahead

    few = lookahead.MANY_CUTS
    monkeypatch.undo()  # as it is shipped
    assert few < lookahead.MANY_CUTS == MANY_PLACES
    monkeypatch.chdir(tmp_path)
    policy = Policy.parse(LAX, where="test")
    judged = rook.judge(policy, "random:0.3", "hold", tape=tape[:400], trials=tmp_path / "ledger")
    (check,) = (check for check in judged.verdict.checks if check.name == "look-ahead")
    assert f"at {MANY_PLACES} places" in check.detail
    assert "a leak in one trade of 10 would be found some 87% of the time" in check.detail
