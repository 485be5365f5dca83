"""A package: the same bytes for the same job, what is on its list and nothing else, and no secret."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from rook_bench.core import RookError
from rook_bench.remote.package import MANIFEST, Call, unpack_package
from rook_bench.remote.secrets import check_secrets, secret_in
from rook_bench.remote.train import make_package


@pytest.fixture
def call(prepared, mini_settings):
    return lambda **changes: Call(prepared, mini_settings(**changes))


def names(package):
    with tarfile.open(package) as tar:
        return [member.name for member in tar]


def test_the_same_call_gives_the_same_bytes(call, tmp_path, prepared):
    first = make_package(call(), tmp_path / "a.tar.gz")
    os.utime(prepared / "train.parquet")  # neither times nor owners are in it
    second = make_package(call(), tmp_path / "b.tar.gz")
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    assert first.job == second.job
    assert make_package(call(seed=1), tmp_path / "c.tar.gz").job != first.job


def test_only_what_is_on_the_list_is_in_it(call, tmp_path, mini_base):
    manifest = make_package(call(), tmp_path / "a.tar.gz")
    listed = names(tmp_path / "a.tar.gz")
    assert listed == [MANIFEST, *sorted(manifest.files)]
    data = [name for name in listed if name.startswith("work/data/")]
    assert data == [f"work/data/{name}" for name in ("metadata.json", "splits.json", "train.parquet", "val.parquet")]
    base = {name for name in listed if name.startswith("work/models/")}
    assert base == {
        f"work/models/base/{mini_base.name}/{path.name}" for path in mini_base.iterdir() if path.name[0] != "."
    }
    assert {name.split("/")[0] for name in listed} == {MANIFEST, "code", "lock", "work"}
    assert not [name for name in listed if "test" in name.rsplit("/", 1)[-1] and name.startswith("work/")]
    assert "code/rook_bench/cli/main.py" in listed
    assert any(name.endswith("dist-info/entry_points.txt") for name in listed)  # plugins are found by it
    assert {Path(name).suffix for name in listed if name.startswith("code/")} <= {
        *("", ".py", ".toml", ".json", ".typed", ".j2", ".css", ".txt")
    }


def test_a_folder_in_rooks_layout_can_be_sent(prepared_tables, mini_settings, tmp_path):
    make_package(Call(prepared_tables, mini_settings()), tmp_path / "a.tar.gz")
    data = [name for name in names(tmp_path / "a.tar.gz") if name.startswith("work/data/")]
    assert [Path(name).name.removesuffix(".gz") for name in data] == [
        *("core_features.csv", "labeled_dataset.csv", "metadata.json", "train.csv", "val.csv")
    ]


def test_what_goes_on_with_an_adapter_takes_it_and_its_base_along(prepared, tiny_adapter, mini_settings, tmp_path):
    """Its base is found by name or place, here and there; a name alone would send the box to the hub."""
    call = Call(prepared, mini_settings(), parent=tiny_adapter)
    manifest = make_package(call, tmp_path / "a.tar.gz")
    listed = set(manifest.files)
    assert manifest.base == "rook-tiny"
    assert {f"work/models/base/rook-tiny/{name}" for name in ("config.json", "model.safetensors")} <= listed
    parent = {name.removeprefix("work/parent/") for name in listed if name.startswith("work/parent/")}
    assert {"rook.json", "adapter_config.json", "adapter_model.safetensors", "tokenizer.json"} <= parent
    assert "README.md" not in parent
    assert manifest.command[-2:] == ["--from", "parent"]


def test_what_does_not_belong_together_is_told_before_anything_is_sent(prepared, mini_settings, tmp_path):
    settings = mini_settings(seq_len=7)
    with pytest.raises(RookError, match="seq_len is 7"):
        make_package(Call(prepared, settings), tmp_path / "a.tar.gz")
    assert not (tmp_path / "a.tar.gz").exists()


TOKEN = "hf_" + "aB3" * 12


@pytest.mark.parametrize(
    "planted",
    [
        TOKEN,
        "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
        "-----BEGIN " + "PRIVATE KEY-----",
        "ghp_" + "a1" * 20,
        "github_pat_" + "A1b" * 25,
        "glpat-" + "x" * 20,
        "AKIA" + "ABCDEFGHIJ234567",
        "AIza" + "q" * 35,
        "sk-proj-" + "a" * 40,
        "xoxb-" + "1" * 24,
        "https://user:s3cretpw@example.org/simple",
        '"api_key": "' + "4f" * 16 + '"',
        "password = '" + "correct horse battery" + "'",
        "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0In0" + ".c2lnbmF0dXJlLi4u",
    ],
)
def test_what_looks_like_a_secret_is_found(planted):
    assert secret_in(f"text before\n{planted}\nafter".encode())


@pytest.mark.parametrize(
    "innocent",
    [
        "https://example.org/path?a=b",
        "git@example.org:team/project.git",
        '"sha256": "' + "4f" * 32 + '"',
        "token = tokenizer.eos_token",
        '"bos_token": "<|endoftext|>"',
        "a tokenizer's key: value",
        "http://localhost:8000/v1",
    ],
)
def test_what_is_none_is_left_alone(innocent):
    assert secret_in(innocent.encode()) is None


@pytest.mark.parametrize("where", ["template", "base", "rewards-like"])
def test_a_planted_secret_is_refused_in_one_line(where, prepared, mini_base, mini_settings, tmp_path, root):
    import shutil

    settings, data = mini_settings(), prepared
    if where == "template":
        template = tmp_path / "mine.toml"
        text = (root / "rook_bench" / "language" / "templates" / "codes.toml").read_text()
        template.write_text(f"# {TOKEN}\n{text}")
        settings = mini_settings(template=str(template))
    elif where == "base":
        base = tmp_path / "base"
        shutil.copytree(mini_base, base)
        (base / "generation_config.json").write_text(f'{{"_from": "https://me:{"pw" * 5}@example.org"}}')
        settings = mini_settings(model=str(base))
    else:
        data = tmp_path / "data"
        shutil.copytree(prepared, data)
        facts = (data / "metadata.json").read_text()
        (data / "metadata.json").write_text(facts.replace("{", f'{{"note": "{TOKEN}", ', 1))
    with pytest.raises(RookError, match="which would be sent as work/") as refused:
        make_package(Call(data, settings), tmp_path / "a.tar.gz")
    assert "\n" not in str(refused.value)
    assert TOKEN not in str(refused.value)
    assert not (tmp_path / "a.tar.gz").exists()


def test_the_value_of_a_secret_variable_is_refused_wherever_it_stands(monkeypatch):
    monkeypatch.setenv("MY_API_TOKEN", "deadbeef0123456789")
    assert secret_in(b"x deadbeef0123456789 y") == "the value of the environment variable MY_API_TOKEN"
    monkeypatch.setenv("MY_API_TOKEN", "short")
    assert secret_in(b"short") is None


def test_a_secret_in_a_packed_table_is_found(tmp_path):
    table = tmp_path / "train.csv.gz"
    table.write_bytes(gzip.compress(f"a,b\n1,{TOKEN}\n".encode()))
    with pytest.raises(RookError, match="a Hugging Face token, which would be sent as work/data/train.csv.gz"):
        check_secrets({"work/data/train.csv.gz": table})


def packed(tmp_path, *members):
    """A package of these members: (name, content), or a TarInfo as it is."""
    path = tmp_path / "made-up.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
            else:
                entry = tarfile.TarInfo(member[0])
                entry.size = len(member[1])
                tar.addfile(entry, io.BytesIO(member[1]))
    return path


def link(name, kind=tarfile.SYMTYPE, to="/etc/passwd"):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, to
    return entry


@pytest.mark.parametrize(
    "member",
    [
        ("../x", b"1"),
        ("work/../../x", b"1"),
        ("/etc/x", b"1"),
        ("work//x", b"1"),
        link("work/x"),
        link("work/x", tarfile.LNKTYPE, "job.json"),
        link("work/x", tarfile.CHRTYPE),
        link("work/x", tarfile.FIFOTYPE),
        link("work", tarfile.DIRTYPE),
    ],
)
def test_a_package_with_anything_but_plain_files_is_refused(member, tmp_path):
    package = packed(tmp_path, (MANIFEST, b"{}"), member)
    with pytest.raises(RookError, match="what is no file of it"):
        unpack_package(package, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "x").exists()


def test_a_package_that_was_changed_is_refused(call, tmp_path):
    package = tmp_path / "a.tar.gz"
    make_package(call(), package)
    assert unpack_package(package, tmp_path / "out").job

    content = {}
    with tarfile.open(package) as tar:
        for member in tar:
            content[member.name] = tar.extractfile(member).read()
    changed = packed(tmp_path, *(content | {"work/settings.json": b"{}"}).items())
    with pytest.raises(RookError, match=r"work/settings.json is not what the package says it is"):
        unpack_package(changed, tmp_path / "out2")
    more = packed(tmp_path, *(content | {"work/more": b"x"}).items())
    with pytest.raises(RookError, match="other files than it names"):
        unpack_package(more, tmp_path / "out2")
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(package.read_bytes()[:-2000])
    with pytest.raises(RookError, match="not a package that is whole"):
        unpack_package(cut, tmp_path / "out2")
    cut.write_bytes(gzip.compress(b"hello"))
    with pytest.raises(RookError, match="not a package that is whole"):
        unpack_package(cut, tmp_path / "out2")
    assert not (tmp_path / "out2").exists()


def test_several_pools_are_learned_from_here(command_line, tmp_path):
    words = ["--data-dir", tmp_path / "one", "--data-dir", tmp_path / "two", "--output-dir", tmp_path / "out"]
    code, _, err = command_line("remote", "package", "--out", tmp_path / "job.tar.gz", "--", *words)
    assert (code, "a job elsewhere learns from one folder" in err) == (3, True)
