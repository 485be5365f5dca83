"""The Python of the page on plugins runs from top to bottom, as cells of a notebook do."""

import linecache
import re
from contextlib import ExitStack
from pathlib import Path

from rook_bench.plugins import Registry, load_plugins

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "how-to" / "write-a-plugin.md"


def test_the_page_runs(monkeypatch, capsys, few_places):
    monkeypatch.chdir(REPOSITORY)
    cells = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert len(cells) >= 6
    load_plugins()
    names = {"__name__": "__main__"}
    with ExitStack() as stack:
        for registry in Registry.kinds.values():
            stack.enter_context(registry.isolated())
        for number, cell in enumerate(cells):
            place = f"<page-{number}>"
            linecache.cache[place] = (len(cell), None, cell.splitlines(keepends=True), place)
            exec(compile(cell, place, "exec"), names)
    assert "passed  no look-ahead" in capsys.readouterr().out
