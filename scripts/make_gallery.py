"""Make docs/gallery: an example report and pictures of pages as people see them. `make gallery` runs it.

It runs the demo, the demo of the planted edge and ROOK's published eight hours (where ../shared/data lies beside the
repository), opens their reports and the pages of `rook-bench view` in Chromium, and writes screenshots of few colours.
With --demo, --edge and --rook it takes folders that were made before.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
GALLERY = ROOT / "docs" / "gallery"
ROOK = ROOT.parent / "shared" / "data" / "rook-v4-eth-usdc" / "test.csv.gz"
RULES = ROOT / "strategies" / "data_driven.json"

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
COLOURS = 128
HERE = re.compile(r"(?:/[\w.-]+)+/(?=(?:strategies|reports|models|data)/)")
"""Where the checkout lies, which is nobody's business."""


@dataclass(frozen=True)
class Shot:
    """One picture: its name, the page, where on it to look, and how the page is opened."""

    name: str
    page: Path
    at: str = ""
    phone: bool = False
    dark: bool = False


def main() -> None:
    """Make what is not there yet, and take every picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("demo", "edge", "rook"):
        parser.add_argument(f"--{name}", type=Path, help=f"a folder that was made before, instead of making it: {name}")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rook-gallery-") as folder:
        work = Path(folder)
        demo = asked.demo or made(work / "demo", "demo")
        edge = asked.edge or made(work / "edge", "demo", "--edge")
        rook = asked.rook
        if rook is None and ROOK.is_file():
            rook = made(
                work / "rook", "compare", ROOK, "--source", f"rules:{RULES}", "--source", "labels", "--source", "random"
            )
        site = made(work / "site", "view", demo, option="--export")
        GALLERY.mkdir(parents=True, exist_ok=True)
        report = (demo / "report.html").read_text(encoding="utf-8")
        (GALLERY / "example-report.html").write_text(HERE.sub("", report), encoding="utf-8")
        take(list(shots(demo, edge, rook, site)))
    if rook is None:
        print("left as they were: pictures of ROOK's eight hours, whose data is not here", file=sys.stderr)


def made(folder: Path, *arguments: Any, option: str = "--out") -> Path:
    """What a verb writes into a folder; a gate that does not promote is no failure."""
    command = [sys.executable, "-m", "rook_bench", *map(str, arguments), option, str(folder)]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code not in (0, 1, 2):
        raise SystemExit(f"exit code {code}: {' '.join(command)}")
    return folder


def shots(demo: Path, edge: Path, rook: Path | None, site: Path) -> Iterator[Shot]:
    """Every picture of the gallery."""
    report = demo / "report.html"
    yield Shot("demo", report)
    yield Shot("demo-phone", report, phone=True)
    yield Shot("demo-dark", report, dark=True)
    yield Shot("demo-trades", report, at="#trades")
    yield Shot("demo-why", report, at="#checks")
    yield Shot("edge", next(path for path in sorted(edge.rglob("report.html")) if "planted" in path.parts))
    if rook is not None:
        yield Shot("rook", rook / "report.html")
        yield Shot("rook-tape", rook / "report.html", at="#tape")
    run = next(
        path for path in sorted(site.glob("run-*.html")) if "<h1>lora:" in path.read_text() and "-row-" not in path.name
    )
    yield Shot("view-runs", site / "index.html")
    yield Shot("view-run", run)
    yield Shot("view-order", next(iter(sorted(site.glob(f"{run.stem}-row-*.html")))))
    yield Shot("view-compare", next(iter(sorted(site.glob("compare-*.html")))))


def take(wanted: list[Shot]) -> None:
    """Open the pages and write what is seen of them."""
    found = next(
        (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for shot in wanted:
            with opened(browser, shot) as page:
                seen = page.locator(shot.at).screenshot() if shot.at else page.screenshot()
            image = Image.open(BytesIO(seen)).convert("RGB")
            few = image.crop((0, 0, image.width, min(image.height, 1400))).quantize(COLOURS, dither=Image.Dither.NONE)
            few.save(GALLERY / f"{shot.name}.png", optimize=True)
        browser.close()


@contextmanager
def opened(browser: Browser, shot: Shot) -> Iterator[Page]:
    """A page as a person has it open, with its chart drawn."""
    scheme = "dark" if shot.dark else "light"
    context = browser.new_context(viewport=PHONE if shot.phone else DESK, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(shot.page.resolve().as_uri())
    if page.locator("#chart").count():
        page.locator("#chart[data-ready]").wait_for()
    page.wait_for_timeout(200)
    yield page
    context.close()


if __name__ == "__main__":
    main()
