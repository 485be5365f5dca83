"""The Python of the README and of the reference page runs; the page explains every public name."""

import re
from pathlib import Path

import pytest

import rook_bench as rook

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "reference" / "python.md").read_text()


def blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def checkout(tmp_path, monkeypatch, few_pictures):
    """A working folder with the shipped strategies and sample in it."""
    for name in ("strategies", "data"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_head_of_the_page_runs_from_prices_to_a_verdict(checkout, capsys):
    head, names = blocks(PAGE.partition("## Words in the signatures")[0]), {}
    assert len(head) == 2
    for block in head:
        exec(compile(block, "python.md", "exec"), names)
    said = capsys.readouterr().out
    assert "This tape re-prices 100% of its own swaps exactly" in said
    assert "total_return" in said
    assert names["verdict"].exit_code == 2
    assert {"verdict.json", "runs", "report.html"} <= {
        path.name for path in (checkout / "reports" / "python").iterdir()
    }
    assert "0 of 1,999 pairs chain" in said  # what the page says of a table of prices
    assert len(names["mine"]) == 2_000


def test_the_readme_shows_the_same_ten_lines():
    readme = blocks((REPOSITORY / "README.md").read_text())
    assert readme == blocks(PAGE)[:1]
    assert len([line for line in readme[0].splitlines() if line]) == 10


def test_every_public_name_has_its_place():
    explained = re.findall(r"^### (\w+)$", PAGE, flags=re.MULTILINE) + re.findall(
        r"^- `rook\.(\w+)`:", PAGE, re.MULTILINE
    )
    assert explained == [name for name in rook.__all__ if name != "__version__"]
