"""Runs, comparisons and verdicts as folders: written whole by their caller, checked and replayed when read."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.config import read_mapping
from rook_bench.core.files import write_json
from rook_bench.core.hashing import sealed, sha256_json
from rook_bench.core.untrusted import confined
from rook_bench.gates import Verdict
from rook_bench.gates.formats import write_verdict
from rook_bench.gates.formats.verdict_file import read_verdict
from rook_bench.metrics import Analysis, Clock, analyse
from rook_bench.plugins import trusting
from rook_bench.replay import Run
from rook_bench.replay.run import slug
from rook_bench.replay.saved import keep_tape, load_run, save_run
from rook_bench.report import write_report

VERSION = 1


def save_comparison(
    analyses: Sequence[Analysis],
    folder: Path,
    *,
    title: str,
    verdict: Verdict | None = None,
    looks: dict[str, Any] | None = None,
    report: bool = True,
    pictures: bool = True,
) -> dict[str, Any] | None:
    """Write the tape, every Run, the comparison and (unless not asked) one report into an existing folder.

    Returns:
        What verdict.json holds, None without a verdict.
    """
    tape = keep_tape(analyses[0].run.frame, folder)
    listed = []
    for analysis, name in zip(analyses, _folder_names([analysis.run for analysis in analyses]), strict=True):
        target = folder / "runs" / name
        target.mkdir(parents=True)
        save_run(analysis.run, target, tape=tape)
        write_measures(analysis, target)
        run = analysis.run
        listed.append({"source": run.source.reference, "folder": f"runs/{name}", "run_hash": run.run_hash})
    clock = analyses[0].clock.model_dump()
    write_json(folder / "compare.json", {"version": VERSION, "title": title, "clock": clock, "runs": listed})
    record = None
    if verdict is not None:
        record = with_folders(verdict.to_json(), {entry["run_hash"]: entry["folder"] for entry in listed})
        write_verdict(record, folder)
    if looks is not None:
        write_json(folder / "looks.json", looks)
    if report:
        write_report(analyses, folder, title=title, verdict=record, looks=looks, with_pictures=pictures)
    return record


def _folder_names(runs: Sequence[Run]) -> list[str]:
    """A folder name for each run: its label's or its source's, with a hash where two are alike."""
    names: list[str] = []
    for run in runs:
        name = slug(run.label.replace("/", "-") or run.source.reference)
        if name in names:
            name = f"{name}-{sha256_json(run.source.reference)[:8]}"
        names.append(name)
    return names


def with_folders(record: dict[str, Any], folders: Mapping[str, str]) -> dict[str, Any]:
    """A verdict's record that says where the runs lie beside it, sealed again; `folders` is by run hash."""
    changed = dict(record)
    for side in ("candidate", "champion"):
        if changed[side] is not None and changed[side]["run_hash"] in folders:
            changed[side] = changed[side] | {"run": folders[changed[side]["run_hash"]]}
    return sealed(changed)


def save_single(
    analysis: Analysis,
    folder: Path,
    *,
    looks: dict[str, Any] | None = None,
    report: bool = True,
    pictures: bool = True,
) -> None:
    """Write one Run with its metrics and (unless not asked) its report into an existing (temporary) folder."""
    save_run(analysis.run, folder)
    write_measures(analysis, folder)
    if looks is not None:
        write_json(folder / "looks.json", looks)
    if report:
        write_report([analysis], folder, title=title_of([analysis]), looks=looks, with_pictures=pictures)


def write_measures(analysis: Analysis, folder: Path) -> None:
    """metrics.json and the clock it was sampled on."""
    write_json(folder / "metrics.json", analysis.to_json())
    write_json(folder / "clock.json", analysis.clock.model_dump())


def load_analysis(folder: Path) -> Analysis:
    """A Run from disk, checked, replayed and measured again on the clock it was measured on.

    Raises:
        InputError: where files are missing or changed, or the run does not come out again.
    """
    run, clock = load_run(folder), folder / "clock.json"
    return analyse(run, Clock.parse(read_mapping(clock), where=clock) if clock.exists() else Clock())


def load_analyses(folder: Path) -> tuple[list[Analysis], str]:
    """The analyses of a Run's folder or of a comparison's, and the report's title."""
    listing = folder / "compare.json"
    if not listing.exists():
        analysis = load_analysis(folder)
        return [analysis], title_of([analysis])
    try:
        facts: dict[str, Any] = json.loads(listing.read_text(encoding="utf-8"))
        title, runs = str(facts["title"]), [confined(folder, str(entry["folder"])) for entry in facts["runs"]]
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"not a readable comparison ({error})", where=listing, hint="compare again") from None
    if not runs:
        raise InputError("the comparison names no run", where=listing, hint="compare again")
    return [load_analysis(run) for run in runs], title


def load_looks(folder: Path) -> dict[str, Any] | None:
    """What the trial ledger said when the folder was written; None where nobody asked it."""
    looks = folder / "looks.json"
    return read_mapping(looks) if looks.exists() else None


def report_again(folder: Path, *, allow_plugins: Iterable[str | Path] = (), pictures: bool = True) -> Path:
    """Write the report of a saved run, comparison or verdict again, from the runs themselves; returns its path.

    No code is run but what is installed: the folder may be anybody's. Decisions are not made again for it.

    Args:
        folder: of a run, a comparison or a gate.
        allow_plugins: files and folders whose code may run, where sizing or filters need it.
        pictures: whether to draw them.

    Raises:
        InputError: where files are missing or changed, or a verdict is not as it was written.
    """
    with trusting(strategies=False, files=allow_plugins):
        (analyses, title), verdict, looks = load_analyses(folder), folder / "verdict.json", load_looks(folder)
        judged = read_verdict(verdict) if verdict.exists() else None
        if judged is not None:
            check_belongs(judged, analyses, verdict)
        with tempfile.TemporaryDirectory(prefix=".report.", dir=folder) as aside:
            write_report(analyses, Path(aside), title=title, verdict=judged, looks=looks, with_pictures=pictures)
            for file in Path(aside).iterdir():
                file.replace(folder / file.name)
    return folder / "report.html"


def check_belongs(verdict: Mapping[str, Any], analyses: Sequence[Analysis], where: Path) -> None:
    """InputError for a verdict about other decisions than those of the runs beside it."""
    known = {analysis.run.decided.tape.content_hash for analysis in analyses}
    for side in ("candidate", "champion"):
        facts = verdict[side]
        same_tape = facts is not None and facts["data_hash"] == analyses[0].run.frame.data_hash
        if same_tape and facts["decisions_hash"] not in known:
            raise InputError(f"the verdict's {side} is none of the runs beside it", where=where, hint="judge again")


def title_of(analyses: Sequence[Analysis]) -> str:
    """For example "rules:data_driven.json on ETH/USDC"."""
    return f"{analyses[0].name} on {analyses[0].run.frame.pool.pair}"
