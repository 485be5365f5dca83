"""Runs made to deceive the gate: forged tails, rare peeks, memory, free costs, escaping the ledger."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rook_bench.core.hashing import sealed, sha256_file
from rook_bench.ingest.read import read_swaps
from rook_bench.market.tape_file import write_tape
from rook_bench.trials import TrialLedger

REPOSITORY = Path(__file__).resolve().parents[2]
LAX = "[evidence]\nmin_days = 0\nmin_fills = 1\n[degeneracy]\nmin_side_share = 0\nmin_side_fills = 0\n"


pytestmark = pytest.mark.usefixtures("every_place")  # how often one of these is found depends on it


@pytest.fixture
def lax(checkout):
    (checkout / "lax.toml").write_text(LAX)
    write_tape(read_swaps(REPOSITORY / "data" / "sample.parquet")[:1200], checkout / "tape.parquet")
    return checkout


def test_a_forged_tail_is_found_by_asking_for_all_of_it(lax, rook_bench):
    """Sound in itself: hashes, orders and seal fit. Only the source knows that it never said so."""
    from rook_bench.core.decision_tape import DecisionTape
    from rook_bench.market.view import MarketView
    from rook_bench.replay import load_run, replay_decided, save_run
    from rook_bench.sources import Decided

    assert rook_bench("replay", "tape.parquet", "--source", "random:0.1", "--out", "r")[0] == 0
    run = load_run(lax / "r")
    price = MarketView.whole(run.frame)["price"]
    side = run.decided.tape.side.copy()
    rises = np.append(price[1:] > price[:-1], False)
    side[1100:] = np.where(rises, 0, 2)[1100:]
    forged = DecisionTape.from_sides(side, 0.05, confidence=0.5, reason="chance")
    decided = Decided(run.source, forged, run.decided.key, reused=False)
    again = replay_decided(run.frame, decided, run.config)
    save_run(again, lax / "r")
    facts = json.loads((lax / "r" / "run.json").read_text())
    facts["lookahead"] |= {"status": "clean", "leak_row": None, "detail": "trust me"}
    (lax / "r" / "run.json").write_text(json.dumps(sealed(facts, "seal")))
    code, out, _ = rook_bench("gate", "--policy", "lax.toml", "--candidate", "r", "--out", "g")
    assert code == 3
    assert "row" in out
    assert "INVALID" in out


PEEK = '''
import numpy as np
from rook_bench import decision_source
from rook_bench.core.decision_tape import DecisionTape

@decision_source(whole_tape=True)
def peek(share: float = 0.1):
    """Peeks three swaps ahead on a few rows, and hides them among tiny orders."""
    def decide(view):
        price, rows = view["price"], len(view)
        draw = np.random.default_rng(5).random(100_000)[:rows]
        decoy = draw < 0.6
        later = np.append(price[3:], np.repeat(price[-1], min(3, rows)))[:rows]
        peeks = (draw > 1 - share)
        side = np.where(decoy, np.where(draw < 0.3, 0, 2), 1)
        side = np.where(peeks, np.where(later > price, 0, 2), side)
        size = np.where(decoy, 1e-12, np.where(peeks, 0.3, 0.0))
        size = np.where(side == 1, 0.0, size)
        return DecisionTape.from_sides(side.astype(np.int8), size)
    return decide
'''


def test_a_rare_peek_behind_decoys_is_found(lax, rook_bench):
    (lax / "peek.py").write_text(PEEK)
    arguments = ("--candidate", "peek.py@peek:share=0.05", "--data", "tape.parquet", "--out", "g")
    code, out, _ = rook_bench("gate", "--policy", "lax.toml", *arguments)
    assert code == 3, out
    assert "INVALID" in out


MEMORY = '''
import numpy as np
from rook_bench import decision_source
from rook_bench.core.decision_tape import DecisionTape

SCALE = {}

@decision_source(whole_tape=True)
def fitted():
    """Fits its scale on the first tape it sees, and keeps it."""
    def decide(view):
        price = view["price"]
        SCALE.setdefault("mean", price.mean())
        SCALE.setdefault("std", price.std())
        z = (price - SCALE["mean"]) / SCALE["std"]
        return DecisionTape.from_sides(np.where(z < -1, 0, np.where(z > 1, 2, 1)).astype(np.int8), 0.05)
    return decide
'''


@pytest.mark.parametrize("place", ["mine.py", "plugins/mine.py"])
def test_what_a_source_keeps_in_memory_does_not_help_it(lax, rook_bench, monkeypatch, place):
    path = lax / place
    path.parent.mkdir(exist_ok=True)
    path.write_text(MEMORY)
    reference = f"{place}@fitted"
    if place.startswith("plugins"):  # loaded once, like every file of a strategies folder
        monkeypatch.setenv("ROOK_BENCH_STRATEGIES", str(path.parent))
        reference = "fitted"
    arguments = ("--candidate", reference, "--data", "tape.parquet", "--out", "g")
    code, out, err = rook_bench("gate", "--policy", "lax.toml", *arguments)
    assert code == 3, out + err
    assert "INVALID" in out


def test_a_tape_is_checked_again_whatever_run_json_says_of_it(lax, rook_bench):
    rook_bench("replay", "tape.parquet", "--source", "random:0.1", "--out", "r")
    path = lax / "r" / "run.json"
    facts = json.loads(path.read_text())
    facts["tape_check"]["chained_share"] = 0.123
    path.write_text(json.dumps(sealed(facts, "seal")))
    rook_bench("gate", "--policy", "lax.toml", "--candidate", "r", "--out", "g")
    assert json.loads((lax / "g" / "verdict.json").read_text())["tape"]["chained_share"] == 1.0


def test_a_run_without_costs_is_not_what_the_shipped_policy_asks(lax, rook_bench):
    (lax / "free.toml").write_text("[frictions]\nfee_pips = 0\n[frictions.gas]\nflat_quote = 0.0\n")
    arguments = ("--candidate", "random:0.2", "--champion", "hold", "--data", "tape.parquet", "--config", "free.toml")
    code, out, _ = rook_bench("gate", "--policy", "strategies/gate.toml", *arguments, "--out", "g")
    assert code == 3
    assert "orders pay 0 pips" in out


def test_a_lax_policy_makes_no_second_champion(lax, rook_bench):
    rules = "rules:strategies/data_driven.json"
    assert (
        rook_bench("gate", "--policy", "lax.toml", "--candidate", rules, "--data", "tape.parquet", "--out", "g")[0] == 0
    )
    assert rook_bench("promote", "g")[0] == 0
    arguments = ("--candidate", "always-buy", "--champion", "champion", "--data", "tape.parquet", "--out", "g2")
    assert rook_bench("gate", "--policy", "lax.toml", *arguments)[0] == 0
    code, _, err = rook_bench("promote", "g2")
    assert code == 3
    assert "asks no primary question" in err


def test_trying_many_seeds_or_settings_is_trying(lax, rook_bench):
    for seed in range(3):
        rook_bench("replay", "tape.parquet", "--source", "random:0.1", "--seed", seed, "--out", "r")
    (lax / "late.toml").write_text("[frictions.latency]\nswaps = 3\n")
    rook_bench("replay", "tape.parquet", "--source", "random:0.1", "--config", "late.toml", "--out", "r")
    (lax / "mine.py").write_text(MEMORY.replace("def fitted", "def random"))
    rook_bench("replay", "tape.parquet", "--source", "mine.py@random", "--out", "r")
    rook_bench("compare", "tape.parquet", "--source", "momentum", "--out", "c")  # adds hold and chance by itself
    found = [(trial.role, trial.source) for trial in TrialLedger().trials()]
    assert [source for role, source in found if role == "candidate"] == ["random:0.1"] * 4 + [
        "mine.py@random",
        "momentum",
    ]
    assert len(found) == 8


def test_the_seat_of_the_champion_is_no_place_to_hide_a_try(lax, rook_bench):
    arguments = ("--candidate", "hold", "--champion", "momentum", "--data", "tape.parquet", "--out", "g")
    rook_bench("gate", "--policy", "lax.toml", *arguments)
    assert [trial.source for trial in TrialLedger().trials() if trial.role == "candidate"] == ["hold", "momentum"]


def test_a_run_is_judged_against_the_promoted_champion_on_its_own_tape(lax, rook_bench):
    rules = "rules:strategies/data_driven.json"
    rook_bench("gate", "--policy", "lax.toml", "--candidate", rules, "--data", "tape.parquet", "--out", "g")
    rook_bench("promote", "g")
    rook_bench("replay", "tape.parquet", "--source", "momentum", "--out", "r")
    code, out, err = rook_bench(
        "gate", "--policy", "lax.toml", "--candidate", "r", "--champion", "champion", "--out", "g2"
    )
    assert code == 0, out + err
    verdict = json.loads((lax / "g2" / "verdict.json").read_text())
    assert verdict["champion"]["source"].startswith("rules:models/promoted/")
    assert "can't be its own candidate" in rook_bench(
        "gate", "--policy", "lax.toml", "--candidate", "champion", "--data", "tape.parquet", "--out", "g3"
    )[2]  # fmt: skip


RAISES = "from rook_bench import decision_source\n@decision_source\ndef broken():\n    def decide(view):\n        raise KeyError('oops')\n    return decide\n"


@pytest.mark.parametrize(
    ("prepare", "arguments"),
    [
        (lambda lax: (lax / "b.py").write_text(RAISES), ("--candidate", "b.py@broken", "--data", "tape.parquet")),
        (
            lambda lax: (lax / "lax.toml").write_text("[thresholds.max_drawdown]\nmax = inf\n"),
            ("--candidate", "hold", "--data", "tape.parquet"),
        ),
        (
            lambda lax: (lax / "lax.toml").write_text("[evidence]\nmin_days = nan\n"),
            ("--candidate", "hold", "--data", "tape.parquet"),
        ),
        (lambda lax: (lax / "r" / "run.json").write_text("[]"), ("--candidate", "r")),
        (lambda lax: (lax / "r" / "run.json").write_bytes(b"\xff\xfe"), ("--candidate", "r")),
        (
            lambda lax: (lax / "r" / "run.json").write_text(json.dumps(sealed({"version": 3, "files": {}}, "seal"))),
            ("--candidate", "r"),
        ),
        (lambda lax: (lax / "r" / "clock.json").write_text(""), ("--candidate", "r")),
    ],
    ids=["plugin-raises", "inf", "nan", "list", "not-utf8", "keys-missing", "empty-clock"],
)
def test_what_breaks_is_one_line_and_no_block(lax, rook_bench, prepare, arguments):
    rook_bench("replay", "tape.parquet", "--source", "random:0.1", "--out", "r")
    prepare(lax)
    code, _, err = rook_bench("gate", "--policy", "lax.toml", *arguments, "--out", "g")
    assert code == 3
    assert err.strip().splitlines()[-1].startswith("rook-bench: ")
    assert "Traceback" not in err
    assert not (lax / "g").exists()


def test_the_traceback_is_there_for_who_asks(lax, rook_bench, monkeypatch):
    (lax / "b.py").write_text(RAISES)
    monkeypatch.setenv("ROOK_BENCH_TRACEBACK", "1")
    with pytest.raises(KeyError, match="oops"):
        rook_bench("replay", "tape.parquet", "--source", "b.py@broken", "--out", "r")


def test_forged_orders_with_fitting_hashes_are_still_found(lax, rook_bench):
    rook_bench("replay", "tape.parquet", "--source", "random:0.1", "--out", "r")
    orders = lax / "r" / "orders.parquet"
    table = pq.read_table(orders)
    pq.write_table(table.slice(0, len(table) - 1), orders)
    facts = json.loads((lax / "r" / "run.json").read_text())
    facts["files"]["orders.parquet"] = sha256_file(orders)
    (lax / "r" / "run.json").write_text(json.dumps(sealed(facts, "seal")))
    code, _, err = rook_bench("gate", "--policy", "lax.toml", "--candidate", "r", "--out", "g")
    assert code == 3
    assert "gives other orders" in err
