"""The notebook of the tutorial runs, and its last expressions show themselves."""

import ast
import json
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOK = REPOSITORY / "docs" / "tutorial" / "first-verdict.ipynb"
CELLS = json.loads(NOTEBOOK.read_text())["cells"]


def shown(code, names):
    """What a cell shows: the value of its last line, if that is an expression."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NOTEBOOK.name, "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), NOTEBOOK.name, "eval"), names)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_it_runs_from_its_own_folder(tmp_path, monkeypatch, capsys, few_pictures, few_places):
    for name in ("strategies", "data"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "docs" / "tutorial").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "docs" / "tutorial")
    names, values = {}, []
    for cell in CELLS:
        if cell["cell_type"] == "code":
            values.append(shown("".join(cell["source"]), names))
    by_kind = {type(value).__name__: value for value in values}
    assert "total_return" in by_kind["Evaluation"]._repr_html_()
    assert "mine" in by_kind["Comparison"]._repr_html_()
    assert by_kind["Picture"]._repr_png_().startswith(b"\x89PNG")
    assert "INCONCLUSIVE" in by_kind["Judgement"]._repr_html_()
    assert names["verdict"].verdict.trials["candidates"] == 2
    assert (tmp_path / "reports" / "notebook" / "verdict.json").is_file()
    said = capsys.readouterr().out
    assert re.search(r"(-\d+\.\d{4}) by the fills, \1 by the equity", said)
    assert "This tape re-prices 100% of its own swaps exactly" in said
    assert re.search(r"exit code 2; 0\.\d days seen, [\d.,]+ needed", said)


def test_it_is_kept_without_outputs_and_its_cells_have_names():
    notebook = json.loads(NOTEBOOK.read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in CELLS]
    assert len({*ids}) == len(ids)
    for cell in CELLS:
        assert {"cell_type", "id", "metadata", "source"} <= {*cell}
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_its_links_lead_somewhere():
    links = [link for cell in CELLS for link in re.findall(r"\]\(([^)]+)\)", "".join(cell["source"]))]
    assert len(links) == 4
    assert [link for link in links if not (NOTEBOOK.parent / link).exists()] == []
