"""The pages as files: whole, linked to each other alone, and of no folder that is somebody else's."""

import re
from pathlib import Path

import pytest

from rook_bench.core import InputError
from rook_bench.viewer.export import export


@pytest.fixture(scope="module")
def site(reports, tmp_path_factory):
    from rook_bench.viewer.shelf import Library

    place = tmp_path_factory.mktemp("site")
    looked = Library([reports], models=place / "models", trials=place / "trials")
    return place / "out", export(looked, place / "out", orders=7)[0]


def test_every_link_leads_to_a_file(site):
    folder, count = site
    pages = list(folder.glob("*.html"))
    assert len(pages) == count
    links = set()
    for page in pages:
        text = page.read_text()
        links |= {link.partition("#")[0] for link in re.findall(r'(?:href|src)="([^"]*)"', text)} - {""}
    assert all((folder / link).is_file() for link in links), links
    assert not any("/" in link and not link.startswith("static/") for link in links)


def test_so_many_orders_of_each_run_have_pages(site, reports, library):
    folder, _ = site
    for run in library(reports).look().runs:
        pages = list(folder.glob(f"run-{run.id}-row-*.html"))
        assert len(pages) == (0 if run.name == "hold" else 7)
    assert len(list(folder.glob("compare-*.html"))) == 1


def test_pages_hold_their_own_policy_and_no_server(site):
    folder, _ = site
    for page in folder.glob("*.html"):
        text = page.read_text()
        assert "Content-Security-Policy" in text
        assert "/api/" not in text
        assert "<form" not in text


def test_it_replaces_its_own_and_nobody_elses(library, reports, tmp_path):
    out = tmp_path / "site"
    export(library(reports), out, orders=0)
    before = sorted(path.name for path in out.iterdir())
    export(library(reports), out, orders=0)
    assert sorted(path.name for path in out.iterdir()) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="did not write"):
        export(library(reports), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_where_nothing_lies_nothing_is_written(library, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no run and no verdict"):
        export(library(tmp_path / "empty"), tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_a_run_that_cant_be_read_is_left_out_and_told(library, reports, hostile, tmp_path):
    import shutil

    copy = shutil.copytree(reports, tmp_path / "reports")
    next(copy.glob("judged/runs/hold/equity.parquet")).write_bytes(b"PAR1")
    next(copy.glob("judged/runs/momentum/decisions.parquet")).write_bytes(b"PAR1")
    _, left_out = export(library(copy, hostile), tmp_path / "site", orders=2)
    assert sorted(Path(path).name for path, _ in left_out) == ["hold", "momentum"]
    index = (tmp_path / "site" / "index.html").read_text()
    assert "2 folders that can" in index
    assert len(list((tmp_path / "site").glob("run-*-orders.csv"))) == 3
    for page in Path(tmp_path / "site").glob("*.html"):
        assert "<script>alert" not in page.read_text()
