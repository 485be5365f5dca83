"""The HTML page: one file, no network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from rook_bench.report.assumptions import assumptions, limits_of_replay
from rook_bench.report.charts.canvas import NoPicture, Picture
from rook_bench.report.comparison import comparison, conventions
from rook_bench.report.entries import Entry
from rook_bench.report.headline import headline, looks_sentence
from rook_bench.report.live import chart_css, chart_data, scripts
from rook_bench.report.provenance import provenance
from rook_bench.report.tables import confusion_tables, markout_table, outcome_table, rejection_table
from rook_bench.report.tape import is_warning, notes, summary, tape_facts
from rook_bench.report.topics.topic import Topic
from rook_bench.report.verdict import roles_of, verdict_box

HERE = Path(__file__).parent

FIRST, FIRST_PICTURE = "first", "equity"
"""What stands on the first screen."""


@dataclass(frozen=True)
class Shown:
    """A picture as the page shows it, or the sentence in its place.

    Attributes:
        name, heading, section: as the picture's.
        png: the drawn picture in base64, "" where there is none.
        alt: the picture in words; without one, why there is none.
        caption: one more sentence under it.
        folded: whether it unfolds with others.
    """

    name: str
    heading: str
    section: str
    png: str
    alt: str
    caption: str
    folded: bool = False

    @classmethod
    def of(cls, picture: Picture | NoPicture, png: bytes | None) -> Shown:
        """Without the drawing itself, which needs much memory."""
        place = picture.name, picture.heading, picture.section
        if isinstance(picture, NoPicture) or png is None:
            return cls(*place, "", picture.sentence if isinstance(picture, NoPicture) else "", "")
        return cls(*place, base64.b64encode(png).decode(), picture.alt, picture.caption, picture.folded)


def render(
    entries: Sequence[Entry],
    asked: Sequence[Topic],
    pictures: Sequence[Shown],
    *,
    title: str,
    verdict: Mapping[str, Any] | None,
    looks: Mapping[str, Any] | None = None,
) -> str:
    """The whole page as text; every name from outside is escaped."""
    check = entries[0].run.tape_check
    facts = tape_facts(check)
    sections: dict[str, list[Shown]] = {}
    for picture in pictures:
        section = FIRST if picture.name == FIRST_PICTURE else picture.section
        sections.setdefault(section, []).append(picture)
    return template_of("report.html.j2").render(
        title=title,
        css=Markup((HERE / "report.css").read_text(encoding="utf-8")),
        chart_css=chart_css(),
        chart=chart_data(entries),
        scripts=scripts(),
        entries=entries,
        headline=headline(entries),
        verdict=None if verdict is None else verdict_box(verdict, entries),
        roles=roles_of(verdict, entries),
        looks=looks_sentence(looks),
        tape={"facts": facts, "warning": is_warning(facts), "notes": notes(check), "summary": summary(check, facts)},
        comparison=comparison(entries),
        conventions=conventions(entries),
        pictures=sections,
        topics=asked,
        outcomes=outcome_table(entries),
        rejections=rejection_table(entries),
        confusions=confusion_tables(entries),
        markouts=markout_table(entries),
        assumptions=assumptions(entries),
        limits=limits_of_replay(entries),
        provenance=provenance(entries),
    )


@cache
def template_of(name: str) -> Template:
    """A page's template, compiled once in a process."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(name)
