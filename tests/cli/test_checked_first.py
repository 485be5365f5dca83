"""What a verb needs is looked at before its tape is read: here the tape is missing, and the other mistake is told."""

import pytest

MISSING = "missing.parquet"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("gate", "--policy", "nope.toml", "--candidate", "hold", "--data", MISSING), ("nope.toml", "no such file")),
        (("gate", "--policy", "rook-promtion", "--candidate", "hold", "--data", MISSING), ("'rook-promotion'",)),
        (("gate", "--policy", "first-champion", "--candidate", "hodl", "--data", MISSING), ("'hold'",)),
        (("gate", "--policy", "first-champion", "--candidate", "hold", "--champion", "rules:nope.json", "--data", MISSING),
         ("nope.json",)),
        (("gate", "--policy", "first-champion", "--candidate", "hold", "--config", "bech", "--data", MISSING), ("'bench'",)),
        (("gate", "--policy", "first-champion", "--candidate", "hold", "--waiver", "w.toml", "--data", MISSING), ("w.toml",)),
        (("gate", "--policy", "first-champion", "--candidate", "hold", "--champion", "champion", "--data", MISSING),
         ("nothing was promoted yet",)),
        (("compare", MISSING, "--source", "hodl"), ("'hold'",)),
        (("compare", MISSING, "--source", "hold", "--config", "nope.toml"), ("nope.toml",)),
        (("replay", MISSING, "--source", "lora:nowhere"), ("nowhere",)),
        (("replay", MISSING, "--source", "hold", "--config", "nope.toml"), ("nope.toml",)),
        (("data", "prepare", MISSING, "--rules", "data_drivn"), ("'data_driven'",)),
    ],
)  # fmt: skip
def test_the_other_mistake_is_told(checkout, rook_bench, arguments, words):
    code, out, err = rook_bench(*arguments, "--out", "out")
    assert (code, out) == (3, "")
    assert MISSING not in err
    assert all(word in err for word in words), err
    assert not (checkout / "out").exists()


def test_plan_loads_sources_before_the_tape(checkout, rook_bench):
    code, _, err = rook_bench("gate", "plan", "--policy", "rook-promotion", "--data", MISSING, "--candidate", "hodl")
    assert code == 3
    assert "'hold'" in err


def test_prepare_keeps_files_that_are_not_its_own_before_it_reads(checkout, rook_bench):
    (checkout / "mine").mkdir()
    (checkout / "mine" / "file").touch()
    code, _, err = rook_bench("data", "prepare", MISSING, "--rules", "data_driven", "--out", "mine")
    assert code == 3
    assert "holds files that rook-bench did not write" in err


def test_train_looks_for_its_base_before_its_rows(checkout, rook_bench):
    pytest.importorskip("torch")
    code, out, err = rook_bench("train", "--data-dir", "nowhere", "--output-dir", "a", "--model", "./nope")
    assert (code, out) == (3, "")
    assert "./nope: no such model folder" in err


@pytest.mark.parametrize("harm", ["adapter", "training", "base"])
def test_demo_fails_before_it_works(checkout, rook_bench, monkeypatch, harm):
    from rook_bench.cli import demo
    from rook_bench.core import InputError

    def missing(*_):
        raise InputError("no such base")

    if harm == "adapter":
        (checkout / "reports" / "demo-adapter").mkdir(parents=True)
        (checkout / "reports" / "demo-adapter" / "mine").touch()
    elif harm == "training":
        monkeypatch.setattr(demo, "shipped", lambda kind, name: None)
    else:
        pytest.importorskip("torch")
        monkeypatch.setattr(demo, "check_base", missing)
    code, out, err = rook_bench("demo")
    assert (code, out) == (3, "")
    assert len(err.strip().splitlines()) == 1


def test_demo_without_the_train_extra_says_so_and_goes_on(checkout, rook_bench, monkeypatch):
    from rook_bench.language import runtime

    monkeypatch.setattr(runtime, "NEEDED", ("nothing_of_that_name",))
    code, out, err = rook_bench("demo", "--quick")
    assert code == 0
    assert err.startswith("no model will be fine-tuned: language models need nothing_of_that_name")
    assert "3. no model is fine-tuned" in out
    assert "may rules:data_driven.json be promoted over hold?" in out
