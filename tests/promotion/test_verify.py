"""A change of any file is found; a promotion stopped at any step leaves all as it was, or all done."""

import json
import multiprocessing
import os
import shutil
import subprocess
import sys

import pytest
from promotions import NOW, call_child, same_again

from rook_bench.core import InputError
from rook_bench.core.hash_chain import line_of, parse, seal
from rook_bench.promotion.change import promote, rollback
from rook_bench.promotion.record import Record, resolve_champion
from rook_bench.promotion.verify import verify
from rook_bench.trials import TrialLedger

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture
def history(place, keys):
    """Three promotions, one signed, and a rollback to the signed one; the place they were made in."""
    place.promoted(place.a)
    place.promoted(place.b, place.a, sign_key=keys.private)
    place.promoted(place.c, place.b)
    rollback(place.models, "worse", now=NOW)
    assert verify(place.models, public_key=keys.public) == []
    place.keys = keys
    return place


def kept_files(models):
    """Every file that belongs to the record."""
    found = [models / "promotions.jsonl", models / "promotions.head"]
    return found + [path for path in sorted((models / "promoted").rglob("*")) if path.is_file()]


def test_a_change_of_any_file_is_found(history):
    files = kept_files(history.models)
    assert len(files) > 15
    for path in files:
        content = path.read_bytes()
        middle = len(content) // 2
        harms = {
            "one bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "cut": content[:middle],
            "empty": b"",
            "longer": content + b"\n",
            "missing": None,
        }
        for name, harm in harms.items():
            if path.name == "promotions.head" and name == "longer":
                continue  # it holds a hash and decides nothing; blank lines in it mean nothing
            path.unlink() if harm is None else path.write_bytes(harm)
            findings = verify(history.models)
            assert any(path.name in finding for finding in findings), (path, name, findings)
            path.write_bytes(content)
    assert verify(history.models, public_key=history.keys.public) == []


@pytest.mark.parametrize(
    "name",
    [
        "adapter/extra.bin",
        "adapter/logs/new.csv",
        "run.sh",
        "verdicts/0123456789abcdef.json",
        ".hidden",
        "signatures/x",
    ],
)
def test_a_file_that_does_not_belong_is_found(history, name):
    for folder in sorted((history.models / "promoted").iterdir()):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}")
        assert [finding.split(": ")[-1] for finding in verify(history.models)] == ["does not belong there"]
        path.unlink()
        path.symlink_to("/dev/null")
        assert verify(history.models) == [f"{path}: does not belong there"]
        path.unlink()


def test_every_line_of_the_record_counts(history):
    path = history.models / "promotions.jsonl"
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    for row in range(len(lines)):
        path.write_bytes(b"".join(lines[:row] + lines[row + 1 :]))
        findings = verify(history.models)
        assert findings, row
        assert str(path) in findings[0]
        with pytest.raises(InputError):
            rollback(history.models, "on top of a broken record")
    path.write_bytes(content[:-1])
    assert "unfinished" in verify(history.models)[0]
    with pytest.raises(InputError, match="the last line was cut"):
        resolve_champion(history.models)


def test_a_record_forged_from_its_end_does_not_match_the_verdicts(history):
    """Whoever seals a forged line rightly, and the witness with it, still disagrees with the stored verdict."""
    path = history.models / "promotions.jsonl"
    entries, _ = parse(path.read_bytes())
    last = {key: value for key, value in entries[-1].items() if key not in ("seq", "prev", "at", "hash")}
    forged = seal(last | {"decisions_hash": "0" * 64}, entries[:-1])
    path.write_bytes(b"".join(map(line_of, [*entries[:-1], forged])))
    (history.models / "promotions.head").write_text(forged["hash"])
    assert any("'decisions_hash' is not what entry 3 says" in finding for finding in verify(history.models))


def test_signatures(history):
    models, keys = history.models, history.keys
    assert any("does not hold" in finding for finding in verify(models, public_key=keys.other))
    with pytest.raises(InputError, match="not a public elliptic-curve key"):
        verify(models, public_key=keys.private)
    entries = Record(models).entries()
    assert entries[3]["signature"] == entries[1]["signature"] != None  # noqa: E711
    history.promoted(history.c, history.b)
    assert verify(models) == []
    (finding,) = verify(models, public_key=keys.public)
    assert finding.endswith("the champion is not signed")


def test_a_signature_binds_the_files_even_where_the_record_is_rewritten(history):
    """A forger who rewrites adapter, record and witness lacks the key."""
    models = history.models
    entries = Record(models).entries()
    card = models / entries[1]["folder"] / "adapter" / "README.md"
    card.write_text("forged")
    from rook_bench.core.hashing import sha256_file

    forged = []
    for entry in entries:
        plain = {key: value for key, value in entry.items() if key not in ("seq", "prev", "at", "hash")}
        if entry["folder"] == entries[1]["folder"]:
            plain["files"] = plain["files"] | {"adapter/README.md": sha256_file(card)}
        forged.append(seal(plain, forged))
    (models / "promotions.jsonl").write_bytes(b"".join(map(line_of, forged)))
    (models / "promotions.head").write_text(forged[-1]["hash"])
    assert verify(models) == []
    findings = verify(models, public_key=history.keys.public)
    assert findings
    assert all("the signature does not hold" in finding for finding in findings)


def test_keys_that_can_not_be_used(place, keys):
    (place.folder / "key.pem").write_text("no key")
    for key in ("key.pem", "none.pem", keys.public):
        with pytest.raises(InputError):
            place.promoted(place.a, sign_key=place.folder / key)
    with pytest.raises(InputError, match="no file that could be signed"):
        place.promoted("momentum", sign_key=keys.private)
    assert Record(place.models).entries() == []


def test_without_the_extra_there_is_one_line(place, keys, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "model_signing", None)
    with pytest.raises(InputError, match=r"rook-bench\[sign\]"):
        place.promoted(place.a, sign_key=keys.private)


def test_the_trials_a_verdict_counted_must_still_be_there(place):
    trials = TrialLedger(place.models / "trials")
    heads = [trials.chain.append({"number": number})["hash"] for number in range(3)]
    path = place.judge(place.a, trials={"head": heads[1], "looks": 2})
    promote(path, place.models, rejudge=same_again, now=NOW)
    content = trials.chain.path.read_bytes()
    trials.chain.path.write_bytes(b"".join(content.splitlines(keepends=True)[:1]))
    assert any("lacks the trials" in finding for finding in _findings(place, trials))
    trials.chain.path.unlink()
    assert any("lacks the trials" in finding for finding in _findings(place, trials))
    trials.chain.path.write_bytes(content.replace(b'"number":1', b'"number":7'))
    assert any("line 2" in finding for finding in _findings(place, trials))


def _findings(place, trials):
    return verify(place.models, trials)


# Stopped at any step.

STEPS = ("replace", "fsync", "mkdir", "unlink")


def stopped_at(step, function):
    """Run `function` in a copy of this process that stops dead before its `step`-th change of the disk."""

    def work():
        left = step

        def counted(real):
            def call(*arguments, **options):
                nonlocal left
                left -= 1
                if left == 0:
                    os._exit(9)
                return real(*arguments, **options)

            return call

        for name in STEPS:
            setattr(os, name, counted(getattr(os, name)))
        function()

    return call_child(work)


def every_step(place, change):
    """Stop `change` at its first, second, ... step, from the same start; yields each state it leaves."""
    start = place.folder / "start"
    shutil.copytree(place.models, start)
    for step in range(1, 200):
        code = stopped_at(step, change)
        assert code in (0, 9)
        yield step, code
        if code == 0:
            assert step > 8
            return
        shutil.rmtree(place.models)
        shutil.copytree(start, place.models)
    raise AssertionError("it never ended")


@pytest.fixture
def quick_disk(monkeypatch):
    """A process that stops loses nothing that it wrote, so these tests need not wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@needs_fork
def test_a_promotion_stopped_at_any_step(place, keys, quick_disk):
    place.promoted(place.a)
    before = Record(place.models).entries()
    path = place.judge(place.b, place.a)
    outcomes = set()

    def change():
        promote(path, place.models, rejudge=same_again, now=NOW, sign_key=keys.private)

    for step, code in every_step(place, change):
        entries = Record(place.models).entries()
        outcomes.add(len(entries) - len(before))
        assert entries[: len(before)] == before
        assert len(entries) in ((1, 2) if code == 9 else (2,)), step
        assert verify(place.models) == [], step
        resolve_champion(place.models)
        if len(entries) == 1:  # whoever comes next is not hindered by what was left
            change()
        else:
            with pytest.raises(InputError, match="champion already"):
                change()
        assert verify(place.models, public_key=keys.public) == [], step
        names = [path.name for path in (place.models / "promoted").iterdir()]
        assert not [name for name in names if name.startswith(".")] or code == 9
    assert outcomes == {0, 1}


@needs_fork
def test_the_first_promotion_stopped_at_any_step(place, quick_disk):
    path = place.judge(place.a)

    def change():
        promote(path, place.models, rejudge=same_again, now=NOW)

    counts = []
    for step, _ in every_step(place, change):
        counts.append(len(Record(place.models).entries()))
        assert verify(place.models) == [], step
        if counts[-1] == 0:
            change()
        else:
            place.promoted(place.b, place.a)
        assert verify(place.models) == [], step
    assert set(counts) == {0, 1}
    assert counts == sorted(counts)


@needs_fork
def test_a_rollback_stopped_at_any_step(place, quick_disk):
    place.promoted(place.a)
    place.promoted(place.b, place.a)
    counts = []
    for step, _ in every_step(place, lambda: rollback(place.models, "bad", now=NOW)):
        counts.append(len(Record(place.models).entries()))
        assert verify(place.models) == [], step
        place.promoted(place.c, resolve_champion(place.models))
        assert verify(place.models) == [], step
    assert counts == sorted(counts)
    assert set(counts) == {2, 3}


def test_without_folder_syncs_and_with_leftovers_of_others_nothing_is_found(place):
    place.promoted(place.a)
    left = place.models / "promoted" / ("0" * 16) / "adapter"
    left.mkdir(parents=True)
    (left / "rook.json").write_text("half a copy")
    (place.models / "promoted" / ".aside-xyz").mkdir()
    (place.models / ".promotions.jsonl.abc").write_text("half a record")
    assert verify(place.models) == []
    place.promoted(place.b, place.a)
    assert not (place.models / "promoted" / ".aside-xyz").exists()
    assert not (place.models / ".promotions.jsonl.abc").exists()


def _race(path, models, queue):
    try:
        queue.put(("won", promote(path, models, rejudge=same_again, now=NOW)["adapter_hash"]))
    except InputError as error:
        queue.put(("told", str(error)))


@needs_fork
def test_processes_that_promote_at_once(place):
    place.promoted(place.a)
    paths = [place.judge(source, place.a) for source in (place.b, place.c, place.b, place.c)]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    processes = [context.Process(target=_race, args=(path, place.models, queue)) for path in paths]
    for process in processes:
        process.start()
    results = [queue.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    won = [text for word, text in results if word == "won"]
    assert len(won) == 1
    assert Record(place.models).champions[-1]["adapter_hash"] == won[0]
    assert all("given against" in text or "champion already" in text for word, text in results if word == "told")
    assert verify(place.models) == []


def test_findings_name_json(place):
    """A stored verdict that is replaced by another whole one is found."""
    entry = place.promoted(place.a)
    other = place.judge(place.b)
    (place.models / entry["verdict_file"]).write_bytes(other.read_bytes())
    assert verify(place.models) == [f"{place.models / entry['verdict_file']}: changed"]
    assert json.loads(other.read_text())["verdict"] == "PROMOTE"


def test_what_only_reads_imports_neither_judge_nor_compiler(place):
    """An adapter is named to be checked: that takes its plugin, and nothing that measures, compiles or trains."""
    place.promoted(place.a)
    heavy = {"torch", "numba", "pandas", "pyarrow", "scipy", "matplotlib", "asyncio", "rook_bench.metrics"}
    code = (
        "import sys; from rook_bench.promotion.verify import verify; from rook_bench.trials import TrialLedger;"
        f"print(verify(trials=TrialLedger()), sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"
