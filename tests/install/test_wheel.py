"""From a wheel, in an empty folder, with no checkout in sight: slow, and the only proof that an install works."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email import message_from_string
from importlib import metadata
from pathlib import Path

import pytest

from rook_bench.core.hashing import sha256_code
from rook_bench.core.shipped import KINDS

REPOSITORY = Path(__file__).resolve().parents[2]

VERBS = """
import sys
from itertools import islice
from rook_bench.cli.main import run
from rook_bench.report import pictures
from rook_bench.sources import lookahead
from rook_bench.training import data
# The commands are tried, not the models, the pictures or the look-ahead check.
draw, drawn, lookahead.MANY_CUTS = data.draw_rows, pictures.pictures, 6
data.draw_rows = lambda rows, most, seed: draw(rows, min(most, 64), seed)
pictures.pictures = lambda entries, asked: islice(drawn(entries, asked), 1)
for line in sys.stdin.read().splitlines():
    code = run(line.split())
    assert code == 0, (line, code)
import rook_bench
from rook_bench.core.hashing import sha256_code
print("installed:", rook_bench.__file__, rook_bench.__version__, sha256_code())
"""

COMMANDS = """\
demo --quick
data check sample
train --data-dir reports/demo/prepared --output-dir adapter --model rook-tiny --config rook-tiny --epochs 0.1 --max-samples 32
remote package --out package.tar.gz -- --data-dir reports/demo/prepared --output-dir adapter --model rook-tiny
gate plan --policy rook-promotion --volatility-bps 60
replay sample --source rules:data_driven --config bench --limit 500 --no-report --out run
init project
plugins
"""


def build(hook, folder, source):
    """Call a hook of the build backend, as any build tool would; the file it made."""
    code = f"import sys; from setuptools import build_meta; print(build_meta.{hook}(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built as a release is: a source archive of the files in version control, and a wheel of that archive."""
    pytest.importorskip("setuptools", "77", reason="setuptools is too old to build with")
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a checkout")
    folder = tmp_path_factory.mktemp("build")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if not name.startswith(("tests/", "docs/", "benchmarks/")) and (REPOSITORY / name).is_file():
            (folder / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / "checkout" / name)
    (folder / "checkout" / "strategies" / "untracked.toml").touch()  # what else lies about is not shipped
    archive = build("build_sdist", folder, folder / "checkout")
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    return build("build_wheel", folder, source)


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """The programs of a virtual environment with the wheel, and with the libraries of this one but not its checkout."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", "--quiet", wheel]
    subprocess.run(install, check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    # Only the folder itself: what its .pth files would add, the editable install among them, stays out.
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return folder / "bin"


@pytest.fixture
def call(environment, tmp_path):
    """Run a program of the environment in an empty folder, without a network."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "ROOK_BENCH_TRIALS"))}
    (tmp_path / "empty").mkdir()

    def run(program, *arguments, stdin=""):
        done = subprocess.run(
            [environment / program, *arguments], cwd=tmp_path / "empty", input=stdin, capture_output=True, text=True,
            # Compiled for once: the compiler need not try its best.
            env=clean | {"HF_HUB_OFFLINE": "1", "XDG_DATA_HOME": str(tmp_path / "data"), "NUMBA_OPT": "0"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run.folder = tmp_path / "empty"
    return run


def test_the_wheel_holds_what_it_ships_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
        facts = message_from_string(packed.read(next(n for n in names if n.endswith("/METADATA"))).decode())
        for kind in KINDS.values():
            for path in kind.files.values():
                files = [REPOSITORY / path] if (REPOSITORY / path).is_file() else (REPOSITORY / path).glob("[!.]*")
                for file in files:
                    name = f"rook_bench/shipped/{file.relative_to(REPOSITORY).as_posix()}"
                    assert packed.read(name) == file.read_bytes()
    assert {name.split("/")[0] for name in names} == {"rook_bench", f"rook_bench-{facts['Version']}.dist-info"}
    assert not any("untracked" in name or "__pycache__" in name for name in names)
    if shutil.which("npm"):
        chart = {"uPlot.iife.min.js", "uPlot.min.css", "LICENSE"}
        assert {f"rook_bench/report/web/{name}" for name in chart} < names
    assert not any("node_modules" in name for name in names)
    assert {"rook_bench/workbench/project/dot-github/workflows/gate.yml", "rook_bench/report/report.css"} < names
    extras = facts.get_all("Provides-Extra")
    assert {"train", "chain", "sign"} <= set(extras)
    needed = [line.split(";")[0].strip() for line in facts.get_all("Requires-Dist") if 'extra == "train"' in line]
    assert {line.split(">")[0] for line in needed} >= {"torch", "transformers", "peft", "safetensors"}
    assert not any(line.startswith("torch") for line in facts.get_all("Requires-Dist") if "extra" not in line)


def test_the_first_commands_work_in_an_empty_folder(call):
    pytest.importorskip("peft", reason="the train extra is not installed")
    assert call("rook-bench", "--version") == f"{metadata.version('rook-bench')}\n"
    said = call("python", "-c", VERBS, stdin=COMMANDS)  # one process: starting, and compiling the loop, takes its time
    assert re.search(r"^verdict: [A-Z]+$", said, flags=re.MULTILINE)
    assert (call.folder / "reports" / "demo" / "report.html").is_file()
    place, _, code = said.strip().splitlines()[-1].removeprefix("installed: ").split()
    assert "site-packages" in place
    assert not place.startswith(str(REPOSITORY))
    # The same code is the same code, wherever it is installed: a verdict given here can be promoted there.
    assert code == sha256_code()
    assert (call.folder / "adapter" / "adapter_model.safetensors").is_file()
    assert (call.folder / "project" / "strategies" / "gate.toml").is_file()
