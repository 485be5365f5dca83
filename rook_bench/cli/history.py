"""`rook-bench history`: the promotion record, for people."""

from __future__ import annotations

from typing import Any

from rook_bench.cli import layout
from rook_bench.cli.options import Json, Models
from rook_bench.core.console import say, say_json
from rook_bench.core.project import models_folder
from rook_bench.core.reference import short_name
from rook_bench.promotion.record import Record, called


def history(models: Models = None, json: Json = False) -> None:
    """Print the promotion record: who was champion when, by which verdict."""
    entries = Record(models or models_folder()).entries()
    if json:
        say_json(entries)
    elif not entries:
        say("nothing was promoted yet")
    else:
        titles = ("seq", "when", "action", "champion", "of pool", "verdict", "waivers", "reason")
        layout.print_table(titles, (), [(_cells(entry), ()) for entry in entries])


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    signed = ", signed" if entry["signature"] else ""
    back = f" (entry {entry['restores']} again)" if entry["action"] == "rollback" else ""
    return (
        str(entry["seq"]),
        entry["at"][:19].replace("T", " "),
        entry["action"] + back,
        f"{short_name(entry['source'])} [{entry['folder'].rpartition('/')[2]}{signed}]",
        called(entry),
        entry["verdict_hash"][:16],
        ", ".join(f"{waiver['check']} ({waiver['owner']})" for waiver in entry["waivers"]) or "none",
        entry["reason"] or "-",
    )
