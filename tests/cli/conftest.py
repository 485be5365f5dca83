"""The command line in a scratch folder that looks like a checkout."""

from pathlib import Path

import processes
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _quick(few_pictures, few_places):
    """Commands are tried here, not pictures."""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with the repository's strategies and data, as the working directory."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("strategies", "data"):
        (folder / name).symlink_to(REPOSITORY / name)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def rook_bench(capsys):
    """Run the command line in this process: (exit code, stdout, stderr)."""
    from rook_bench.cli.main import run

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def rook_bench_process(checkout):
    """Start the command line as a process of its own."""

    return lambda *arguments: processes.start(*arguments, quickly=True, cwd=checkout)
