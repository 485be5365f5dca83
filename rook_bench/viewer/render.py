"""Pages as HTML, and the files that they link to."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rook_bench.core.untrusted import shown
from rook_bench.report import live
from rook_bench.report.panes import as_block
from rook_bench.viewer.links import NAV, Links
from rook_bench.viewer.pages.desk import Page

HERE, REPORT = Path(__file__).parent, Path(live.__file__).parent

POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{what} 'self'" for what in ("script-src", "style-src", "connect-src", "img-src", "form-action")),
        "base-uri 'none'",
    )
)
"""What a page may load: files of this server, and nothing that stands in it."""


@cache
def assets() -> dict[str, tuple[str, bytes]]:
    """Content type and bytes of every file that pages link to, by name."""
    found = {"report.css": REPORT / "report.css", "view.css": HERE / "view.css"}
    files = {name: ("text/css", path.read_bytes()) for name, path in found.items()}
    chart_css = live.chart_css()
    if chart_css:
        files["chart.css"] = ("text/css", chart_css.encode())
    names = ("library.js", "chart.js", "report.js") if chart_css else ("report.js",)
    for name, script in zip(names, live.scripts(), strict=True):
        files[name] = ("text/javascript", script.text.encode())
    return files


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader([HERE / "templates", REPORT]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    environment.globals["block"] = as_block
    return environment


def _seen(value: Any) -> Any:
    """Text from outside without what would act where it is shown; what is safe to stand there is left as it is."""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def render(page: Page, links: Links) -> str:
    """The whole page as text; every name from outside is escaped."""
    kinds = {name: kind for name, (kind, _) in assets().items()}
    return (
        _environment()
        .get_template(page.template)
        .render(
            title=page.title,
            at=page.at,
            nav=NAV,
            link=links,
            content_policy=POLICY,
            styles=[name for name in ("chart.css", "report.css", "view.css") if name in kinds],
            scripts=[name for name, kind in kinds.items() if kind == "text/javascript"],
            **{name: value for name, value in page.context.items() if name not in ("title", "at")},
        )
    )
