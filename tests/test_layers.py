"""The layers of the design hold, there are no circles, and light things stay light."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from rook_bench.core.hashing import COMPILED, DECIDING, PACKAGE, TRAINING

REPOSITORY = Path(__file__).resolve().parents[1]


def lint_imports(folder):
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_imports_go_downward_only_and_never_in_a_circle():
    code, said = lint_imports(REPOSITORY)
    assert code == 0, said
    assert "imports go downward only KEPT" in said
    assert "no circles KEPT" in said


@pytest.mark.parametrize(
    ("room", "line", "broken"),
    [
        ("market/pool.py", "from rook_bench.replay import Run", "imports go downward only BROKEN"),
        ("tapecheck/one_swap.py", "from rook_bench.tapecheck.causes import CROSSES", "no circles BROKEN"),
    ],
)
def test_a_planted_import_breaks_the_contract(tmp_path, room, line, broken):
    shutil.copytree(PACKAGE, tmp_path / "rook_bench", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    path = tmp_path / "rook_bench" / room
    path.write_text(path.read_text() + f"\n{line}\n")
    code, said = lint_imports(tmp_path)
    assert code == 1
    assert broken in said


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("rook_bench")


def rooms_below(graph, room):
    """Rooms that some module of `room` imports, itself included."""
    modules = [name for name in graph.modules if name.startswith(f"rook_bench.{room}.")]
    below = set().union(*(graph.find_upstream_modules(name) for name in modules))
    return {name.split(".")[1] for name in below if name.count(".") > 1} | {room}


def test_hashes_of_code_cover_all_that_decides(graph):
    assert rooms_below(graph, "sources") <= {*DECIDING}


def test_hashes_of_code_cover_all_that_a_prompt_or_an_example_comes_from(graph):
    assert rooms_below(graph, "language") | rooms_below(graph, "dataset") | {"training"} <= {*TRAINING, "tapecheck"}


def test_hashes_of_code_cover_all_that_is_compiled():
    imports = re.compile(r"^from .* import .*\b(njit|cfunc|compiled|callable_by_address)\b", re.MULTILINE)
    files = [path for path in PACKAGE.rglob("*.py") if imports.search(path.read_text())]
    assert {path.relative_to(PACKAGE).parts[0] for path in files} == {*COMPILED}


def test_every_layout_registers_an_importer():
    from rook_bench.ingest import layouts
    from rook_bench.plugins import importer

    shared = {"decoded", "undecoded"}  # what several layouts are made with
    files = {path.stem for path in Path(layouts.__file__).parent.glob("*.py")} - {"__init__"} - shared
    registering = {plugin.file.stem for plugin in importer if plugin.file.parent.name == "layouts"}
    assert files == registering


@pytest.mark.parametrize("module", ["rook_bench", "rook_bench.core", "rook_bench.plugins", "rook_bench.cli.main"])
def test_light_modules_import_nothing_heavy(module):
    heavy = "{'torch', 'transformers', 'vectorbt', 'matplotlib', 'pandas', 'numba', 'pyarrow', 'scipy'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_replay_imports_neither_torch_nor_vectorbt():
    code = (
        "import sys; from rook_bench.ingest.read import read_swaps; from rook_bench.replay import replay;"
        "from rook_bench.metrics import analyse; analyse(replay(read_swaps('data/sample.parquet')[:200], 'momentum'));"
        "print(sorted({'torch', 'transformers', 'vectorbt', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
