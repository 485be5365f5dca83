"""The HTML page: one file, no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from rook_bench.report.assumptions import assumptions, limits_of_replay
from rook_bench.report.charts import Picture
from rook_bench.report.comparison import comparison, conventions
from rook_bench.report.entries import Entry
from rook_bench.report.headline import headline, looks_sentence, verdict_box
from rook_bench.report.provenance import provenance
from rook_bench.report.questions import questions
from rook_bench.report.tables import confusion_tables, markout_table, outcome_table, rejection_table
from rook_bench.report.tape import is_warning, notes, summary, tape_facts

HERE = Path(__file__).parent


def render(
    entries: Sequence[Entry],
    pictures: Sequence[tuple[Picture, bytes]],
    *,
    title: str,
    verdict: dict[str, Any] | None,
    looks: dict[str, Any] | None = None,
) -> str:
    """The whole page as text; every name from outside is escaped."""
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    check = entries[0].run.tape_check
    facts = tape_facts(check)
    drawn: dict[str, list[tuple[Picture, str]]] = {}
    for picture, png in pictures:
        drawn.setdefault(picture.section, []).append((picture, base64.b64encode(png).decode()))
    return environment.get_template("report.html.j2").render(
        title=title,
        css=Markup((HERE / "report.css").read_text(encoding="utf-8")),
        entries=entries,
        headline=headline(entries),
        verdict=verdict_box(verdict),
        looks=looks_sentence(looks),
        tape={"facts": facts, "warning": is_warning(facts), "notes": notes(check), "summary": summary(check, facts)},
        comparison=comparison(entries),
        conventions=conventions(entries),
        pictures=drawn,
        questions=questions(entries),
        outcomes=outcome_table(entries),
        rejections=rejection_table(entries),
        confusions=confusion_tables(entries),
        markouts=markout_table(entries),
        assumptions=assumptions(entries),
        limits=limits_of_replay(entries),
        provenance=provenance(entries),
    )
