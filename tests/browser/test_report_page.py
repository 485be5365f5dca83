"""The report in a browser: opened from disk, without network, on a desktop and on a phone."""

from itertools import pairwise

import pytest
from chromium import launched

from rook_bench.metrics import analyse
from rook_bench.replay import replay
from rook_bench.report import live, write_report

pytestmark = pytest.mark.browser

WIDTHS = (1280, 390)
A4_LANDSCAPE = 1040
LIVE = live.chart_css() != ""
needs_library = pytest.mark.skipif(not LIVE, reason="the report's drawing library is not installed (npm)")


@pytest.fixture(scope="module")
def browser():
    with launched() as opened:
        yield opened


@pytest.fixture(scope="module")
def comparison(tape, tmp_path_factory):
    """A report of several sources, one with a very long name, and a verdict."""
    folder = tmp_path_factory.mktemp("page")
    sources = (
        "momentum",
        "hold",
        "random:action_rate=0.1600000000000000000000,size=0.0500000000000000000000",
        "foresight",
    )
    analyses = [analyse(replay(tape, source)) for source in sources]
    candidate, champion = ({"name": each.name, "run_hash": each.run.run_hash} for each in (analyses[0], analyses[2]))
    verdict = {
        "verdict": "INCONCLUSIVE",
        "candidate": candidate,
        "champion": champion,
        "tape": {"pair": "WETH/USDC", "swaps": 2000},
        "reasons": ["total_return vs hold: the tape is too short"],
        "checks": [{"name": "total_return vs hold", "status": "inconclusive", "detail": "needs 90 days more"}],
        "policy": "gate.toml",
    }
    return write_report(analyses, folder, title="Momentum on a simulated tape", verdict=verdict)


@pytest.fixture(scope="module")
def single(tape, tmp_path_factory):
    """A report of one run that never trades."""
    return write_report([analyse(replay(tape, "hold"))], tmp_path_factory.mktemp("single"), title="Holding")


def open_page(browser, path, width, scheme="light"):
    """The page in a context without network; returns it with what went wrong while it loaded."""
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, offline=True)
    page, problems = context.new_page(), []
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url[:80]}"))
    page.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else problems.append(request.url)
    )
    page.goto(path.as_uri())
    return page, problems


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("report", ["comparison", "single"])
def test_opens_from_disk_and_fits(browser, report, width, request):
    page, problems = open_page(browser, request.getfixturevalue(report), width)
    assert problems == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    images = page.evaluate("[...document.images].map(image => [image.naturalWidth, image.naturalHeight])")
    assert images
    assert all(size == [1600, 900] for size in images)
    wide = "[...document.querySelectorAll('table')].filter(t => !t.closest('.scroll, #chart')).length"
    assert page.evaluate(wide) == 0
    assert page.locator("h1").is_visible()
    assert page.locator("#headline .lead").is_visible()
    page.context.close()


def test_verdict_is_seen_first(browser, comparison):
    page, _ = open_page(browser, comparison, 390)
    box = page.locator(".verdict.inconclusive")
    assert box.is_visible()
    assert "INCONCLUSIVE" in box.inner_text()
    assert box.bounding_box()["y"] < 844
    page.context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_candidate_and_champion_are_named_and_marked(browser, comparison, width):
    page, _ = open_page(browser, comparison, width)
    about = page.locator(".verdict .about")
    assert about.is_visible()
    assert about.bounding_box()["y"] < 844
    words = about.inner_text()
    assert all(word in words for word in ("Candidate: momentum", "Champion: random:", "gate.toml", "WETH/USDC"))
    table = page.locator("#comparison table").first
    marks = table.locator("thead .role")
    assert marks.all_inner_texts() == ["candidate", "champion"]
    for index in range(2):  # the champion stands beside the candidate
        mark, head = (found.bounding_box() for found in (marks.nth(index), table.locator("th.source").nth(index)))
        assert head["x"] <= mark["x"]
        assert mark["x"] + mark["width"] <= head["x"] + head["width"]
    page.context.close()


def test_the_first_screen_says_it_all(browser, comparison):
    page, _ = open_page(browser, comparison, 1280)
    drawn = "#chart" if LIVE else "#picture-equity img"
    for seen in (".verdict", ".verdict .about", "#headline .lead", drawn):
        assert page.locator(seen).first.bounding_box()["y"] < 600, seen
    page.context.close()


@needs_library
def test_the_chart_zooms_both_panes_and_comes_back(browser, comparison):
    page, problems = open_page(browser, comparison, 1280)
    page.locator("#chart[data-ready]").wait_for()
    assert not page.locator("#picture-equity").is_visible()
    panes = page.locator("#chart .u-over")
    assert panes.count() == 2
    ticks = lambda: page.locator("#chart .u-series:first-child .u-value").all_inner_texts()  # noqa: E731
    box = panes.first.bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 40)
    before = ticks()
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 60, steps=4)
    page.mouse.up()
    page.mouse.move(box["x"] + 0.99 * box["width"], box["y"] + 60)
    # What stood at three fifths of the tape now stands at the right of both.
    assert ticks()[0] != before[0]
    assert len({text[:13] for text in ticks()}) == 1  # both panes at the same hour
    page.get_by_role("button", name="All", exact=True).click()
    page.mouse.move(box["x"] + 0.5 * box["width"] + 1, box["y"] + 40)
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 40)
    assert ticks()[0] == before[0]
    assert problems == []
    page.context.close()


@needs_library
@pytest.mark.parametrize("how", ["print", "no script"])
def test_the_picture_stands_in_for_the_chart(browser, comparison, how):
    context = browser.new_context(viewport={"width": 1040, "height": 844}, java_script_enabled=how != "no script")
    page = context.new_page()
    page.goto(comparison.as_uri())
    if how == "print":
        page.locator("#chart[data-ready]").wait_for()
        page.emulate_media(media="print")
    assert page.locator("#picture-equity img").is_visible()
    assert not page.locator("#chart").is_visible()
    context.close()


def test_what_is_folded_unfolds_by_its_link_and_without_script(browser, comparison):
    page, _ = open_page(browser, comparison, 1280)
    hidden = page.locator("#provenance dl").first
    assert not hidden.is_visible()
    page.locator("#provenance summary").click()
    assert hidden.is_visible()
    note = page.locator("[id^=note-]").first
    assert not note.is_visible()
    page.locator("sup a").first.click()
    assert note.is_visible()
    page.context.close()


def test_a_picture_is_seen_whole_by_a_tap(browser, comparison):
    page, _ = open_page(browser, comparison, 390)
    image = page.locator("#picture-drawdown img")
    assert image.bounding_box()["width"] < 390
    page.locator("#picture-drawdown a").click()
    assert image.bounding_box()["width"] == 1600
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()


def test_checks_are_stacked_on_a_phone(browser, comparison):
    page, _ = open_page(browser, comparison, 390)
    box = page.locator("#checks .scroll").first
    assert page.locator("#checks").get_by_text("needs 90 days more").is_visible()
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
    page.context.close()


def test_controls_can_be_hit_by_a_thumb(browser, comparison):
    page, _ = open_page(browser, comparison, 390)
    controls = page.locator("nav a, summary, .zoom button, .filter input")
    heights = [controls.nth(index).bounding_box()["height"] for index in range(controls.count())]
    assert min(heights) >= 44
    page.context.close()


def test_paper_shows_every_column_and_all_that_was_folded(browser, comparison):
    page, _ = open_page(browser, comparison, A4_LANDSCAPE)
    page.emulate_media(media="print")
    beyond = f"[...document.querySelectorAll('table')].filter(t => t.getBoundingClientRect().right > {A4_LANDSCAPE})"
    assert page.evaluate(f"{beyond}.map(t => t.closest('section').id)") == []
    assert page.locator("#provenance dl").first.bounding_box()["height"] > 20
    assert page.locator("#conventions dd").last.bounding_box()["height"] > 5
    page.context.close()


def rows_of(page):
    return page.locator("#trades .sortable tbody tr:visible")


def test_orders_sort_and_filter(browser, comparison):
    page, problems = open_page(browser, comparison, 1280)
    every = rows_of(page).count()
    gains = lambda: [  # noqa: E731
        float(text.replace("\N{MINUS SIGN}", "-").replace(",", ""))
        for text in page.locator("#trades .sortable tbody tr:visible td:nth-last-child(2)").all_inner_texts()
        if text != "\N{EN DASH}"
    ]
    button = page.get_by_role("button", name="P&L")
    button.click()
    assert gains() == sorted(gains(), reverse=True)
    button.press("Enter")  # by keyboard too
    assert gains() == sorted(gains())
    assert page.locator("#trades [aria-sort=ascending]").count() == 1
    page.get_by_label("Filter").fill("sell")
    assert 0 < rows_of(page).count() < every
    assert (
        page.locator("#trades .sortable tbody tr:visible td:nth-child(2)").all_inner_texts()
        == ["SELL"] * rows_of(page).count()
    )
    assert page.locator("#trades output").inner_text() == f"{rows_of(page).count()} of {every}"
    page.get_by_label("Filter").fill("no such word")
    assert rows_of(page).count() == 0
    assert problems == []
    page.context.close()


def test_without_script_the_page_is_whole(browser, comparison):
    context = browser.new_context(viewport={"width": 1280, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    page.goto(comparison.as_uri())
    assert rows_of(page).count() > 10
    assert page.locator("#trades button, #trades input").count() == 0
    page.locator("#provenance summary").click()
    assert page.locator("#provenance dl").first.is_visible()
    context.close()


def test_what_is_not_drawn_is_said(browser, single):
    page, _ = open_page(browser, single, 390)
    place = page.locator("#picture-confusion")
    assert place.inner_text() == "Decisions against labels\n\nThe tape carries no labels to compare decisions with."
    assert place.locator("img").count() == 0
    page.context.close()


def test_no_box_without_a_verdict(browser, single):
    page, _ = open_page(browser, single, 1280)
    assert page.locator(".verdict").count() == 0
    page.context.close()


def test_cells_do_not_break_inside_numbers(browser, comparison):
    """On a phone the tables scroll in their own box instead of stacking letters."""
    page, _ = open_page(browser, comparison, 390)
    heights = page.evaluate("[...document.querySelectorAll('.value')].map(cell => cell.getBoundingClientRect().height)")
    assert max(heights) < 40
    assert page.evaluate("(box => box.scrollWidth > box.clientWidth)(document.querySelector('#comparison .scroll'))")
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_both_schemes(browser, comparison, scheme):
    """Contrast of at least 4.5 (WCAG AA) between every text and what is behind it."""
    page, _ = open_page(browser, comparison, 1280, scheme)
    poor = page.evaluate(CONTRAST)
    assert poor == []
    page.context.close()


def test_dark_scheme_is_dark(browser, comparison):
    page, _ = open_page(browser, comparison, 1280, "dark")
    red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert int(red) < 60
    page.context.close()


def test_contents_lead_to_their_sections(browser, comparison):
    page, _ = open_page(browser, comparison, 1280)
    links = page.locator("nav a")
    assert links.count() >= 9
    for index in range(links.count()):
        target = links.nth(index).get_attribute("href")
        assert page.locator(target).count() == 1
    headings = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(headings))
    page.context.close()


CONTRAST = """() => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  for (const element of document.querySelectorAll('main *, header *, nav *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || element.classList.contains('skip')) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) poor.add(element.className + ' ' + element.textContent.trim().slice(0, 30));
  }
  return [...poor];
}"""
