"""promote, history and verify, as they are typed."""

import json

import pytest
import typer
from promotions import same_again

from rook_bench.core import InputError


@pytest.fixture
def call(place, monkeypatch, capsys):
    """Run a verb in the working folder: (exit code, stdout)."""
    from rook_bench.cli import history, promotion
    from rook_bench.workbench import promote as bench

    monkeypatch.setattr(bench, "rejudge", same_again)
    monkeypatch.delenv("ROOK_BENCH_TRIALS", raising=False)
    app = typer.Typer()
    for verb in (promotion.promote, history.history, promotion.verify):
        app.command()(verb)

    def call(*arguments):
        capsys.readouterr()
        code = app([str(argument) for argument in arguments], standalone_mode=False)
        return code or 0, capsys.readouterr().out

    return call


def test_promote_history_verify(call, place):
    assert call("history") == (0, "nothing was promoted yet\n")
    code, out = call("promote", place.judge(place.a), "--reason", "first of all")
    assert code == 0
    champion = out.splitlines()[0].removeprefix("champion: ")
    assert champion.startswith("lora:models/promoted/")
    waiver = {"check": "fills", "reason": "a new pool", "owner": "ann", "expires": "2999-01-01", "sha256": ""}
    code, out = call("promote", place.judge(place.b, champion, waivers=[waiver]), "--json")
    assert json.loads(out)["replaces"]["source"] == place.a
    code, out = call("promote", "--rollback", "--reason", "loses [money]")
    assert out.splitlines()[0] == f"champion: {champion}"
    code, out = call("history")
    assert len(out.splitlines()) == 5  # titles and a rule above the entries
    assert "seq" in out
    assert "first of all" in out
    assert "fills (ann)" in out
    assert "rollback (entry 0 again)" in out
    assert "loses [money]" in out
    code, out = call("history", "--json")
    assert [entry["action"] for entry in json.loads(out)] == ["promote", "promote", "rollback"]
    assert call("verify") == (0, "3 entries verified\n")


def test_findings_end_with_code_3(call, place):
    assert call("verify") == (0, "0 entries verified\n")
    entry = place.promoted(place.a)
    card = place.models / entry["folder"] / "adapter" / "README.md"
    card.write_text("changed")
    relative = card.relative_to(place.folder)
    assert call("verify") == (3, f"{relative}: changed\n")
    code, out = call("verify", "--json")
    assert (code, json.loads(out)) == (3, {"entries": 0, "findings": [f"{relative}: changed"]})


def test_the_trial_ledger_is_looked_for_beside_the_record_unless_it_is_named(call, place):
    from rook_bench.trials import TrialLedger

    trials = TrialLedger(place.folder / "elsewhere")
    head = trials.chain.append({})["hash"]
    call("promote", place.judge(place.a, trials={"head": head, "looks": 1}))
    code, out = call("verify")
    assert code == 3
    assert "lacks the trials" in out
    trials.chain.path.write_bytes(b"")
    assert "lacks the trials" in call("verify", "--trials", "elsewhere")[1]


def test_signed(call, place, keys):
    call("promote", place.judge(place.a), "--sign-key", keys.private)
    assert call("verify", "--public-key", keys.public)[0] == 0
    assert "signed" in call("history")[1]
    assert call("verify", "--public-key", keys.other)[0] == 3


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["promote"], "no VERDICT"),
        (["promote", "verdict.json", "--rollback", "--reason", "x"], "takes no VERDICT"),
        (["promote", "--rollback"], "needs its reason"),
        (["promote", "--rollback", "--reason", "x"], "nothing was promoted"),
        (["promote", "verdict.json"], "no such verdict"),
    ],
)
def test_mistakes(call, arguments, match):
    with pytest.raises(InputError, match=match):
        call(*arguments)


def test_another_champion_has_to_be_allowed(call, place):
    call("promote", place.judge(place.a))
    path = place.judge(place.b, place.c)
    with pytest.raises(InputError, match="--allow-other-champion"):
        call("promote", path)
    assert call("promote", path, "--allow-other-champion")[0] == 0
