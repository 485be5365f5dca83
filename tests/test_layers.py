"""The layers of the design hold, and light things stay light."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def test_imports_go_downward_only():
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "imports go downward only KEPT" in done.stdout


@pytest.mark.parametrize("module", ["rook_bench", "rook_bench.core", "rook_bench.plugins", "rook_bench.cli.main"])
def test_light_modules_import_nothing_heavy(module):
    heavy = "{'torch', 'transformers', 'vectorbt', 'matplotlib', 'pandas', 'numba', 'pyarrow', 'scipy'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_replay_imports_neither_torch_nor_vectorbt():
    code = (
        "import sys; from rook_bench.market.importers import read_swaps; from rook_bench.replay import replay;"
        "from rook_bench.metrics import analyse; analyse(replay(read_swaps('data/sample.parquet')[:200], 'momentum'));"
        "print(sorted({'torch', 'transformers', 'vectorbt', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
