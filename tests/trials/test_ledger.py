"""The trial ledger: what counts as a look, returns side by side, tampering, kills and writers at once."""

import os
import random
import signal
import time
from dataclasses import replace

import numpy as np
import pytest

from rook_bench.core import InputError
from rook_bench.market.simulation.simulate import simulate
from rook_bench.metrics import Clock, analyse
from rook_bench.trials import Looks, TrialLedger

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
CLOCK = Clock(bucket_s=60)


@pytest.fixture
def ledger(tmp_path):
    return TrialLedger(tmp_path / "trials")


@pytest.fixture(scope="module")
def evaluate(short_tape, sides, run_of):
    """Evaluate letters of decisions (repeated over the tape) into an Analysis."""

    def make(letters, frame=short_tape, clock=CLOCK, **parts):
        text = (letters * len(frame))[: len(frame)]
        return analyse(run_of(frame, sides(text), **parts), clock)

    return make


@pytest.fixture(scope="module")
def buyer(evaluate):
    return evaluate("B.S.")


@pytest.fixture(scope="module")
def seller(evaluate):
    return evaluate("S..B..")


def test_an_evaluation_is_recorded_with_its_facts_and_returns(ledger, buyer):
    (trial,) = ledger.record([buyer], "compare")
    run = buyer.run
    assert (trial.kind, trial.role, trial.source) == ("compare", "candidate", "scripted")
    assert trial.run_hash == run.run_hash
    assert trial.decisions_hash == run.decided.tape.content_hash
    assert trial.data_hash == run.frame.data_hash
    assert trial.pool == {"chain": run.frame.pool.chain, "address": run.frame.pool.address, "pair": run.frame.pool.pair}
    assert np.datetime64(trial.first_at.removesuffix("Z")) == run.frame.at[0]
    assert np.datetime64(trial.last_at.removesuffix("Z")) == run.frame.at[-1]
    assert (trial.bucket_s, trial.lookahead, trial.seq) == (60, "clean", 0)
    returns = ledger.returns_of(trial)
    np.testing.assert_allclose(np.expm1(returns), buyer.sampled.returns, atol=1e-15)
    assert returns.dtype == np.float64
    assert len(returns) == trial.n > 20
    assert ledger.trials() == [trial]
    assert ledger.head == trial.hash
    assert ledger.verify() == []


def test_the_seed_is_no_assumption_of_its_own_but_capital_is(ledger, evaluate):
    seeded, richer = evaluate("B.S.", seed=5), evaluate("B.S.", capital={"quote_value": 5.0})
    plain, other, rich = ledger.record([evaluate("B.S."), seeded, richer], "replay")
    assert plain.config_hash == other.config_hash != rich.config_hash


def test_undefined_returns_are_recorded_with_their_reason(ledger, buyer, evaluate, short_tape):
    broke = replace(buyer, run=replace(buyer.run, equity=np.where(np.arange(300) > 200, 0.0, buyer.run.equity)))
    lost = replace(buyer, run=replace(buyer.run, equity=np.full(300, np.nan)))
    brief = evaluate("B.S.", short_tape[:3], Clock(bucket_s=86_400))
    trials = ledger.record([broke, lost, brief], "replay")
    reasons = ["not positive", "not finite", "shorter than two borders"]
    for trial, reason in zip(trials, reasons, strict=True):
        assert trial.returns is None
        assert ledger.returns_of(trial) is None
        assert reason in trial.returns_undefined_because
    assert ledger.verify() == []
    panel = ledger.against(short_tape, CLOCK)
    assert (panel.returns.shape, panel.trials) == ((0, 0), [])


def test_looks_count_candidates_on_overlapping_time_of_the_same_pool(ledger, evaluate, tape, pools):
    real = replace(tape, pool=tape.pool.model_copy(update={"chain": "ethereum", "address": "0xCD"}))
    whole, early, late = real[:400], real[:190], real[210:400]
    elsewhere = replace(late, pool=late.pool.model_copy(update={"address": "0xAB"}))
    a, b = evaluate("B.S.", whole), evaluate("S.", early)
    ledger.record([a, b], "compare", benchmarks={b.run.run_hash})
    assert ledger.looks(early).count == 1
    head = ledger.head
    ledger.record([evaluate("S..B", early), evaluate("S..B", early)], "replay")
    looks = ledger.looks(whole)
    assert (looks.count, looks.candidates) == (3, 2)
    assert looks.first_at == ledger.trials()[0].at
    assert looks.last_at == ledger.trials()[-1].at
    assert ledger.looks(late).count == 1  # only the one on the whole tape saw any of it
    assert ledger.looks(evaluate("B", late)).count == 1
    assert ledger.looks(elsewhere).count == 1  # the same swaps under another pool's name
    assert ledger.looks(whole, upto=head).count == 1
    assert ledger.looks(whole, upto="") == Looks(count=0, candidates=0, first_at=None, last_at=None)


def test_simulated_pools_share_a_name_and_a_day_but_no_stretch(ledger, evaluate, tape):
    other = simulate(300, np.random.default_rng(77))
    ledger.record([evaluate("B.S.", tape[:200]), evaluate("B.S.", other)], "replay")
    assert ledger.looks(tape[:200]).count == 1
    assert ledger.looks(tape[:199]).count == 1  # one row less is no other stretch
    assert ledger.looks(tape[200:]).count == 0


def test_addresses_are_compared_without_case(ledger, evaluate, short_tape):
    upper, lower = (
        replace(short_tape, pool=short_tape.pool.model_copy(update={"chain": "ethereum", "address": address}))
        for address in ("0xAB", "0xab")
    )
    ledger.record([evaluate("B.S.", upper)], "replay")
    assert ledger.looks(lower).count == 1


def test_trials_side_by_side(ledger, evaluate, buyer, seller, short_tape, tape):
    bench = evaluate("S.")
    others = [evaluate("B.S.", tape[:200]), evaluate("B.S.", clock=Clock(bucket_s=120))]
    ledger.record([buyer, seller, buyer, bench, *others], "compare", benchmarks={bench.run.run_hash})
    head = ledger.head
    ledger.record([evaluate("S.B")], "gate")
    panel = ledger.against(short_tape, CLOCK, upto=head)
    assert [trial.seq for trial in panel.trials] == [0, 1]
    wanted = np.column_stack([np.log1p(one.sampled.returns) for one in (buyer, seller)])
    np.testing.assert_allclose(panel.returns, wanted, atol=1e-14)
    assert len(ledger.against(short_tape, CLOCK).trials) == 3


def test_the_folder_is_named_by_the_environment_or_follows_the_project(monkeypatch, tmp_path, buyer):
    monkeypatch.setenv("ROOK_BENCH_TRIALS", str(tmp_path / "elsewhere"))
    TrialLedger().record([buyer], "replay")
    assert (tmp_path / "elsewhere" / "trials.jsonl").is_file()
    monkeypatch.delenv("ROOK_BENCH_TRIALS")
    (tmp_path / "rook-bench.toml").touch()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    TrialLedger().record([buyer], "replay")
    assert (tmp_path / "models" / "trials" / "trials.jsonl").is_file()


def test_every_planted_change_is_found(ledger, buyer, seller):
    first, second = ledger.record([buyer, seller], "compare")
    for path in [ledger.chain.path, *(ledger.folder / "returns").iterdir()]:
        content = path.read_bytes()
        for harm in (content[:-20] + b"x" + content[-19:], content[:40] + b"y" + content[41:], b"", None):
            if harm == b"" and path == ledger.chain.path:
                continue  # an empty ledger is whole; the verdicts that counted its trials tell (see promotion)
            path.unlink() if harm is None else path.write_bytes(harm)
            if harm is not None or path != ledger.chain.path:
                assert any(path.name in problem for problem in ledger.verify()), (path, harm)
            path.write_bytes(content)
            assert ledger.verify() == []
    path = ledger.folder / "returns" / f"{second.returns}.npy"
    path.write_bytes((ledger.folder / "returns" / f"{first.returns}.npy").read_bytes())
    with pytest.raises(InputError, match="returns of trial 1 were changed"):
        ledger.returns_of(second)
    ledger.record([seller], "compare")  # the same returns again mend the file
    assert ledger.verify() == []


def fork(function):
    pid = os.fork()
    if pid:
        return pid
    try:
        function()
    except BaseException:
        os._exit(1)
    os._exit(0)


@needs_fork
def test_writers_at_once_lose_nothing(ledger, buyer, seller):
    pids = [fork(lambda: [ledger.record([buyer, seller], "compare") for _ in range(5)]) for _ in range(3)]
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0, 0, 0]
    assert ledger.verify() == []
    trials = ledger.trials()
    assert len(trials) == 30
    assert sum(trial.decisions_hash == buyer.run.decided.tape.content_hash for trial in trials) == 15


@needs_fork
def test_killed_writers_leave_a_ledger_that_verifies(ledger, buyer):
    acknowledged, draw = [], random.Random(2)
    for life in range(15):
        reader, writer = os.pipe()

        def work(life=life, writer=writer):
            # New returns every time, so that files are written as well as lines.
            for number in range(10_000):
                changed = replace(
                    buyer.run, equity=buyer.run.equity * (1 + np.arange(300) * 1e-9 * (life + number + 1))
                )
                (trial,) = ledger.record([replace(buyer, run=changed)], "replay")
                os.write(writer, f"{trial.hash}\n".encode())

        pid = fork(work)
        os.close(writer)
        first = os.read(reader, 65)
        time.sleep(draw.random() * 0.03)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with open(reader, "rb") as rest:
            acknowledged += (first + rest.read()).decode().split("\n")[:-1]
        assert ledger.verify() == []
    assert len(acknowledged) >= 15
    assert set(acknowledged) <= {trial.hash for trial in ledger.trials()}
    with open(ledger.chain.path, "ab") as file:
        file.write(b'{"at":')
    assert ledger.verify() == []
    ledger.record([buyer], "replay")
    assert ledger.verify() == []
    assert ledger.chain.verify() == []
