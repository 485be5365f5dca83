"""Planted faults: whatever is wrong with an adapter is one line that says what and where."""

import json
import os
import shutil

import pytest

from rook_bench.core import InputError, RookError
from rook_bench.core.hashing import sha256_file
from rook_bench.gates import Policy, judge, load_policy
from rook_bench.language.adapter import load_adapter
from rook_bench.language.manifest import read_manifest
from rook_bench.market.tape_file import write_tape
from rook_bench.metrics import analyse
from rook_bench.replay import replay

torch = pytest.importorskip("torch", reason="the train extra is not installed")


@pytest.fixture
def copy(tmp_path):
    """A copy of an adapter that a test may harm."""

    def of(adapter, name="adapter"):
        shutil.copytree(adapter, tmp_path / name)
        return tmp_path / name

    return of


def record(folder, **changes):
    """Change rook.json."""
    values = json.loads((folder / "rook.json").read_text()) | changes
    (folder / "rook.json").write_text(json.dumps(values))


def reweigh(folder, change):
    """Change the adapter's weights, and let its record agree with them."""
    from safetensors.torch import load_file, save_file

    path = folder / "adapter_model.safetensors"
    tensors = load_file(path)
    save_file({name: change(tensor).contiguous() for name, tensor in tensors.items()}, path, {"format": "pt"})
    files = json.loads((folder / "rook.json").read_text())["files"]
    record(folder, files=files | {path.name: sha256_file(path)})


def forge(folder, name, change):
    """Change a file, and let the record agree with it."""
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    record(folder, files=json.loads((folder / "rook.json").read_text())["files"] | {name: sha256_file(path)})


def flip(path, place=-100):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


WEIGHTS, SHAPE = "adapter_model.safetensors", "adapter_config.json"

FAULTS = {
    "truncated weights": (lambda folder: os.truncate(folder / WEIGHTS, 2000), WEIGHTS, "not the file that training wrote"),
    "one bit of the weights": (lambda folder: flip(folder / WEIGHTS), WEIGHTS, "not the file that training wrote"),
    "no weights": (lambda folder: (folder / WEIGHTS).unlink(), WEIGHTS, "the file is missing"),
    "empty weights": (lambda folder: (folder / WEIGHTS).write_bytes(b""), WEIGHTS, "not the file that training wrote"),
    "forged weights": (lambda folder: forge(folder, WEIGHTS, lambda old: old[:2000]), "adapter_model.safetensors", "the weights can't be read"),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json", "the tokenizer is missing"),
    "other tokenizer": (
        lambda folder: (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text().replace("9", "8", 1)),
        "tokenizer.json", "not the file that training wrote",
    ),
    "forged tokenizer": (lambda folder: forge(folder, "tokenizer.json", lambda old: b"{}"), "", "can't be loaded"),
    "other shape": (
        lambda folder: (folder / SHAPE).write_text((folder / SHAPE).read_text().replace('"r": 16', '"r": 8')),
        SHAPE, "not the file that training wrote",
    ),
    "forged shape": (
        lambda folder: forge(folder, SHAPE, lambda old: old.replace(b'"r": 16', b'"r": 8')), "", "the adapter can't be loaded",
    ),
    "no shape": (lambda folder: (folder / SHAPE).unlink(), SHAPE, "the file is missing"),
    "no record": (lambda folder: (folder / "rook.json").unlink(), "", "a PEFT adapter without a record"),
    "not an adapter": (
        lambda folder: [path.unlink() for path in folder.iterdir()], "", "neither an adapter nor a model, so its prompt is unknown",
    ),
    "missing folder": (shutil.rmtree, "", "no such adapter folder"),
    "truncated record": (lambda folder: os.truncate(folder / "rook.json", 300), "rook.json", "record can't be read"),
    "empty record": (lambda folder: (folder / "rook.json").write_text(""), "rook.json", "record can't be read"),
    "binary record": (lambda folder: (folder / "rook.json").write_bytes(b"\xff\xfe\x00"), "rook.json", "can't be read"),
    "unknown key": (lambda folder: record(folder, colour="red"), "rook.json", "record can't be read"),
    "later version": (lambda folder: record(folder, version=2), "rook.json", "record can't be read"),
    "no temperature": (lambda folder: record(folder, temperature=0.0), "rook.json", "record can't be read"),
    "a side without weight": (
        lambda folder: record(folder, class_weights={"BUY": 1.0, "SELL": 1.0}), "rook.json", "record can't be read",
    ),
    "a weight of zero": (
        lambda folder: record(folder, class_weights={"BUY": 1.0, "HOLD": 0.0, "SELL": 1.0}), "rook.json", "can't be read",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line(fresh_models, mini_adapter, short_tape, copy, fault):
    harm, where, what = FAULTS[fault]
    folder = copy(mini_adapter)
    harm(folder)
    with pytest.raises(RookError) as caught:
        replay(short_tape[:30], f"lora:{folder}")
    line = str(caught.value)
    assert isinstance(caught.value, InputError), line
    assert line.startswith(f"{folder / where}: "), line
    assert what in line
    assert "\n" not in line
    assert len(line) < 400


@pytest.mark.parametrize("fault", ["truncated weights", "no tokenizer", "no record", "missing folder"])
def test_the_command_line_exits_with_3(fresh_models, mini_adapter, copy, root, tmp_path, command_line, fault):
    folder = copy(mini_adapter)
    FAULTS[fault][0](folder)
    out = tmp_path / "run"
    for verb in (
        ("replay", root / "data" / "sample.parquet", "--source", f"lora:{folder}", "--out", out),
        *([("doctor", "model", folder)] if fault != "no record" else []),  # it says what else the folder is
    ):
        code, printed, err = command_line(*verb)
        assert code == 3
        assert printed == ""
        assert err.startswith(f"rook-bench: {folder}")
        assert FAULTS[fault][2] in err
        assert err.count("\n") == 1
    assert not out.exists()


def test_another_base_is_refused(fresh_models, mini_adapter, random_bases, short_tape, tmp_path, command_line):
    other = tmp_path / "other"
    random_bases.random_base(other, 2, 32, 4, vocabulary=3000, seed=1)
    with pytest.raises(InputError, match="the adapter was trained on another base") as caught:
        replay(short_tape[:30], f"lora:{mini_adapter},base={other}")
    line = str(caught.value)
    assert line.startswith(f"{mini_adapter}: ")
    assert str(other) in line
    assert read_manifest(mini_adapter).base.sha256[:12] in line
    assert command_line("doctor", "model", mini_adapter, "--base", other)[0] == 3


def test_a_base_that_moved_is_named(fresh_models, mini_adapter, mini_base, short_tape, copy, tmp_path):
    """The recorded place is gone: the line says how to name the new one, and doing so works."""
    shutil.copytree(mini_base, tmp_path / "here")
    folder = copy(mini_adapter)
    values = json.loads((folder / "rook.json").read_text())
    record(folder, base=values["base"] | {"reference": str(tmp_path / "gone")})
    forge(folder, SHAPE, lambda old: old.replace(str(mini_base).encode(), str(tmp_path / "gone").encode()))
    with pytest.raises(InputError, match=r"the adapter's base .*gone is not here; name it with lora:DIR,base=PATH"):
        load_adapter(folder)
    assert load_adapter(folder, base=str(tmp_path / "here")).manifest.base.sha256 == values["base"]["sha256"]


def test_a_moved_base_is_found_by_what_peft_recorded(mini_adapter, mini_base, copy, tmp_path):
    folder = copy(mini_adapter)
    values = json.loads((folder / "rook.json").read_text())
    record(folder, base=values["base"] | {"reference": str(tmp_path / "gone")})
    assert load_adapter(folder).model.num_parameters() > 0


def test_the_refused_do_not_leave_decisions_behind(fresh_models, mini_adapter, short_tape, copy):
    """A damaged adapter is another adapter: what the whole one once decided is not shown for it."""
    folder = copy(mini_adapter)
    replay(short_tape[:30], f"lora:{folder}")
    flip(folder / WEIGHTS)
    with pytest.raises(InputError, match="not the file that training wrote"):
        replay(short_tape[:30], f"lora:{folder}")


# Adapters that load, and are no good: the gate must not let them through.

ENOUGH = {"min_days": 0, "min_fills": 0}


def verdict_of(frame, reference, champion="hold"):
    policy = Policy.parse({"evidence": ENOUGH, "versus_champion": {"total_return": {"min": 0.0}}}, where="test")
    return judge(policy, analyse(replay(frame, reference)), analyse(replay(frame, champion)))


def test_an_adapter_that_always_holds_is_not_promoted(fresh_models, tiny_adapter, tape, copy):
    folder = copy(tiny_adapter)
    record(folder, class_weights={"BUY": 1.0, "HOLD": 1e-9, "SELL": 1.0})
    frame = tape[:800]
    run = replay(frame, f"lora:{folder}")
    assert set(run.decided.tape.side) == {1}
    verdict = verdict_of(frame, f"lora:{folder}", "random:0.2")
    assert verdict.verdict == "BLOCK"
    assert "both sides trade" in {reason.partition(":")[0] for reason in verdict.reasons}


def test_an_adapter_that_always_buys_is_not_promoted(fresh_models, tiny_adapter, tape, copy):
    folder = copy(tiny_adapter)
    record(folder, class_weights={"BUY": 1e-9, "HOLD": 1.0, "SELL": 1.0})
    verdict = verdict_of(tape[:800], f"lora:{folder}")
    assert verdict.verdict == "BLOCK"
    assert "both sides trade" in {reason.partition(":")[0] for reason in verdict.reasons}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_weights_are_not_promoted(fresh_models, tiny_adapter, tape, copy, root, seed):
    """They may well earn on three hours of tape, and do for one of these seeds; that is no evidence."""
    generator = torch.Generator().manual_seed(seed)
    folder = copy(tiny_adapter)
    reweigh(folder, lambda tensor: 0.2 * torch.randn(tensor.shape, generator=generator))
    candidate, champion = analyse(replay(tape[:1000], f"lora:{folder}")), analyse(replay(tape[:1000], "hold"))
    assert candidate.run.lookahead.status == "clean"
    verdict = judge(load_policy(root / "strategies" / "gate.toml"), candidate, champion)
    # Weights that always hold decide as the champion does, which leaves nothing to judge.
    assert verdict.verdict in ("INCONCLUSIVE", "BLOCK", "INVALID")
    assert verdict.exit_code in (1, 2, 3)


def test_an_adapter_of_nan_is_refused(fresh_models, tiny_adapter, short_tape, copy):
    folder = copy(tiny_adapter)
    reweigh(folder, lambda tensor: torch.full_like(tensor, float("nan")))
    with pytest.raises(InputError, match="not a number") as caught:
        replay(short_tape[:30], f"lora:{folder}")
    assert "\n" not in str(caught.value)


def test_generated_junk_is_not_promoted(fresh_models, mini_adapter, tape):
    verdict = verdict_of(tape[:100], f"base:{mini_adapter},mode=generate", "random:0.2")
    assert verdict.verdict == "BLOCK"
    assert "parse_failure_rate" in {reason.partition(":")[0] for reason in verdict.reasons}


def test_the_command_line_blocks_with_1(
    fresh_models, tiny_adapter, copy, tape, tmp_path, command_line, few_pictures, few_places
):
    folder = copy(tiny_adapter)
    write_tape(tape[:600], tmp_path / "tape.parquet")
    record(folder, class_weights={"BUY": 1.0, "HOLD": 1e-9, "SELL": 1.0})
    (tmp_path / "gate.toml").write_text("[evidence]\nmin_days = 0\nmin_fills = 0\n")
    code, out, _ = command_line(
        "gate", "--policy", tmp_path / "gate.toml", "--candidate", f"lora:{folder}", "--champion", "random:0.2",
        "--data", tmp_path / "tape.parquet", "--out", tmp_path / "verdict", "--json",
    )  # fmt: skip
    assert code == 1
    assert any(reason.startswith("both sides trade") for reason in json.loads(out)["reasons"])
