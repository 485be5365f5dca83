"""The pages as a server gives them: to whom, what, and nothing else."""

import csv
import io
import json
import re
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from rook_bench.viewer.app import Key, make_app
from rook_bench.viewer.orders import csv_of

HERE = "http://127.0.0.1:8613"
PAGES = ("/", "/verdicts", "/trials", "/promotions", "/adapters")


@pytest.fixture
def client(library, reports):
    return TestClient(make_app(library(reports), None), base_url=HERE)


@pytest.fixture
def ids(library, reports):
    """Ids of runs by name, and of the verdict."""
    shelf = library(reports).look()
    return {run.name: run.id for run in shelf.runs} | {"verdict": shelf.verdicts[0].id}


@pytest.fixture
def run_folder(library, reports):
    """Folders of runs by name."""
    return {run.name: run.folder for run in library(reports).look().runs}


def rows_of(page, place="orders"):
    body = page.partition(f'<section id="{place}">')[2].partition("</section>")[0]
    return re.findall(r'<tr id="order-(\d+)"', body)


def block(page):
    return json.loads(re.search(r'id="chart-data">(.*?)</script>', page, re.S).group(1))


class TestWhoMayLook:
    """Another site, another name, another browser: none gets a page."""

    def test_another_name_of_this_machine_is_refused(self, client):
        for host in ("evil.example", "127.0.0.1.evil.example", "169.254.169.254", ""):
            assert client.get("/", headers={"host": host}).status_code == 400
        for host in ("127.0.0.1:9", "localhost:8613", "[::1]:8613"):
            assert client.get("/", headers={"host": host}).status_code == 200

    def test_and_is_not_even_asked_for_the_key(self, library, reports):
        client = TestClient(make_app(library(reports), Key("a", "b", "c")), base_url=HERE)
        assert client.get("/?token=a", headers={"host": "evil.example"}).status_code == 400
        assert client.get("/?token=a", follow_redirects=False).status_code == 303  # it is still good

    def test_the_printed_address_is_good_once(self, library, reports):
        app = make_app(library(reports), Key("right", "secret", "rook_view_1"))
        first, second = (TestClient(app, base_url=HERE, follow_redirects=False) for _ in range(2))
        assert first.get("/").status_code == 403
        assert first.get("/?token=wrong").status_code == 403
        answer = first.get("/?token=right")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert "right" not in cookie
        assert first.get("/").status_code == 200
        assert first.get("/?token=right").status_code == 303  # who clicks it again is let in
        assert second.get("/?token=right").status_code == 403
        second.cookies.set("rook_view_1", "right")
        assert second.get("/").status_code == 403

    def test_without_the_key_not_even_files_are_given(self, library, reports, ids):
        client = TestClient(make_app(library(reports), Key("a", "b", "c")), base_url=HERE)
        for page in ("/static/report.css", f"/api/window/{ids['hold']}", f"/file/{ids['hold']}/orders.csv", "/nothing"):
            assert client.get(page).status_code == 403

    def test_pages_are_read_and_nothing_else(self, client, ids):
        for page in (*PAGES, f"/run/{ids['hold']}", f"/api/window/{ids['hold']}"):
            for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
                assert client.request(method, page).status_code == 405

    def test_every_answer_keeps_apart_from_other_sites(self, client, ids):
        for page in (*PAGES, f"/run/{ids['hold']}", "/static/chart.js", "/nothing", f"/file/{ids['hold']}/orders.csv"):
            headers = client.get(page).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'none'")
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cross-origin-resource-policy"] == "same-origin"

    @pytest.mark.parametrize(
        "path",
        [
            "/run/../../etc/passwd",
            "/run/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
            "/static/..%2f..%2fpyproject.toml",
            "/static/../app.py",
            "/file/..%2f..%2fx/orders.csv",
            "/run/nothing",
            "/verdict/x",
            "/adapter/x",
            "/run/x/row/1",
        ],
    )
    def test_paths_lead_nowhere(self, client, path):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "Traceback" not in answer.text
        assert "root:" not in answer.text


def test_the_first_page_lists_runs_by_tape(client, ids):
    page = client.get("/").text
    for name in ("momentum", "hold", "random:0.1", "scripted"):
        assert f'href="/run/{ids[name]}"' in page
    assert "candidate: " in page
    assert "champion: " in page
    assert page.count('name="run"') == 4
    assert "1 of 4 runs" in client.get("/?find=momentum").text
    assert "No run matches" in client.get("/?find=nothing").text


def test_a_run_shows_what_its_metrics_say(client, ids, run_folder):
    page = client.get(f"/run/{ids['momentum']}").text
    told = json.loads((run_folder["momentum"] / "metrics.json").read_text())
    net = f"{abs(told['total_return']['value']):.2%}"
    assert net in page.partition('id="lines"')[0]
    assert len(block(page)["panes"]) == 3
    assert "its files match their hashes" in page
    assert f"rook-bench report {run_folder['momentum']}" in page


def test_a_changed_file_is_told(library, reports, tmp_path):
    copy = shutil.copytree(reports, tmp_path / "reports")
    path = next(copy.glob("judged/runs/momentum/orders.parquet"))
    table = pq.read_table(path)
    pq.write_table(table, path, compression="NONE")
    looked = library(copy)
    (run,) = (found for found in looked.look().runs if found.name == "momentum")
    page = TestClient(make_app(looked, None), base_url=HERE).get(f"/run/{run.id}").text
    assert "a file does NOT match its hash" in page.partition('id="lines"')[0]


def test_orders_are_searched_and_sorted_over_all_pages(client, ids, run_folder):
    page = f"/run/{ids['random:0.1']}"
    evidence = pq.read_table(run_folder["random:0.1"] / "evidence.parquet").to_pandas()
    assert len(evidence) > 150
    whole = client.get(page).text
    assert [int(row) for row in rows_of(whole)] == evidence["row"].tolist()[:100]
    sells = evidence[evidence["side"] == "SELL"]
    found = client.get(page, params={"find": "sell"}).text
    assert f"{len(sells):,} of {len(evidence):,} orders" in found
    best = evidence.sort_values("pnl", ascending=False, kind="stable")["row"].tolist()
    assert [int(row) for row in rows_of(client.get(page, params={"sort": "pnl"}).text)] == best[:100]
    second = client.get(page, params={"sort": "pnl", "way": "up", "page": "2"}).text
    worst = evidence.sort_values("pnl", kind="stable")
    assert (
        evidence.set_index("row")["pnl"][[int(row) for row in rows_of(second)]].tolist()
        == worst["pnl"].tolist()[100:200]
    )
    by_side = rows_of(client.get(page, params={"sort": "side", "way": "up"}).text)
    assert [int(row) for row in by_side] == evidence.sort_values("side", kind="stable")["row"].tolist()[:100]
    assert client.get(page, params={"sort": "nonsense"}).status_code == 422
    assert client.get(page, params={"page": "-1"}).status_code == 422
    assert client.get(page, params={"page": "9" * 30}).status_code == 422


def test_an_order_shows_what_was_said_and_where_its_money_went(client, ids, run_folder):
    evidence = pq.read_table(run_folder["scripted"] / "evidence.parquet").to_pandas()
    filled = evidence[evidence["outcome"] == "FILLED"].iloc[3]
    page = client.get(f"/run/{ids['scripted']}/row/{filled['row']}").text
    assert f"price {filled['row']}\nBUY, HOLD or SELL?" in page
    assert "<pre> sell 5</pre>" in page
    chances = [float(value) for value in re.findall(r'<meter min="0" max="1" value="([\d.]+)"', page)]
    assert sum(chances) == pytest.approx(1, abs=2e-4)
    costs = page.partition("<caption>Quote, fill and costs")[2].partition("</table>")[0]
    rows = [re.findall(r'class="value">([^<]*)<', row) for row in costs.split("<tr>")]
    told = {row[0]: row[2].replace("\N{MINUS SIGN}", "-") for row in rows if len(row) == 3 and row[2]}
    parts = sum(float(bps) for name, bps in told.items() if name != "All costs")
    assert parts == pytest.approx(float(told["All costs"]), abs=0.03)
    assert float(told["All costs"]) == pytest.approx(filled["shortfall_bps"], abs=0.01)
    assert "Exact integers" in page
    seen = page.partition("Numbers behind the prompt")[2].partition("</table>")[0]
    rows = [re.findall(r'class="value">([^<]*)<', row) for row in seen.split("<tr>")]
    told = {row[0]: row[1] for row in rows if len(row) == 2}
    assert told == {name[5:]: repr(float(filled[name])) for name in filled.index if name.startswith("seen_")}
    assert "volatility" in told


def test_orders_lead_to_each_other(client, ids, run_folder):
    rows = pq.read_table(run_folder["scripted"] / "evidence.parquet", columns=["row"]).column(0).to_pylist()
    run = f"/run/{ids['scripted']}/row"
    page = client.get(f"{run}/{rows[5]}").text
    assert f'rel="prev" href="{run}/{rows[4]}"' in page
    assert f'rel="next" href="{run}/{rows[6]}"' in page
    assert 'rel="prev"' not in client.get(f"{run}/{rows[0]}").text
    assert 'rel="next"' not in client.get(f"{run}/{rows[-1]}").text


def test_a_row_without_an_order_is_shown_too(client, ids, run_folder):
    rows = pq.read_table(run_folder["scripted"] / "evidence.parquet", columns=["row"]).column(0).to_pylist()
    quiet = next(row for row in range(2000) if row not in rows)
    page = client.get(f"/run/{ids['scripted']}/row/{quiet}").text
    assert "<h1>HOLD, no order</h1>" in page
    assert "How the price moved" in page
    assert client.get(f"/run/{ids['scripted']}/row/2000").status_code == 404
    assert client.get(f"/run/{ids['scripted']}/row/{10**15}").status_code == 404


def test_any_window_holds_its_extremes(client, ids, run_folder, monkeypatch):
    from rook_bench.viewer import charts

    monkeypatch.setattr(charts, "STRETCHES", 20)
    equity = pq.read_table(run_folder["momentum"] / "equity.parquet").to_pandas()
    at = equity["at"].astype("int64").to_numpy() / 1e9
    rng = np.random.default_rng(8)
    for _ in range(25):
        first, last = np.sort(rng.uniform(at[0], at[-1], 2))
        if last - first < 60:
            continue
        data = client.get(f"/api/window/{ids['momentum']}", params={"from": first, "to": last}).json()
        inside = equity[(at >= first) & (at <= last)]
        (price,) = (pane for pane in data["panes"] if pane["label"] == "price")
        drawn = [value for value in price["lines"][0]["values"] if value is not None]
        assert max(drawn) >= inside["price"].max() * (1 - 1e-6)
        assert min(drawn) <= inside["price"].min() * (1 + 1e-6)
        assert len(drawn) <= 2 * 20 + 4 + len(price.get("marks", []))
        assert f"{len(inside) + (at < first).any() + (at > last).any():,} swaps in view" in data["drawn"]


def test_many_fills_are_counted(client, ids, monkeypatch):
    from rook_bench.viewer import charts

    monkeypatch.setattr(charts, "FILLS", 10)
    panes = client.get(f"/api/window/{ids['random:0.1']}").json()["panes"]
    assert not any("marks" in pane for pane in panes)
    (counts,) = (pane for pane in panes if pane["label"] == "fills a stretch")
    page = client.get(f"/run/{ids['random:0.1']}").text
    fills = int(re.search(r"([\d,]+) fills\.", page).group(1).replace(",", ""))
    assert sum(sum(line["values"]) for line in counts["lines"]) == fills


def test_nonsense_in_an_address_is_refused(client, ids):
    for query in ({"from": "x"}, {"to": "1e"}):
        assert client.get(f"/run/{ids['hold']}", params=query).status_code == 422
    for query in ({"from": "nan", "to": "inf"}, {"from": "9e99", "to": "-9e99"}, {"from": "5", "to": "5"}):
        assert client.get(f"/run/{ids['hold']}", params=query).status_code == 200


def test_two_runs_stand_side_by_side(client, ids, run_folder):
    page = client.get("/compare", params={"run": [ids["momentum"], ids["random:0.1"]]}).text
    assert [pane["label"] for pane in block(page)["panes"]] == ["net equity", "points above the first"]
    lead = re.search(r'class="lead">([^<]*)<', page).group(1)
    ends = {
        name: pq.read_table(run_folder[name] / "equity.parquet").column("equity")[-1].as_py()
        for name in ("momentum", "random:0.1")
    }
    assert lead.startswith(f"{max(ends, key=ends.get)} leads")
    sides = [
        pq.read_table(run_folder[name] / "decisions.parquet", columns=["side"]).column(0).to_pylist()
        for name in ("momentum", "random:0.1")
    ]
    apart = sum(one != other for one, other in zip(*sides, strict=True))
    assert f"decide differently on {apart:,} of 2,000 rows" in page
    counts = page.partition("<caption>By kind")[2].partition("</table>")[0]
    assert (
        sum(int(each.replace(",", "")) for each in re.findall(r'value">([\d,]+)</span>\s*</td><td>', counts)) == apart
    )


def test_only_two_to_eight_stand_side_by_side(client, ids):
    assert client.get("/compare").status_code == 422
    assert client.get("/compare", params={"run": [ids["hold"], ids["hold"]]}).status_code == 422
    assert client.get("/compare", params={"run": [ids["hold"], "nothing"]}).status_code == 404


def test_runs_of_other_tapes_have_no_lines(library, reports, tmp_path, run_of, sides, make_frame):
    from rook_bench.metrics import analyse
    from rook_bench.workbench.folder import save_single

    other = make_frame([2000.0 + row % 7 for row in range(60)])
    (tmp_path / "other").mkdir()
    save_single(analyse(run_of(other, sides("BHS" * 20, 0.01))), tmp_path / "other", report=False)
    looked = library(reports, tmp_path / "other")
    client = TestClient(make_app(looked, None), base_url=HERE)
    runs = looked.look().runs
    hold = next(run.id for run in runs if run.name == "hold")
    page = client.get("/compare", params={"run": [next(run.id for run in runs if run.root.name == "other"), hold]}).text
    assert "different tapes" in page
    assert "chart-data" not in page


def test_a_verdict_names_both_sides(client, ids):
    page = client.get(f"/verdict/{ids['verdict']}").text
    assert f'href="/run/{ids["scripted"]}"' in page
    assert f'href="/run/{ids["momentum"]}"' in page
    assert "CHANGED" not in page
    assert f"/compare?run={ids['scripted']}&amp;run={ids['momentum']}" in page


def test_trials_and_promotions_say_that_there_are_none(client):
    assert "Nothing was tried yet" in client.get("/trials").text
    assert "Nothing was promoted yet" in client.get("/promotions").text
    assert "No adapter lies" in client.get("/adapters").text


def test_the_ledger_is_counted(library, reports, tape, scripted, sides):
    from rook_bench.metrics import analyse
    from rook_bench.replay import replay
    from rook_bench.trials.ledger import TrialLedger

    looked = library(reports)
    analyses = [analyse(replay(tape, scripted(sides(text * 500, 0.05)))) for text in ("BHHS", "SHHB", "BSHH")]
    TrialLedger(looked.trials).record(analyses, "compare")
    page = TestClient(make_app(looked, None), base_url=HERE).get("/trials").text
    row = page.partition("By tape")[2].partition("</table>")[0]
    numbers = re.findall(r'class="value">(.*?)<', row)
    assert numbers[1:3] == ["3", "3"]
    assert 0 <= float(numbers[4].split("\N{NO-BREAK SPACE}")[0]) <= 1


def test_a_broken_ledger_is_told(library, reports):
    looked = library(reports)
    looked.trials.mkdir()
    (looked.trials / "trials.jsonl").write_text("nonsense\nnonsense\n")
    looked.models.mkdir()
    (looked.models / "promotions.jsonl").write_text("nonsense\nnonsense\n")
    client = TestClient(make_app(looked, None), base_url=HERE)
    assert "The ledger can&#39;t be read" in client.get("/trials").text
    assert "The record can&#39;t be read" in client.get("/promotions").text


def test_all_orders_as_csv(client, ids, run_folder):
    answer = client.get(f"/file/{ids['random:0.1']}/orders.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    evidence = pq.read_table(run_folder["random:0.1"] / "evidence.parquet").to_pandas()
    assert [int(row["row"]) for row in rows] == evidence["row"].tolist()
    assert float(rows[3]["pnl"]) == evidence["pnl"][3]


def test_no_text_is_a_formula():
    import pyarrow as pa

    table = pa.table({"reason": ["=1+1", "+2", "-3", "@x", "plain", None], "pnl": [-1.5, 2.0, None, 1.0, 1.0, 1.0]})
    rows = list(csv.reader(io.StringIO("".join(csv_of(table)))))
    assert [row[0] for row in rows[1:]] == ["'=1+1", "'+2", "'-3", "'@x", "plain", ""]
    assert rows[1][1] == "-1.5"


class TestHostile:
    """Whatever stands in a folder is text."""

    @pytest.fixture
    def looked(self, library, hostile):
        return library(hostile)

    @pytest.fixture
    def everything(self, looked):
        shelf = looked.look()
        assert (len(shelf.runs), len(shelf.verdicts), len(shelf.adapters)) == (1, 1, 1)
        run = f"/run/{shelf.runs[0].id}"
        pages = [*PAGES, run, f"{run}/row/3", f"/verdict/{shelf.verdicts[0].id}", f"/adapter/{shelf.adapters[0].id}"]
        return [*pages, "/?find=<script>alert(1)</script>", f"{run}?find=<script>&from=<script>"]

    def test_nothing_of_it_is_markup(self, looked, everything):
        client = TestClient(make_app(looked, None), base_url=HERE)
        for page in everything:
            answer = client.get(page)
            assert answer.status_code in (200, 422), page
            assert "<script>alert" not in answer.text
            assert "<img" not in answer.text
            assert "\u202e" not in answer.text
            assert "\x1b" not in answer.text
            tags = re.findall(r"<script[^>]*>", answer.text)
            assert all(
                re.fullmatch(r'<script (src="/static/[a-z]+\.js"|type="application/json" id="chart-data")>', tag)
                for tag in tags
            )

    def test_the_changed_record_is_told(self, looked):
        shelf = looked.look()
        client = TestClient(make_app(looked, None), base_url=HERE)
        assert "does NOT match" in client.get(f"/run/{shelf.runs[0].id}").text
        assert "CHANGED" in client.get(f"/verdict/{shelf.verdicts[0].id}").text

    def test_a_damaged_file_is_a_sentence(self, library, hostile, tmp_path):
        copy = shutil.copytree(hostile, tmp_path / "h")
        for name in ("equity.parquet", "decisions.parquet", "orders.parquet", "evidence.parquet"):
            path = copy / "runs" / "a" / name
            whole = path.read_bytes()
            looked = library(copy)
            run = looked.look().runs[0].id
            client = TestClient(make_app(looked, None), base_url=HERE)
            for damaged in (b"", whole[: len(whole) // 2], b"PAR1" + b"\xff" * 200 + b"PAR1"):
                path.write_bytes(damaged)
                codes = [client.get(page).status_code for page in (f"/run/{run}", f"/run/{run}/row/3")]
                assert 422 in codes
                assert set(codes) <= {200, 422}
            path.write_bytes(whole)

    def test_a_long_text_on_every_row_takes_no_memory(self, library, hostile, tmp_path):
        import tracemalloc

        import pyarrow as pa

        copy = shutil.copytree(hostile, tmp_path / "h")
        for name, columns in (("decisions.parquet", ("reason", "prompt")), ("orders.parquet", ("reason",))):
            path = copy / "runs" / "a" / name
            table = pq.read_table(path)
            for column in columns:
                place = table.column_names.index(column)
                table = table.set_column(place, column, pa.array(["y" * 1_000_000] * len(table)).dictionary_encode())
            pq.write_table(table, path)
            assert path.stat().st_size < 3_000_000
        looked = library(copy)
        run = f"/run/{looked.look().runs[0].id}"
        client = TestClient(make_app(looked, None), base_url=HERE)
        before = pa.total_allocated_bytes()
        tracemalloc.start()
        for page in (run, f"{run}/row/3", f"{run}?find=y&sort=reason"):
            assert client.get(page).status_code == 200
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 400_000_000
        assert pa.total_allocated_bytes() - before < 200_000_000

    def test_columns_of_other_types_are_a_sentence(self, library, hostile, tmp_path):
        import pyarrow as pa

        copy = shutil.copytree(hostile, tmp_path / "h")
        for name, column, values in (
            ("decisions.parquet", "p_buy", "x"),
            ("equity.parquet", "price", "x"),
            ("evidence.parquet", "pnl", "x"),
        ):
            path = copy / "runs" / "a" / name
            whole, table = path.read_bytes(), pq.read_table(path)
            pq.write_table(
                table.set_column(table.column_names.index(column), column, pa.array([values] * len(table))), path
            )
            looked = library(copy)
            client = TestClient(make_app(looked, None), base_url=HERE)
            assert client.get(f"/run/{looked.look().runs[0].id}/row/3").status_code == 422
            path.write_bytes(whole)
