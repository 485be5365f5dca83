"""Every command in README and docs runs, in the order in which a reader meets it."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from rook_bench.ingest.read import read_swaps
from rook_bench.market.tape_file import write_tape

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = REPOSITORY.parent / "shared" / "data"
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
ELSEWHERE = {
    *("train-on-your-box", "train-on-fluence", "train-on-hugging-face", "train-on-a-fleet"),
    *("ask-an-endpoint", "track-and-share", "use-a-cluster", "run-live"),
}
"""Pages that need another machine: their commands run in tests/remote/test_pages.py, tests/endpoint/test_endpoint_page.py,
tests/publishing/test_sharing_page.py, tests/engines/test_ray.py and tests/evm/test_live_page.py."""

SHORT = {
    "train-walk-forward": 3000,
    "fine-tune-a-model": 4000,
    "teach-drafts": 4000,
    "learn-from-rewards": 6000,
    "train-on-several-pools": 3000,
}  # fmt: skip
"""Pages about models, and on how many swaps they run: a model answers every one of them, as often as it is asked.

Whoever wants the sample as it is, as all other pages have it, and the planted world at its full length, sets
ROOK_BENCH_THOROUGH=1."""


def expected(arguments: list[str]) -> set[int]:
    """The sample's verdict is INCONCLUSIVE and that on a day of dear gas INVALID, as the pages say; all else succeeds."""
    if "reports/purse/gate" in arguments:
        return {3}
    asks = arguments[:2] == ["gate", "--policy"] and "strategies/gate.toml" in arguments
    return {2} if asks else {0}


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"^```bash\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def test_pages_have_commands():
    assert len(commands(REPOSITORY / "README.md")) >= 5


@pytest.mark.parametrize(
    "page", [page for page in PAGES if commands(page) and page.stem not in ELSEWHERE], ids=lambda page: page.stem
)
def test_commands_run(page, tmp_path, monkeypatch, capsys, few_pictures, few_places, few_rows, thorough):
    from rook_bench.cli.main import run

    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "strategies").symlink_to(REPOSITORY / "strategies")
    most = None if thorough else SHORT.get(page.stem)
    if most is None:
        (folder / "data").symlink_to(REPOSITORY / "data")
    else:
        (folder / "data").mkdir()
        write_tape(read_swaps(REPOSITORY / "data" / "sample.parquet")[:most], folder / "data" / "sample.parquet")
    (folder / "models").mkdir()
    (folder / "models" / "base").symlink_to(REPOSITORY / "models" / "base")
    if SHARED.is_dir():
        (tmp_path / "shared").mkdir()
        (tmp_path / "shared" / "data").symlink_to(SHARED)
    monkeypatch.chdir(folder)
    absent = []
    for line in commands(page):
        program, *arguments = shlex.split(line)
        if most is not None and "--swaps" in arguments:
            place = arguments.index("--swaps") + 1
            arguments[place] = str(min(int(arguments[place]), most))
        if "../shared/data" in line and not SHARED.is_dir():
            absent.append(line)
            continue
        if program == "make":
            subprocess.run(["make", "--dry-run", *arguments], cwd=REPOSITORY, check=True, capture_output=True)
            continue
        assert program == "rook-bench", f"{page.name} shows a command this test can't run: {line}"
        code = run(arguments)
        captured = capsys.readouterr()
        assert code in expected(arguments), f"{line}\n{captured.out}\n{captured.err}"
    if absent:
        pytest.skip(f"../shared/data is absent: {len(absent)} commands not run")


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
