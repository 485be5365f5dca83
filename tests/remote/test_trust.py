"""The box is not trusted: what it sends is looked at before it is kept, and what it says is worked out again here."""

import io
import json
import shutil
import tarfile

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.core import RookError
from rook_bench.core.hashing import sha256_file
from rook_bench.remote.home import bring_home, read_returned
from rook_bench.remote.package import Call, unpack_package
from rook_bench.remote.train import make_package
from rook_bench.training.fit import train

WEIGHTS, RECORD = "adapter_model.safetensors", "rook.json"
WANTED = {RECORD: 1000, WEIGHTS: 2000}


def sent(*members):
    """A tar as a box might send it: (name, content), or (name, type)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w|") as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            if (isinstance(content, bytes) and len(content) > 1) or content == b"":
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            else:
                entry.type, entry.linkname = content, "/etc/passwd"
                tar.addfile(entry)
    return io.BytesIO(out.getvalue())


GOOD = ((RECORD, b"{}"), (WEIGHTS, b"weights"))


def test_what_was_asked_for_is_kept(tmp_path):
    read_returned(sent(*GOOD), WANTED, tmp_path, "box")
    assert (tmp_path / WEIGHTS).read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ((*GOOD, ("../x", b"evil")), r"the box sends ../x, which was not asked for"),
        ((*GOOD, ("/tmp/x", b"evil")), "which was not asked for"),
        ((*GOOD, ("optimizer.pt", b"evil")), "the box sends optimizer.pt, which was not asked for"),
        ((*GOOD, (".bashrc", b"evil")), "which was not asked for"),
        ((*GOOD, (RECORD, b"{}")), f"the box sends {RECORD}, which was not asked for"),
        (((RECORD, tarfile.SYMTYPE), GOOD[1]), f"the box sends {RECORD}, which is no file"),
        (((RECORD, tarfile.LNKTYPE), GOOD[1]), f"the box sends {RECORD}, which is no file"),
        (((RECORD, tarfile.CHRTYPE), GOOD[1]), f"the box sends {RECORD}, which is no file"),
        (((RECORD, tarfile.FIFOTYPE), GOOD[1]), f"the box sends {RECORD}, which is no file"),
        (((RECORD, tarfile.DIRTYPE), GOOD[1]), f"the box sends {RECORD}, which is no file"),
        (((RECORD, b"x" * 1001), GOOD[1]), f"sends {RECORD} of 1,001 bytes; it can have 1,000 at most"),
        (GOOD[:1], f"the box did not send {WEIGHTS}"),
        (((f"{RECORD}\x1b[2J", b"{}"), GOOD[1]), "which was not asked for"),
    ],
)
def test_anything_else_is_refused_in_one_line(members, said, tmp_path):
    with pytest.raises(RookError, match=said) as refused:
        read_returned(sent(*members), WANTED, tmp_path, "box")
    assert "\n" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


@pytest.mark.parametrize("said", [b"", b"Welcome!\n" * 100, b"\x00" * 5000])
def test_what_is_no_tar_is_refused(said, tmp_path):
    with pytest.raises(RookError, match=r"is no tar|did not send"):
        read_returned(io.BytesIO(said), WANTED, tmp_path, "box")


@pytest.fixture(scope="module")
def came_home(prepared, mini_base, tmp_path_factory):
    """A package, unpacked, and what an honest box sends of it."""
    from rook_bench.training import TrainSettings

    folder = tmp_path_factory.mktemp("trust")
    settings = TrainSettings(
        model=str(mini_base), max_samples=64, num_epochs=1, batch_size=16, max_eval_samples=64, learning_rate=0.01
    )
    make_package(Call(prepared, settings), folder / "package.tar.gz")
    manifest = unpack_package(folder / "package.tar.gz", folder / "unpacked")
    train(prepared, folder / "adapter", settings, say=lambda line: None)
    return folder, manifest


@pytest.fixture
def bring(came_home, tmp_path):
    """Bring home what came, changed by a function that a box might carry out."""
    folder, manifest = came_home

    def carry(change=lambda came: None, output="home"):
        came = tmp_path / "came"
        shutil.rmtree(came, ignore_errors=True)
        came.mkdir()
        for name in (RECORD, WEIGHTS, "adapter_config.json", "metrics.jsonl"):
            shutil.copyfile(folder / "adapter" / name, came / name)
        change(came)
        return bring_home(folder / "unpacked", manifest, came, tmp_path / output, lambda line: None)

    return carry


def test_an_honest_adapter_comes_home_as_it_was_made(bring, came_home, tmp_path):
    bring(output="adapter")
    for path in (came_home[0] / "adapter").iterdir():
        assert (tmp_path / "adapter" / path.name).read_bytes() == path.read_bytes(), path.name


def edited(*keys, to):
    """Change a value of the record; weights and their hash stay as they are."""

    def change(came):
        record = json.loads((came / RECORD).read_text())
        place = record
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to(place[keys[-1]]) if callable(to) else to
        (came / RECORD).write_text(json.dumps(record))

    return change


def other_weights(came):
    """Weights that were not trained, with a record that names them rightly."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(came / WEIGHTS)
    save_file({name: value * -3 for name, value in tensors.items()}, came / WEIGHTS, metadata={"format": "pt"})
    edited("files", WEIGHTS, to=sha256_file(came / WEIGHTS))(came)


def swapped(change):
    def write(came):
        from safetensors.torch import load_file, save_file

        save_file(change(load_file(came / WEIGHTS)), came / WEIGHTS, metadata={"format": "pt"})
        edited("files", WEIGHTS, to=sha256_file(came / WEIGHTS))(came)

    return write


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edited("training", "validation", "macro_f1", to=0.99), "it says macro_f1 0.99, its weights give"),
        (edited("training", "validation", "nll", to=lambda value: value - 0.1), "it says nll"),
        (edited("training", "validation", "nll", to="good"), "it says nll no number"),
        (edited("training", "validation", to={}), "the figures of the validation rows are others"),
        (edited("temperature", to=3.0), "it says temperature 3, its weights give"),
        (edited("learned_from", "rows", to={}), "learned_from is not what was sent|can't be read|record"),
        (edited("learned_from", "first_at", to="2020-01-01T00:00:00+00:00"), "learned_from is not what was sent"),
        (edited("base", "sha256", to="0" * 64), "base is not what was sent"),
        (edited("answers", "BUY", to=[[0.9, 50.0, 300.0]]), "answers is not what was sent"),
        (edited("class_weights", "BUY", to=9.0), "class_weights is not what was sent"),
        (edited("training", "data_hash", to="0" * 64), "data_hash is not what was sent"),
        (edited("training", "code", to="0" * 64), "code is not what was sent"),
        (edited("training", "stage", to="rl"), "stage is not what was sent"),
        (edited("training", to={}), "does not say how training went"),
        (edited("training", "seconds", to="soon"), "does not say how training went"),
        (other_weights, "the record that came back is not believed: it says"),
        (lambda came: (came / WEIGHTS).write_bytes(b"x" * 100), "not the weights that the record beside them names"),
        (lambda came: (came / RECORD).write_text("{"), "the record that came back"),
        (lambda came: (came / "metrics.jsonl").write_text('{"loss": "\\u001b[2J"}\n'), "not a history of numbers"),
        (lambda came: (came / "metrics.jsonl").write_text("[" * 200_000), "nested deeper than any record"),
        (lambda came: (came / "metrics.jsonl").write_text('{"eval_nll": NaN}\n'), "figures that no training logs"),
        (
            lambda came: (came / "metrics.jsonl").write_text(f'{{"loss": 1{"0" * 400}}}\n'),
            "figures that no training logs",
        ),
        (lambda came: (came / RECORD).write_text('{"a":' * 5000 + "1" + "}" * 5000), "nested deeper than any record"),
        (edited("training", "epochs", to=10**400), "does not say how training went"),
        (edited("training", "validation", "nll", to=10**400), "it says nll no number"),
        (swapped(lambda tensors: dict(list(tensors.items())[1:])), "weights without "),
        (swapped(lambda tensors: tensors | {"more": next(iter(tensors.values())).clone()}), "weights with more"),
        (swapped(lambda tensors: {name: value.half() for name, value in tensors.items()}), "finite numbers of"),
        (swapped(lambda tensors: {name: value * float("nan") for name, value in tensors.items()}), "finite numbers of"),
        (swapped(lambda tensors: {name: value[:1].clone() for name, value in tensors.items()}), "finite numbers of"),
    ],
)
def test_a_record_or_weights_that_lie_are_refused_in_one_line(change, said, bring, tmp_path):
    with pytest.raises(RookError, match=said) as refused:
        bring(change)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "home").exists()


def test_what_loading_would_run_is_never_taken(came_home):
    """Only these names come back: no pickle, no code, no tokenizer, no page of the box's."""
    from rook_bench.training.returned import returned_files

    for kind in ("lora", "full"):
        assert not [name for name in returned_files(kind) if name.endswith((".pt", ".bin", ".pkl", ".py", ".md"))]
