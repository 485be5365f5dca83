"""Ways to an undeserved verdict that a hostile referee once found, each with what happens now.

Side files, modules and memory (A2, A3) stand in tests/replay/test_apart.py, gaps of a tape (A7) in
tests/gates/test_evidence.py, writers and kills (B6 to B8) in tests/core/test_whole_outputs.py, numbers outside sense
(B9) in tests/core/test_numbers_of_sense.py.
"""

import json
import textwrap
from dataclasses import replace as changed
from pathlib import Path

import numpy as np
import pytest

import rook_bench as rook
from rook_bench.core import ConfigError, InputError
from rook_bench.core.hashing import sealed
from rook_bench.core.untrusted import check_unpacked
from rook_bench.gates import Policy, load_policy
from rook_bench.gates.checks.training_data import training_data
from rook_bench.market.pool import Pool
from rook_bench.market.tape_file import write_tape
from rook_bench.trials import TrialLedger

REPOSITORY = Path(__file__).resolve().parents[2]
MINUTES = rook.BenchConfig(clock={"bucket_s": 60})
HEAD = """
import numpy as np
from rook_bench import decision_source
from rook_bench.core.decision_tape import DecisionTape
"""


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    (tmp_path / "rook-bench.toml").touch()
    (tmp_path / "strategies").mkdir()
    monkeypatch.delenv("ROOK_BENCH_TRIALS")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plugin(name, body):
    Path(name).write_text(HEAD + textwrap.dedent(body))
    return name


def the(verdict, name):
    return next(check for check in verdict.checks if check.name == name)


# A1: labels made from the future.


def hindsight(frame):
    later = np.append(frame.price[60:], np.full(60, frame.price[-1]))
    labels = {
        "label_side": np.where(later > frame.price, "BUY", "SELL").astype(object),
        "label_size": np.full(len(frame), 0.05),
        "label_slippage_bps": np.full(len(frame), 50.0),
        "label_deadline_s": np.full(len(frame), 300.0),
    }
    return changed(frame, labels=labels)


def test_a1_labels_are_no_candidate(swaps, lax):
    judged = rook.judge(lax(), "labels", tape=hindsight(swaps), config=MINUTES)
    assert judged.verdict.verdict == "INCONCLUSIVE"
    assert "labels, which may know the future" in judged.reasons[0]


def test_a1_a_plugin_sees_no_labels_unless_it_says_so(swaps, lax):
    body = """
        @decision_source(whole_tape=True{traits})
        def teacher():
            def decide(view):
                side = view.labels().get("label_side", np.full(len(view), "HOLD"))
                return DecisionTape.from_sides(np.select([side == "BUY", side == "SELL"], [0, 2], 1), 0.05)
            return decide
        """
    blind = plugin("blind.py", body.format(traits=""))
    judged = rook.judge(lax(), f"{blind}@teacher", tape=hindsight(swaps), config=MINUTES)
    assert judged.evaluations[0].run.decided.tape.action_rate == 0
    declared = plugin("declared.py", body.format(traits=", labels=True"))
    judged = rook.judge(lax(), f"{declared}@teacher", tape=hindsight(swaps), config=MINUTES)
    assert judged.evaluations[0].run.decided.tape.action_rate > 0
    assert judged.verdict.verdict == "INCONCLUSIVE"


def test_a1_recorded_features_made_with_hindsight_are_no_evidence(tape, lax):
    """The same trick in another column: what a file says of its rows is held against the rows."""
    from rook_bench.market.features import compute_feature

    honest = np.array(compute_feature(tape, "price_change"))
    for recorded, status in ((honest, "pass"), (np.append(honest[1:], 0.0), "inconclusive")):
        frame = changed(tape, recorded={"price_change": recorded})
        judged = rook.judge(lax(), "momentum:lookback=3,threshold_bps=2", tape=frame, config=MINUTES)
        assert the(judged.verdict, "recorded features").status == status
        assert judged.verdict.verdict == ("PROMOTE" if status == "pass" else "INCONCLUSIVE")


# A4: a configuration that silences the champion.

CONFIDENT = """
    @decision_source(whole_tape=True)
    def confident(confidence: float = 0.65, seed: int = 1):
        def decide(view):
            draw = np.random.default_rng(seed).random(100_000)[: len(view)]
            side = np.where(draw < 0.3, 0, np.where(draw > 0.7, 2, 1))
            return DecisionTape.from_sides(side, 0.05, confidence=confidence)
        return decide
    """


def test_a4_a_silenced_champion_is_invalid_and_both_sides_fills_are_told(swaps, lax):
    file = plugin("sure.py", CONFIDENT)
    mine, theirs = f"{file}@confident:confidence=0.65", f"{file}@confident:confidence=0.55,seed=2"
    fair = rook.judge(lax(), mine, theirs, tape=swaps, config=MINUTES)
    assert the(fair.verdict, "champion trades").status == "pass"
    silencing = MINUTES.model_copy(
        update={"risk": rook.BenchConfig(risk={"filters": ["confidence_threshold:0.6"]}).risk}
    )
    judged = rook.judge(lax(), mine, theirs, tape=swaps, config=silencing)
    assert judged.verdict.verdict == "INVALID"
    told = the(judged.verdict, "champion trades").detail
    assert "champion: 0 of" in told
    assert "refused (confidence_threshold" in told


# A5 and A14: settings are tries, and so are the same swaps under another name.


def test_a5_every_setting_is_a_try(swaps, lax):
    asks = lax(primary={}, selection={"best_of_tries": True, "max_looks": 50})
    hold = rook.evaluate(swaps, "hold", MINUTES)
    tried = [
        rook.evaluate(swaps, "momentum:lookback=3,threshold_bps=2", config)
        for config in (
            MINUTES,
            MINUTES.model_copy(update={"clock": rook.BenchConfig(clock={"bucket_s": 120}).clock}),
            MINUTES.model_copy(update={"capital": rook.BenchConfig(capital={"quote_value": 5000}).capital}),
            MINUTES.model_copy(update={"frictions": rook.BenchConfig(frictions={"latency": {"swaps": 2}}).frictions}),
        )
    ]
    assert len({one.run.decided.tape.content_hash for one in tried}) == 1
    judged = rook.judge(asks, tried[0], hold)
    assert judged.verdict.trials["candidates"] == 4
    assert "beside 3 other tries" in the(judged.verdict, "best of all tries").detail
    series = [len(TrialLedger().returns_of(trial)) for trial in TrialLedger().trials()[1:3]]
    assert series[0] == pytest.approx(2 * series[1], abs=2)  # on clocks of their own


def test_a14_another_name_or_a_row_less_makes_no_other_stretch(swaps, lax):
    asks = lax(selection={"max_looks": 50})
    for pool in ("0x01", "0x02"):
        frame = changed(swaps, pool=Pool(**{**swaps.pool.model_dump(), "address": pool, "chain": "ethereum"}))
        rook.evaluate(frame[3:], "random:0.2", MINUTES)
    judged = rook.judge(asks, "random:0.3", tape=swaps, config=MINUTES)
    assert (judged.verdict.trials["looks"], judged.verdict.trials["candidates"]) == (3, 2)
    assert rook.judge(asks, "random:0.3", tape=swaps[::2], config=MINUTES).verdict.trials["looks"] <= 4


# A6: promote and the ledger's head.


def promotable(swaps, lax, candidate="random:0.3", **asks):
    judged = rook.judge(lax(**asks), candidate, tape=swaps, config=MINUTES).save("gate")
    assert judged.verdict.verdict == "PROMOTE", judged.reasons
    return Path("gate/verdict.json")


def forged(path, **changes):
    record = json.loads(path.read_text())
    del record["hash"]
    path.write_text(json.dumps(sealed(record | changes)))


def test_a6_a_head_under_which_it_was_never_judged_is_refused(swaps, lax):
    path = promotable(swaps, lax, selection={"max_looks": 3})
    facts = json.loads(path.read_text())["trials"]
    forged(path, trials=facts | {"head": "", "looks": 0, "candidates": 0})
    with pytest.raises(InputError, match="before which its candidate was never judged"):
        rook.promote(path)


def test_a6_what_was_tried_since_counts(swaps, lax):
    path = promotable(swaps, lax, selection={"max_looks": 2})
    for seed in range(2):
        rook.evaluate(swaps, "random:0.4", MINUTES.model_copy(update={"seed": seed}))
    with pytest.raises(InputError, match="with what was tried since the verdict it would be INCONCLUSIVE"):
        rook.promote(path)


# A8: a lax policy with a primary section makes a second champion.


def test_a8_margins_and_levels_are_capped():
    for values in ({"margin_bps_per_day": 10_000}, {"level": 0.8}, {"margin_bps_per_day": 51}):
        with pytest.raises(ConfigError, match="Input should be"):
            Policy.parse({"primary": values}, where="gate.toml")


def test_a8_another_policy_makes_no_second_champion(swaps, lax, monkeypatch):
    near = CONFIDENT.replace("seed: int = 1", "odd: int = 9").replace("rng(seed)", "rng(1)")
    plugin(
        "strategies/near.py",
        near.replace("(side, 0.05,", "(side, np.where(np.arange(len(view)) == odd, 0.04999, 0.05),"),
    )
    rook.promote(promotable(swaps, lax, "confident:odd=9"))
    asks = {"primary": {"test": "non-inferiority", "margin_bps_per_day": 50, "level": 0.9, "market_taken_out": False}}
    judged = rook.judge(lax(**asks), "confident:odd=400", "champion", tape=swaps, config=MINUTES).save("second")
    assert judged.verdict.verdict == "PROMOTE", judged.reasons
    with pytest.raises(InputError, match="--allow-other-policy"):
        rook.promote("second")
    entry = rook.promote("second", allow_other_policy=True)
    assert entry["other"] == ["policy"]


# A10: trained on what it is judged on.


def test_a10_a_model_judged_on_its_own_rows_is_invalid(tiny_adapter, tape, lax):
    """The record of training holds pool, times and a sketch of the rows."""
    from rook_bench.language.manifest import read_manifest

    told = read_manifest(tiny_adapter).learned_from
    assert told is not None
    assert told.first_at < told.last_at
    assert told.rows["hashes"]


def declared(frame, trained_on):
    text = "" if trained_on is None else f", trained_on={trained_on!r}"
    file = plugin(
        "learner.py",
        f"""
        @decision_source(whole_tape=True{text})
        def learner():
            def decide(view):
                return DecisionTape.from_sides(np.arange(len(view)) % 3, 0.05)
            return decide
        """,
    )
    return rook.evaluate(frame, f"{file}@learner", MINUTES)


def test_a10_plugins_say_what_they_learned_from(swaps, tape, lax):
    known = Policy.parse({"evidence": {"training_data": "known"}}, where="test").evidence
    silent = training_data(known, declared(swaps, None))
    assert (silent.status, "does not say" in silent.detail) == ("inconclusive", True)
    assert training_data(Policy().evidence, declared(swaps, None)).status == "info"
    assert training_data(known, declared(swaps, "nothing")).status == "pass"
    write_tape(tape[:400], Path("before.parquet"))
    found = training_data(known, declared(swaps, ["before.parquet"]))
    assert (found.status, "these very swaps" in found.detail) == ("invalid", True)
    assert training_data(known, declared(tape[900:], ["before.parquet"])).status == "pass"
    renamed = changed(swaps, pool=Pool(**{**swaps.pool.model_dump(), "address": "0x5e1f"}))
    assert training_data(known, declared(renamed, ["before.parquet"])).status == "invalid"
    assert training_data(known, declared(swaps, ["gone.parquet"])).status == "inconclusive"
    for name in ("training data", "champion trades", "latency"):
        from rook_bench.gates.check import NEVER

        assert name in NEVER


def test_a10_a_memoriser_gets_no_promotion_by_the_shipped_policy(swaps):
    """A table of answers in the plugin is out of the look-ahead check's reach: nobody says what it learned from."""
    asked = load_policy(REPOSITORY / "strategies" / "gate.toml").evidence
    assert asked.training_data == "known"


# A11: costs in name only.


@pytest.mark.parametrize(
    "frictions",
    [
        {"gas": {"gwei": 1e-9}},
        {"gas": {"flat_quote": 1e-12}},
        {"gas": {"swap_units": 1}},
        {"latency": {"swaps": 0}},
        {"latency": {"blocks": 0}},
        {"latency": {"seconds": 0.5}},
    ],
)
def test_a11_costs_and_latency_in_name_only_are_invalid(swaps, lax, frictions):
    config = rook.BenchConfig(clock={"bucket_s": 60}, frictions=frictions)
    asks = lax(assumptions={"real_costs": True, "real_latency": True})
    judged = rook.judge(asks, "random:0.2", tape=swaps, config=config)
    assert judged.verdict.verdict == "INVALID", judged.reasons
    assert rook.judge(asks, "random:0.2", tape=swaps, config=MINUTES).verdict.verdict == "PROMOTE"


# A12: who trades seldom looks at the market all the same.


def test_a12_trading_on_one_swap_in_a_hundred_is_no_degeneracy(tape):
    asks = Policy.parse({"evidence": {"min_days": 0, "min_fills": 0}}, where="test")
    judged = rook.judge(asks, "random:0.01", tape=tape, config=MINUTES)
    assert the(judged.verdict, "both sides trade").status == "pass"
    assert rook.judge(asks, "always-buy", tape=tape, config=MINUTES).verdict.verdict == "BLOCK"
    assert rook.judge(asks, "hold", tape=tape, config=MINUTES).verdict.verdict == "BLOCK"


# A13: an adapter's files.


def copied(adapter, tmp_path):
    import shutil

    shutil.copytree(adapter, tmp_path / "adapter")
    return tmp_path / "adapter"


def test_a13_every_file_of_an_adapter_is_under_its_hash(tiny_adapter, project):
    from rook_bench.language.manifest import FILE, adapter_hash, check_files, read_manifest

    folder = copied(tiny_adapter, project)
    before = adapter_hash(folder)
    record = json.loads((folder / FILE).read_text())
    del record["files"]["adapter_model.safetensors"]
    (folder / FILE).write_text(json.dumps(record))
    without = adapter_hash(folder)
    assert without != before
    (folder / "adapter_model.safetensors").write_bytes(b"other weights")
    assert adapter_hash(folder) != without
    with pytest.raises(InputError, match="does not name adapter_model"):
        check_files(folder, read_manifest(folder))


def test_b4_links_and_files_that_do_not_belong_are_refused(tiny_adapter, project):
    from rook_bench.language.manifest import check_files, read_manifest

    folder = copied(tiny_adapter, project)
    (folder / "adapter_model.bin").write_bytes(b"a pickle")
    with pytest.raises(InputError, match="does not name this file"):
        check_files(folder, read_manifest(folder))
    (folder / "adapter_model.bin").unlink()
    (project / "secret.txt").write_text("TOP SECRET")
    (folder / "notes.md").symlink_to(project / "secret.txt")
    with pytest.raises(InputError, match="holds no links"):
        check_files(folder, read_manifest(folder))


# A15: a verdict edited by hand.


def test_a15_report_shows_no_edited_verdict(swaps, lax, command_line):
    path = promotable(swaps, lax)
    assert command_line("report", "gate")[0] == 0
    path.write_text(path.read_text().replace("PROMOTE", "BLOCK").replace("all ", "no "))
    code, _, err = command_line("report", "gate")
    assert code == 3
    assert "does not match its own hash" in err
    forged(path, candidate=json.loads(path.read_text())["candidate"] | {"decisions_hash": "0" * 64})
    code, _, err = command_line("report", "gate")
    assert code == 3
    assert "none of the runs beside it" in err


# B1 and B2: folders of others run no code.

EVIL = """
    from pathlib import Path
    with open("RAN", "a") as file:
        file.write("x")

    @decision_source(whole_tape=True)
    def evil():
        def decide(view):
            return DecisionTape.from_sides(np.arange(len(view)) % 3, 0.05)
        return decide
    """


@pytest.fixture
def download(swaps, project):
    """A run folder of somebody else's, whose source lies in it; what made it is forgotten."""
    (project / "download").mkdir()
    file = plugin("download/evil.py", EVIL)
    run = rook.evaluate(swaps, f"{file}@evil", MINUTES)
    folder = project / "run"
    run.save(folder, report=False)
    for name in folder.iterdir():
        name.rename(project / "download" / name.name)
    Path("RAN").unlink()
    return "download"


def test_b1_report_and_gate_run_nothing_of_a_run(download, lax, command_line, project):
    code, out, err = command_line("report", download)
    assert code == 0, err
    assert "evil" in (project / "download" / "report.html").read_text()
    (project / "lax.json").write_text(lax().model_dump_json())
    arguments = ("gate", "--policy", "lax.json", "--candidate", download, "--out", "g")
    code, out, err = command_line(*arguments)
    assert code == 2
    assert "code that is not the project's own is not run" in out
    assert not Path("RAN").exists()
    # Somebody who has read it may let it run; changed since, it is not what was recorded.
    code, out, err = command_line(*arguments, "--allow-plugin", "download/evil.py")
    assert (code, "it wrote" in out) == (2, True)  # and is watched while it does
    assert Path("RAN").exists()
    Path("RAN").unlink()
    Path("download/evil.py").write_text(Path("download/evil.py").read_text() + "\n# changed\n")
    assert command_line(*arguments, "--allow-plugin", "download/evil.py")[0] == 2
    assert not Path("RAN").exists()


def test_b1_nor_what_a_policy_a_configuration_or_a_record_names(swaps, lax, project):
    file = plugin(
        "download_evil.py",
        EVIL
        + """
    from rook_bench import gate_check, risk_filter
    @gate_check
    def fine():
        from rook_bench.gates.check import Check
        return lambda candidate, champion: Check("fine", "pass", "fine")
    @risk_filter
    def all_of_them():
        return lambda view, decisions: np.ones(len(view), bool)
    """,
    )
    with pytest.raises(InputError, match="--allow-plugin"):
        rook.judge(lax(checks=[f"{file}@fine"]), "random:0.2", tape=swaps, config=MINUTES)
    risky = MINUTES.model_copy(update={"risk": rook.BenchConfig(risk={"filters": [f"{file}@all_of_them"]}).risk})
    with pytest.raises(InputError, match="--allow-plugin"):
        rook.judge(lax(), "random:0.2", tape=swaps, config=risky)
    assert not Path("RAN").exists()
    rook.judge(lax(checks=[f"{file}@fine"]), "random:0.2", tape=swaps, config=MINUTES, allow_plugins=[file])
    assert Path("RAN").exists()


def test_b2_a_strategies_folder_is_not_run_by_what_takes_no_plugins(swaps, project, command_line, monkeypatch):
    """As one finds it in a repository that one has just cloned, to look at what is in there."""
    plugin("strategies/evil.py", EVIL)
    write_tape(swaps, project / "t.parquet")
    for arguments in (("data", "check", "t.parquet"), ("history",), ("verify",)):
        assert command_line(*arguments)[0] == 0
    assert not Path("RAN").exists()
    command_line("plugins")
    assert Path("RAN").exists()


# B3, B5, B10 to B12.


def test_b3_no_code_of_a_model_is_run():
    from rook_bench.language.base import HUB, SAFE

    assert HUB == {"trust_remote_code": False}
    assert SAFE == {"trust_remote_code": False, "use_safetensors": True}


def test_b5_what_a_token_is_called_stays_text(swaps, project, command_line, lax):
    evil = "\x1b]0;owned\x07<img src=x>\n# Heading [link](http://x)\u202e"
    pool = Pool(**{**swaps.pool.model_dump(), "token0": {"symbol": evil, "decimals": swaps.pool.token0.decimals}})
    frame = changed(swaps, pool=pool)
    assert "\n" not in frame.pool.pair
    assert "\x1b" not in frame.pool.pair
    write_tape(frame, project / "t.parquet")
    code, out, err = command_line("data", "check", "t.parquet")
    assert code == 0
    assert "\x1b" not in out + err
    rook.judge(lax(), "random:0.2", tape=frame, config=rook.BenchConfig(clock={"bucket_s": 60}, frictions={"gas": {"flat_quote": 0.05}})).save("g")  # fmt: skip
    summary = Path("g/summary.md").read_text()
    assert "<img" not in summary
    assert "[link]" not in summary.replace("\\[", "").replace("\\]", "")
    assert "\n# Heading" not in summary
    assert "<img src=x" not in Path("g/report.html").read_text()


def test_b10_a_path_with_an_at_sign(swaps, project):
    (project / "sp@ce ü").mkdir()
    rules = project / "sp@ce ü" / "rules.json"
    rules.write_text((REPOSITORY / "strategies" / "data_driven.json").read_text())
    assert rook.evaluate(swaps, f"rules:{rules}", MINUTES).run.source.reference == f"rules:{rules}"


def test_b11_a_small_file_with_much_in_it_is_refused_before_it_is_read(swaps, project, command_line, monkeypatch):
    import gzip

    write_tape(swaps, Path("bomb.parquet"))
    monkeypatch.setenv("ROOK_BENCH_MOST_CELLS", "4000")
    code, _, err = command_line("data", "check", "bomb.parquet")
    assert (code, err.count("\n")) == (3, 1)
    assert "rows of 13 columns, more than 4,000 values" in err
    monkeypatch.setattr("rook_bench.core.untrusted.MOST_TEXT", 10**6)
    with gzip.open("bomb.csv.gz", "wb") as file:
        file.write(b"1,BUY,,1,1\n" * 2_000_000)
    with pytest.raises(InputError, match="unpack to more than"):
        check_unpacked(Path("bomb.csv.gz"))
    Path("cut.csv.gz").write_bytes(Path("bomb.csv.gz").read_bytes()[:2000])
    check_unpacked(Path("cut.csv.gz"))  # that it is damaged is its reader's to say


def test_b12_a_key_is_hidden_in_whatever_form_the_node_repeats_it():
    from rook_bench.ingest.fetch.address import Address

    node = Address("https://node.example/v3/SECRET%2FKEY123?token=a%20long%20token")
    for text in ("bad key SECRET/KEY123", "bad key SECRET%2FKEY123", "a long token", "a%20long%20token"):
        shown = node.hidden(f"no: {text}")
        assert "SECRET" not in shown
        assert "long" not in shown


def test_paths_of_records_lead_nowhere_else(swaps, lax, project, command_line):
    promotable(swaps, lax)
    other = json.loads(Path("gate/compare.json").read_text())
    other["runs"][0]["folder"] = "../elsewhere"
    Path("gate/compare.json").write_text(json.dumps(other))
    code, _, err = command_line("report", "gate")
    assert (code, "lies elsewhere" in err) == (3, True)


# What a second referee found.


def test_report_in_the_folder_itself_runs_nothing_either(download, project, command_line, monkeypatch):
    (project / "download" / "strategies").mkdir()
    plugin("download/strategies/evil.py", EVIL)
    (project / "download" / "rook-bench.toml").touch()
    monkeypatch.chdir(project / "download")
    assert command_line("report", ".")[0] == 0
    assert not Path("RAN").exists()


def test_declared_foresight_of_a_plugin_hides_no_try(swaps):
    file = plugin("hide.py", CONFIDENT.replace("whole_tape=True", "whole_tape=True, unreachable=True"))
    rook.evaluate(swaps, f"{file}@confident", MINUTES)
    rook.evaluate(swaps, "foresight", MINUTES)
    assert [trial.role for trial in TrialLedger().trials()] == ["candidate", "benchmark"]


def test_a_unit_more_in_every_price_makes_no_other_swaps(swaps):
    from rook_bench.core.exact import ExactInts
    from rook_bench.market.row_sketch import RowSketch

    prices = ExactInts.of([price + 1 for price in swaps.sqrt_price_x96])
    nudged = changed(swaps, sqrt_price_x96=prices, history=None, tick=None)
    shared, of = RowSketch.of(nudged).shared(RowSketch.of(swaps))
    assert shared > 0.9 * of


def test_sister_pools_are_one_market(swaps):
    known = Policy.parse({"evidence": {"training_data": "known"}}, where="test").evidence
    real = changed(swaps, pool=Pool(**{**swaps.pool.model_dump(), "chain": "ethereum", "address": "0xabc"}))
    table = {"chain": "Ethereum", "pool": "0xdef", "first_at": "2020-01-01", "last_at": "2030-01-01"}
    assert training_data(known, declared(real, table | {"pair": "USDC/ETH"})).status == "invalid"
    assert training_data(known, declared(real, table | {"pair": "WBTC/USDC"})).status == "pass"
    backwards = table | {"first_at": "2030-01-01", "last_at": "2020-01-01"}
    assert training_data(known, declared(real, backwards)).status == "inconclusive"
    assert training_data(known, declared(real, table | {"first_at": "spring"})).status == "inconclusive"


def test_costs_may_not_decide_who_wins_by_being_dear(swaps, lax):
    config = rook.BenchConfig(clock={"bucket_s": 60}, frictions={"fee_pips": 2400})
    asks = lax(assumptions={"real_costs": True})
    assert rook.judge(asks, "random:0.2", tape=swaps, config=config).verdict.verdict == "INVALID"


def test_who_fails_when_it_sees_a_fall_passes_nothing(tape):
    from rook_bench.replay.falls import Plant, plant
    from rook_bench.sources.lookahead import Unanswered

    file = plugin(
        "dip.py",
        """
        @decision_source(whole_tape=True)
        def dip():
            def decide(view):
                price = view["price"]
                if price.min() < 0.9 * price[0]:
                    raise ValueError("not my day")
                return DecisionTape.from_sides(np.arange(len(price)) % 3, 0.2)
            return decide
        """,
    )
    mine, hold = rook.evaluate(tape, f"{file}@dip", MINUTES).run, rook.evaluate(tape, "hold", MINUTES).run
    with pytest.raises(Unanswered, match="not my day"):
        plant(mine, hold, Plant(), 4, np.random.default_rng(0))


def test_verify_sees_a_changed_companion(swaps, lax, project, command_line, monkeypatch):
    (project / "strategies" / "helper_of_champion.py").write_text("SIZE = 0.05\n")
    monkeypatch.syspath_prepend(project / "strategies")
    body = CONFIDENT.replace("(side, 0.05,", "(side, SIZE,")
    plugin("strategies/comp.py", "import numpy as np\nfrom helper_of_champion import SIZE\n" + textwrap.dedent(body))
    rook.promote(promotable(swaps, lax, "strategies/comp.py@confident"))
    assert command_line("verify")[0] == 0
    (project / "strategies" / "helper_of_champion.py").write_text("SIZE = 0.9\n")
    code, out, _ = command_line("verify")
    assert (code, "helper_of_champion.py: changed" in out) == (3, True)
    with pytest.raises(InputError, match="helper_of_champion.py: changed"):
        rook.judge(lax(), "random:0.2", "champion", tape=swaps, config=MINUTES)
