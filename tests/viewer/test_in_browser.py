"""The pages in a browser: with and without scripts, on a desk and on a phone, and over what somebody hostile wrote."""

import re
import threading
import time
from contextlib import contextmanager

import pytest
import uvicorn

from rook_bench.report import live
from rook_bench.viewer.app import Key, make_app
from rook_bench.viewer.export import export
from rook_bench.viewer.serve import listening

pytestmark = pytest.mark.browser

needs_library = pytest.mark.skipif(live.chart_css() == "", reason="the drawing library is not installed (npm)")


@contextmanager
def served(looked):
    """The pages on a free port; the address that lets a browser in."""
    with listening(0) as found:
        port = found.getsockname()[1]
        app = make_app(looked, Key("token", "secret", f"rook_view_{port}"))
        how = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(how)
        running = threading.Thread(target=server.run, kwargs={"sockets": [found]}, daemon=True)
        running.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            running.join(10)


@pytest.fixture(scope="module")
def address(reports, tmp_path_factory):
    from rook_bench.viewer.shelf import Library

    place = tmp_path_factory.mktemp("place")
    with served(Library([reports], models=place / "models", trials=place / "trials")) as found:
        yield found


class Tab:
    """A page that notes what goes wrong on it."""

    def __init__(self, browser, address, **context):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 1000}} | context)
        self.page, self.address, self.wrong, self.asked = self.context.new_page(), address, [], []
        self.page.on("console", lambda said: self.wrong.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.wrong.append("a dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"{address}/?token=token")

    def goto(self, path):
        return self.page.goto(self.address + path)

    def ready(self):
        self.page.locator("#chart[data-ready]").wait_for()

    def link(self, name):
        return self.page.get_by_role("link", name=name, exact=True).first.get_attribute("href")

    def close(self):
        assert self.wrong == []
        assert [url for url in self.asked if not url.startswith((self.address, "data:"))] == []
        self.context.close()


@pytest.fixture
def tab(browser, address):
    """Opens tabs; what went wrong on any of them fails the test. The key is good once, so that the first one gives it on."""
    opened, states = [], []

    def make(**how):
        if states:
            how["storage_state"] = states[0]
        one = Tab(browser, address, **how)
        opened.append(one)
        return one

    key = browser.new_context()
    key.add_cookies([{"name": f"rook_view_{address.rpartition(':')[2]}", "value": "secret", "url": address}])
    states.append(key.storage_state())
    key.close()
    yield make
    for one in opened:
        one.close()


@needs_library
def test_two_runs_are_ticked_and_compared(tab):
    one = tab()
    assert one.page.locator("tbody tr").count() == 4
    one.page.locator("tr", has_text="momentum").get_by_role("checkbox").check()
    one.page.locator("tr", has_text="random:0.1").get_by_role("checkbox").check()
    one.page.get_by_role("button", name="Compare").click()
    one.ready()
    assert {"momentum", "random:0.1"} <= set(one.page.locator(".where a").all_inner_texts())
    labels = one.page.locator("#chart .u-axis").count()
    assert labels >= 4
    assert "points above the first" in one.page.content()


@needs_library
def test_dragging_zooms_all_panes_and_the_address_keeps_it(tab):
    one = tab()
    one.goto(one.link("random:0.1"))
    one.ready()
    whole = one.page.inner_text("#drawn")
    panes = one.page.locator("#chart .u-over")
    assert panes.count() == 3
    box = panes.first.bounding_box()
    one.page.mouse.move(box["x"] + 200, box["y"] + 40)
    one.page.mouse.down()
    one.page.mouse.move(box["x"] + 420, box["y"] + 50, steps=4)
    one.page.mouse.up()
    one.page.locator('#chart[data-drawn="1"]').wait_for()
    near = one.page.inner_text("#drawn")
    assert near != whole
    assert re.search(r"\?from=[\d.]+&to=[\d.]+$", one.page.url)
    one.page.reload()
    one.ready()
    assert one.page.inner_text("#drawn") == near
    panes.nth(2).dblclick()  # the second holds fills, which lead to their orders
    one.page.locator('#chart[data-drawn="1"]').wait_for()
    assert "from=" not in one.page.url
    assert one.page.inner_text("#drawn") == whole
    for name in ("Closer", "Later", "All"):
        one.page.get_by_role("button", name=name, exact=True).click()


@needs_library
def test_fills_are_counted_from_afar_and_marked_from_near(tab, monkeypatch):
    from rook_bench.viewer import charts

    monkeypatch.setattr(charts, "FILLS", 20)  # the server is a thread of this process
    one = tab()
    one.goto(one.link("random:0.1"))
    one.ready()
    panes = one.page.locator("#chart .u-over")
    assert panes.count() == 4
    for turn in range(1, 8):
        one.page.get_by_role("button", name="Closer", exact=True).click()
        one.page.locator(f'#chart[data-drawn="{turn}"]').wait_for()
        if panes.count() == 3:
            break
    assert panes.count() == 3
    one.page.get_by_role("button", name="All", exact=True).click()
    one.page.locator(f'#chart[data-drawn="{turn + 1}"]').wait_for()
    assert panes.count() == 4


@needs_library
@pytest.mark.parametrize("touch", [False, True])
def test_a_fill_opens_its_order_and_orders_follow_each_other(tab, touch):
    one = tab(**({"has_touch": True, "viewport": {"width": 390, "height": 844}} if touch else {}))
    one.goto(one.link("random:0.1"))
    one.ready()
    target = one.page.evaluate(
        """() => {
            const data = JSON.parse(document.getElementById("chart-data").textContent), pane = data.panes[1];
            const [index, row] = pane.marks[Math.floor(pane.marks.length / 2)];
            const over = document.querySelectorAll("#chart .u-over")[1].getBoundingClientRect();
            const share = (pane.at[index] - data.span[0]) / (data.span[1] - data.span[0]);
            return [row, over.left + window.scrollX + share * over.width, over.top + window.scrollY, over.height];
        }"""
    )
    _, x, top, height = target
    one.page.evaluate(f"window.scrollTo(0, {top - 100})")
    offset = one.page.evaluate("window.scrollY")
    for place in range(4, int(height), 6):
        if touch:
            one.page.touchscreen.tap(x, top - offset + place)
        else:
            one.page.mouse.click(x, top - offset + place)
        one.page.wait_for_timeout(60)  # a click that hits opens another page, which no further click may meet
        if "/row/" in one.page.url:
            break
    one.page.wait_for_url(re.compile(r"/row/\d+$"))
    before = int(one.page.url.rpartition("/")[2])
    one.page.get_by_role("link", name="later order").click()
    assert int(one.page.url.rpartition("/")[2]) > before
    one.page.get_by_role("link", name="earlier order").click()
    assert int(one.page.url.rpartition("/")[2]) == before


def test_without_scripts_all_of_it_is_there(tab):
    one = tab(java_script_enabled=False)
    run = one.link("random:0.1")
    one.goto(run)
    assert one.page.locator(".panes svg").count() == 3
    assert one.page.locator("svg a").count() > 10
    count = one.page.locator("#orders output").inner_text()
    one.page.locator("#orders input[type=search]").fill("sell")
    one.page.locator("#orders form button").click()
    assert re.fullmatch(rf"\d+ of {count}", one.page.locator("#orders output").inner_text())
    one.goto(run)
    one.page.locator(".zoom a", has_text="Closer").click()
    assert "from=" in one.page.url
    one.page.locator("svg a").first.click()
    assert "/row/" in one.page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_never_scrolls_sideways(tab, scheme):
    one = tab(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    run, other = one.link("scripted"), one.link("momentum")
    pair = "&".join(f"run={each.rpartition('/')[2]}" for each in (run, other))
    verdict = one.link("candidate: " + one.page.locator("a", has_text="candidate:").inner_text().partition(": ")[2])
    for path in ("/", run, f"{run}/row/40", f"/compare?{pair}", "/verdicts", verdict, "/trials", "/adapters"):
        one.goto(path)
        one.page.wait_for_timeout(50)
        assert one.page.evaluate("document.documentElement.scrollWidth") <= 390, path
        small = "e => e.map(x => x.getBoundingClientRect()).filter(b => b.height && b.height < 44).length"
        assert one.page.eval_on_selector_all("button:not(th button), .zoom a, nav a, summary, .tick", small) == 0, path
        pale = one.page.evaluate(PALE)
        assert pale == [], path


PALE = """() => {
    const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c) && c !== "transparent") return c; } return "rgb(255, 255, 255)"; };
    return [...document.querySelectorAll("p, td, th, dt, dd, a, h1, h2, li, summary, button, .small")].filter(e => e.offsetParent && e.textContent.trim() && !e.closest("#chart, svg")).filter(e => {
        const [one, other] = [light(getComputedStyle(e).color), light(ground(e))].sort((a, b) => b - a);
        return (one + 0.05) / (other + 0.05) < 4.5;
    }).map(e => e.textContent.trim().slice(0, 40));
}"""


@pytest.mark.parametrize("scripts", [True, False])
def test_what_somebody_hostile_wrote_is_text(browser, library, hostile, scripts):
    looked = library(hostile)
    shelf = looked.look()
    with served(looked) as address:
        one = Tab(browser, address, java_script_enabled=scripts)
        run = f"/run/{shelf.runs[0].id}"
        for path in ("/", run, f"{run}/row/3", f"/verdict/{shelf.verdicts[0].id}", f"/adapter/{shelf.adapters[0].id}"):
            assert one.goto(path).status == 200
            one.page.wait_for_timeout(50)
            assert "</script><script>alert('x')" in one.page.inner_text("body")
            assert one.page.locator("img").count() == 0
        one.close()


@needs_library
def test_exported_pages_work_from_disk(browser, library, reports, tmp_path):
    export(library(reports), tmp_path / "site", orders=3)
    page, wrong = browser.new_page(), []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.goto((tmp_path / "site" / "index.html").as_uri())
    page.get_by_role("link", name="random:0.1", exact=True).click()
    page.locator("#chart[data-ready]").wait_for()
    page.locator("#orders input[type=search]").fill("sell")
    shown = page.locator("#orders tbody tr:not([hidden])")
    assert 0 < shown.count() < page.locator("#orders tbody tr").count()
    assert set(page.locator("#orders tbody tr:not([hidden]) td:nth-child(3)").all_inner_texts()) == {"SELL"}
    page.locator("#orders tbody th a").first.click()
    assert "Quote, fill and what it cost" in page.inner_text("body")
    assert wrong == []
    page.close()


def test_on_paper_nothing_is_cut_off(tab):
    one = tab(viewport={"width": 1040, "height": 700})
    one.goto(one.link("random:0.1"))
    one.page.emulate_media(media="print")
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 1040
    assert not one.page.locator(".zoom").first.is_visible()
    assert one.page.locator(".panes svg").first.is_visible()
    assert one.page.get_by_text("The deepest drawdowns, UTC").is_visible()
