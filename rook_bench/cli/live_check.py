"""`rook-bench live check`, `resume` and `files`: about a session that was, or is, followed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rook_bench.cli.options import AllowPlugin, Json, NoPictures, NoReport, Rpc
from rook_bench.cli.tables import print_table
from rook_bench.core import InputError
from rook_bench.core.console import say, say_json
from rook_bench.core.files import whole_folder
from rook_bench.live.check import shown
from rook_bench.live.switch import Switch
from rook_bench.plugins import trusting
from rook_bench.workbench import live as bench

SessionFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a live session.")]


def check_session(
    folder: SessionFolder,
    rpc: Rpc = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no node: take the journal's own events, and trust them.")
    ] = False,
    allow_plugin: AllowPlugin = None,
    no_runs: Annotated[bool, typer.Option("--no-runs", help="Compare only; write no runs and no report.")] = False,
    no_report: NoReport = False,
    no_pictures: NoPictures = False,
    json: Json = False,
) -> int:
    """Fetch a session's blocks anew, replay them, and compare: exit code 0 equal, 1 different, 2 nothing to tell."""
    if rpc is None and not offline:
        raise InputError("which node?", hint="give its URL with --rpc, or --offline to trust the journal's events")
    with trusting(strategies=True, files=allow_plugin or ()):
        found = bench.check_live(
            folder,
            None if offline else rpc,
            runs=not no_runs,
            report=not no_report,
            pictures=not no_pictures,
        )
    if json:
        say_json(found.to_json())
        return found.exit_code
    _say_findings(folder, found)
    if found.comparison is not None:
        print_table(found.comparison)
        say(f"{'runs' if no_report else 'report'}: {folder / bench.RUNS / ('runs' if no_report else 'report.html')}")
    return found.exit_code


def _say_findings(folder: Path, found: bench.LiveCheck) -> None:
    told, recorded = found.findings, found.recorded
    first, last = recorded.first["first"], recorded.last
    say(f"{folder}: blocks {first} to {last} of {recorded.pool.pair}, against {found.against}")
    orders = f", {told.orders:,} orders" if recorded.paper else ""
    say(f"{told.events:,} events, {told.swaps:,} swaps{orders}")
    for line in [] if found.frame is None else bench.notes_of(recorded, found.frame):
        say(line)
    if told.replaced:
        say(f"{told.replaced} blocks at its end were replaced by the chain since, and are left out")
    for name, (rows, most) in told.rounded.items():
        say(
            f"{name}: on {rows} swaps nothing differs but its confidence, by at most {most:.1e}, where all rows are "
            f"asked at once; a threshold lies in between on {told.turning[name]}"
        )
    for line in shown(told):
        say(line)
    words = {0: "EQUAL: nothing differs", 1: f"DIFFERENT: {told.drift} differences", 2: "NOTHING was decided in time"}
    say(words[found.exit_code])


def resume(
    folder: SessionFolder,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why it may trade again; goes into the journal.")],
) -> None:
    """Lift a session's kill switch; it trades again from its next step on."""
    killed = Switch(folder).ask_to_lift(reason)
    say(f"killed: {killed.reason} ({killed.what})")
    say("lifted with the session's next step")


def files(
    out: Annotated[Path, typer.Option("--out", help="Folder to write; replaced if rook-bench wrote it.")],
) -> None:
    """Write Prometheus alert rules, a Grafana dashboard, a systemd unit and a container file."""
    shipped = sorted((Path(bench.check.__file__).parent / "ops").iterdir())
    with whole_folder(out) as aside:
        for path in shipped:
            (aside / path.name).write_bytes(path.read_bytes())
    for path in shipped:
        say(str(out / path.name))
