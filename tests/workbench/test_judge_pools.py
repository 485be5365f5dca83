"""A verdict over several pools: what it promotes for, what its purse has to say, and what nobody can make of it."""

import json
import shutil
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
from quickly import ask_at_few_places, draw_nothing, draw_one

import rook_bench as rook
from rook_bench.core import ConfigError, InputError
from rook_bench.core.hashing import sealed
from rook_bench.gates.formats import SCHEMA
from rook_bench.market.pool import Token
from rook_bench.market.simulation import Chain, Simulation
from rook_bench.market.simulation.simulate import simulate
from rook_bench.market.tape_file import write_tape
from rook_bench.metrics.purse import log_difference
from rook_bench.promotion.change import rollback
from rook_bench.promotion.record import Record, resolve_champion
from rook_bench.promotion.verify import verify
from rook_bench.replay.purse import replay_purse
from rook_bench.trials import TrialLedger
from rook_bench.workbench.judge_pools import rejudge_pools
from rook_bench.workbench.purse import PurseEvaluation, purse_report_again

pytestmark = pytest.mark.usefixtures("project")

CALM, WILD = "momentum:lookback=30,threshold_bps=30", "random:0.6"
ASKS = {"primary": {"test": "superiority"}, "evidence": {"min_days": 0.1, "min_fills": 1}}
MINUTES = rook.BenchConfig(clock={"bucket_s": 120}, frictions={"gas": {"gwei": 1.0}})


@pytest.fixture(scope="module")
def pools():
    """Three pools on one chain; the last one's tape is too short to decide anything."""
    made = []
    for place, (base, swaps) in enumerate((("WETH", 2200), ("UNI", 2200), ("LINK", 600))):
        made.append(simulate(swaps, np.random.default_rng(place + 1), Simulation(base_symbol=base), chain=Chain(7)))
    return made


@pytest.fixture(scope="module")
def made(pools, lax, tmp_path_factory):
    """A gate over the three, in a project of its own; never written to."""
    folder = tmp_path_factory.mktemp("judged")
    (folder / "rook-bench.toml").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("ROOK_BENCH_TRIALS", raising=False)
        patch.chdir(folder)
        for quicker in (draw_nothing, draw_one, ask_at_few_places):
            quicker(patch)
        return rook.judge_pools(lax(**ASKS), CALM, WILD, tapes=pools, config=MINUTES).save(folder / "gate")


@pytest.fixture
def judged(made, project):
    for name in ("gate", "models"):
        shutil.copytree(made.folder.parent / name, project / name)
    return replace(made, folder=project / "gate")


def at(judgement, name):
    return next(check for check in judgement.verdict.checks if check.name == name)


def test_each_pool_has_an_ordinary_verdict_and_the_purse_another(judged, project):
    verdict = judged.verdict
    assert verdict.pools == ("WETH/USDC", "UNI/USDC", "LINK/USDC")
    assert [one.verdict for one in verdict.verdicts] == ["PROMOTE", "PROMOTE", "INCONCLUSIVE"]
    assert (verdict.verdict, judged.exit_code, verdict.over) == ("PROMOTE", 0, (0, 1))
    assert verdict.reasons[0] == "promoted for WETH/USDC, UNI/USDC"
    assert verdict.reasons[1].startswith("the champion stays on LINK/USDC: INCONCLUSIVE")
    # What keeps the third pool from being promoted for decides nothing about the others.
    assert {check.status for check in verdict.checks} <= {"pass", "info", "skipped"}
    schema = json.loads(SCHEMA.read_text())
    folders = [project / "gate", *sorted((project / "gate" / "pools").iterdir())]
    assert len(folders) == 4
    for folder in folders:
        jsonschema.validate(json.loads((folder / "verdict.json").read_text()), schema)
        assert {"junit.xml", "summary.md", "verdict.sarif", "report.html"} <= {path.name for path in folder.iterdir()}
    page = (project / "gate" / "report.html").read_text()
    assert "For which pools?" in page
    assert "Promoted for WETH/USDC, UNI/USDC of 3 pools." in page
    before = json.loads((project / "gate" / "comparison.json").read_text())
    assert [one["run_hash"] for one in before["sources"]] == [one.run.run_hash for one in judged.purses]
    assert purse_report_again(project / "gate").read_text().count("For which pools?") == 1


def test_the_purse_is_that_of_the_pools_replayed_with_one(judged, pools):
    sides = [
        PurseEvaluation(replay_purse(pools[:2], source, MINUTES.replay()), MINUTES.clock) for source in (CALM, WILD)
    ]
    check = at(judged, "one purse: net return vs champion (superiority)")
    scale = 86_400 / 120 * 1e4
    assert check.estimate.value == pytest.approx(log_difference(*sides).mean() * scale, rel=1e-9)
    left = [one for one in judged.verdict.purse if ", without " in one.name]
    assert [one.status for one in left] == ["info", "info"]
    # Without one of two pools the other finds all of the purse.
    assert all(one.estimate.low > 0 for one in left)


def test_looks_are_on_record_for_each_pool(judged, pools):
    ledger = TrialLedger()
    assert [trial.kind for trial in ledger.trials()].count("gate") >= 3
    assert all(ledger.looks(frame).count == 2 for frame in pools)  # the candidate, and whom it was judged against


def test_a_pool_among_many_is_asked_one_thing_more(judged, pools, lax):
    one = rook.judge(lax(**ASKS), CALM, WILD, tape=pools[0], config=MINUTES)
    names = {check.name for check in one.verdict.checks}
    many = judged.judgements[0].verdict
    assert {check.name for check in many.checks} - names == {"beside other pools"}
    values = many.beside.p_values
    assert values[0] < 0.025 / 2
    assert values[2] is None  # too few buckets to ask
    told = at(judged.judgements[2], "beside other pools")
    assert (told.status, "too few full buckets" in told.text) == ("inconclusive", True)


def test_promotion_is_by_pool_and_each_has_its_champion(judged, pools, project):
    last = rook.promote(judged)
    record = Record(project / "models")
    entries = record.entries()
    assert [entry["pool"]["pair"] for entry in entries] == ["WETH/USDC", "UNI/USDC"]
    assert {entry["joint"] for entry in entries} == {
        json.loads((project / "gate" / "verdict.json").read_text())["hash"]
    }
    assert last == entries[-1]
    assert verify(project / "models", TrialLedger()) == []
    assert resolve_champion(project / "models", pools[0].pool) == resolve_champion(project / "models", pools[1].pool)
    with pytest.raises(
        InputError, match=r"no champion was promoted for LINK/USDC .*there is one for WETH/USDC, UNI/USDC"
    ):
        resolve_champion(project / "models", pools[2].pool)
    assert resolve_champion(project / "models", pools[2].pool, anywhere=True) == CALM
    # Once more is no news, and nothing is written.
    assert rook.promote(judged) == last
    assert Record(project / "models").entries() == entries


def test_a_promotion_that_was_stopped_between_two_pools_goes_on(judged, project):
    rook.promote(project / "gate" / "pools" / "01-WETH-USDC")
    assert len(Record(project / "models").entries()) == 1
    rook.promote(judged)
    assert [entry["pool"]["pair"] for entry in Record(project / "models").entries()] == ["WETH/USDC", "UNI/USDC"]


def test_succession_and_rollback_are_of_one_pool(judged, pools, lax, project):
    rook.promote(judged)
    policy = lax(thresholds={"max_drawdown": {"max": 1.0}})
    other = "momentum:lookback=30,threshold_bps=35"
    next_one = rook.judge(policy, other, "champion", tape=pools[0], config=MINUTES)
    assert next_one.verdict.champion["source"] == CALM
    entry = rook.promote(next_one, allow_other_policy=True, allow_other_champion=True)
    assert entry["pool"]["pair"] == "WETH/USDC"
    assert entry["replaces"]["seq"] == 0
    assert resolve_champion(project / "models", pools[1].pool) == CALM
    assert resolve_champion(project / "models", pools[0].pool) == other
    record = Record(project / "models")
    with pytest.raises(InputError, match="pools have champions of their own"):
        record.champion_on()
    with pytest.raises(InputError, match=r"champions of several pools .*--pool"):
        rollback(project / "models", "worse live")
    with pytest.raises(InputError, match="no champion of 'DOGE/USDC'"):
        rollback(project / "models", "worse live", pool="DOGE/USDC")
    assert rollback(project / "models", "worse live", pool="ETH/USDC")["source"] == CALM  # wrapped ether is ether
    with pytest.raises(InputError, match="no champion before"):
        rollback(project / "models", "worse live", pool="UNI/USDC")


@pytest.mark.parametrize("which", ["p_values", "place", "promoted_for", "folder"])
def test_a_forged_verdict_is_refused(judged, project, which):
    """Sealed anew, as anybody can: what judging again does not give is not promoted."""
    gate = project / "gate"
    path = gate / "verdict.json" if which in ("promoted_for", "folder") else gate / "pools/03-LINK-USDC/verdict.json"
    facts = json.loads(path.read_text())
    if which == "p_values":
        facts["beside"]["p_values"][0] = 0.5
    elif which == "place":
        facts["beside"] = {"pools": facts["beside"]["pools"][:1], "p_values": [1e-9], "place": 0}
    elif which == "promoted_for":
        facts["promoted_for"].append("LINK/USDC")
    else:
        facts["pools"][2]["folder"] = facts["pools"][0]["folder"]
    path.write_text(json.dumps(sealed(facts)))
    with pytest.raises(InputError, match="another verdict|do not belong together|garbles 'pools'"):
        rook.promote(gate)
    assert Record(project / "models").entries() == []


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("pools", []),
        ("pools", "all"),
        ("pools", [{"name": "WETH/USDC"}] * 2),
        ("pools", [{"name": "a", "folder": 3, "verdict": "PROMOTE"}] * 2),
        ("beside", None),
        ("beside", {"pools": ["a"], "p_values": ["b"], "place": 0}),
        ("beside", {"pools": ["a"], "p_values": [0.1], "place": 1}),
        ("beside", {"pools": ["a", "b"], "p_values": [0.1], "place": 0}),
    ],
)
def test_garbled_sections_are_named(judged, project, section, value):
    path = project / "gate" / "verdict.json"
    path.write_text(json.dumps(sealed(json.loads(path.read_text()) | {section: value})))
    with pytest.raises(InputError, match=f"garbles '{section}'"):
        rook.promote(project / "gate")
    assert not (project / "models" / "promotions.jsonl").exists()


def test_the_viewer_shows_each_verdict(judged, project):
    from starlette.testclient import TestClient

    from rook_bench.viewer.app import make_app
    from rook_bench.viewer.shelf import Library

    rook.promote(judged)
    library = Library((project / "gate",), models=project / "models", trials=project / "models" / "trials")
    client = TestClient(make_app(library, None), base_url="http://127.0.0.1:8613")
    verdicts = library.look().verdicts
    assert len(verdicts) == 4  # of all pools, and each one's own
    for found in verdicts:
        page = client.get(f"/verdict/{found.id}")
        assert page.status_code == 200
        assert found.facts.verdict in page.text
    said = client.get("/promotions").text
    assert "is champion of WETH/USDC since" in said
    assert "is champion of UNI/USDC since" in said


def test_a_pool_that_did_not_pass_cannot_be_promoted_from_its_folder(judged, project):
    with pytest.raises(InputError, match="not PROMOTE"):
        rook.promote(project / "gate" / "pools" / "03-LINK-USDC")
    shutil.rmtree(project / "gate" / "pools" / "02-UNI-USDC")
    with pytest.raises(InputError):
        rejudge_pools(project / "gate")


def test_a_source_that_looks_ahead_on_one_pool_is_invalid_on_all(pools, lax, project):
    plugin = project / "peeks.py"
    plugin.write_text(
        "from rook_bench import Decision, decision_source\n\n"
        "@decision_source(whole_tape=True)\n"
        "def peeks():\n"
        "    import numpy as np\n"
        "    from rook_bench import DecisionTape, Side\n"
        "    def decide(view):\n"
        "        price = np.asarray(view['price'])\n"
        "        side = np.where(np.append(np.diff(price), 0) > 0, Side.BUY, Side.SELL)\n"
        "        side = np.full(len(price), Side.HOLD) if view.pool.base.symbol == 'WETH' else side\n"
        "        return DecisionTape.from_sides(side, 0.1, slippage_bps=50.0, deadline_s=60.0, confidence=1.0)\n"
        "    return decide\n"
    )
    judged = rook.judge_pools(lax(**ASKS), f"{plugin}@peeks", "random:0.4", tapes=pools[:2], config=MINUTES)
    assert judged.verdict.verdict == "INVALID"
    assert judged.verdict.reasons[0].startswith("UNI/USDC: INVALID (look-ahead")
    assert judged.verdict.promoted_for == ()
    assert judged.verdict.purse == ()


def test_pools_in_other_tokens_are_judged_in_one_numeraire(pools, lax):
    """A pool of LINK in ether: its capital is as many dollars as the others', and its gas is paid in ether."""
    crossed = pools[2].pool.model_copy(update={"token0": Token(symbol="WETH", decimals=18), "address": "0x" + "c" * 40})
    tapes = [pools[0], replace(pools[2], pool=crossed)]
    told = MINUTES.model_copy(update={"capital": MINUTES.capital.model_copy(update={"quote_value": 5_000.0})})
    judged = rook.judge_pools(lax(**ASKS), CALM, WILD, tapes=tapes, config=told)
    run = judged.judgements[1].evaluations[0].run
    assert run.frame.pool.pair == "LINK/WETH"
    assert run.config.numeraire == "USDC"
    quote_per_usd = 1 / pools[0].price[0]
    value = run.opening[0] / 1e18 + run.opening[1] / 1e18 * run.frame.price[0]
    assert value == pytest.approx(5_000 * quote_per_usd, rel=0.02)
    assert judged.purses[0].run.numeraire == "USDC"


def test_what_cannot_be_judged_together_is_refused(pools, lax):
    with pytest.raises(ConfigError, match="one tape is no several"):
        rook.judge_pools(lax(**ASKS), CALM, WILD, tapes=pools[:1], config=MINUTES)
    with pytest.raises(ConfigError, match="is there twice"):
        rook.judge_pools(lax(**ASKS), CALM, WILD, tapes=[pools[0], pools[0]], config=MINUTES)


def test_the_command(pools, project, command_line):
    for frame, name in zip(pools[:2], ("one", "two"), strict=True):
        write_tape(frame, project / f"{name}.parquet")
    (project / "policy.toml").write_text(
        'name = "both"\n[primary]\n[evidence]\nmin_days = 0.1\nmin_fills = 1\n'
        "[degeneracy]\nmin_side_share = 0\nmin_side_fills = 0\n"
    )
    (project / "c.toml").write_text("[clock]\nbucket_s = 120\n[frictions.gas]\ngwei = 1.0\n")
    arguments = ("gate", "--policy", "policy.toml", "--candidate", CALM, "--champion", WILD, "--config", "c.toml")
    code, out, err = command_line(*arguments, "--data", "one.parquet", "--data", "two.parquet", "--out", "g")
    assert code == 0, err
    assert "one purse over WETH/USDC, UNI/USDC:" in out
    assert "promoted for WETH/USDC, UNI/USDC" in out
    code, out, err = command_line("promote", "g", "--allow-other-policy")
    assert code == 0, err
    assert "champion of WETH/USDC: momentum" in out
    assert "champion of UNI/USDC: momentum" in out
    code, out, _ = command_line("history")
    assert "of pool" in out
    assert code == 0
    code, out, _ = command_line("gate", "comment", "g")
    assert "PROMOTE" in out
    refused = [
        (["--pool", "0x" + "1" * 40], "--pool: it is about one tape"),
        (["--split", "test"], "--split: it is about one tape"),
    ]
    for options, message in refused:
        code, _, err = command_line(
            *arguments, "--data", "one.parquet", "--data", "two.parquet", "--out", "h", *options
        )
        assert (code, message in err) == (3, True), err
    assert not (project / "h").exists()
