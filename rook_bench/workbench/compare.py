"""Several sources on the same rows: replayed, measured, written as one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.progress import Progress

from rook_bench.core import InputError
from rook_bench.core.config import read_mapping
from rook_bench.core.console import err, on_terminal, remark
from rook_bench.core.files import write_json
from rook_bench.core.hashing import sha256_json
from rook_bench.gates import Verdict
from rook_bench.gates.formats import write_verdict
from rook_bench.market.frame import SwapFrame
from rook_bench.market.tape_file import write_tape
from rook_bench.metrics import Analysis, Clock, analyse
from rook_bench.replay import Run, load_run, replay, save_run
from rook_bench.replay.run import slug
from rook_bench.sources import Source
from rook_bench.tapecheck.check import TapeCheck, check_tape
from rook_bench.workbench.config import BenchConfig

VERSION = 1


def compare_sources(
    frame: SwapFrame, references: Sequence[str], config: BenchConfig, *, benchmarks: bool = True, fresh: bool = False
) -> list[Analysis]:
    """Replay every source on `frame` and measure it, in the order given.

    With `benchmarks`, holding the initial mix and trading by chance at the first source's rate
    are added where they are not among the sources: a result without them says nothing.
    """
    sources = [Source.parse(reference) for reference in dict.fromkeys(references)]
    check = check_tape(frame)
    analyses: list[Analysis] = []
    with Progress(console=err, transient=True, disable=not on_terminal()) as progress:
        task = progress.add_task("replaying", total=len(sources) + 2 * benchmarks)
        for source in sources:
            progress.update(task, description=f"replaying {source.reference}")
            analyses.append(_one(frame, source, config, fresh, check))
            progress.advance(task)
        for reference in _benchmarks(analyses) if benchmarks else []:
            progress.update(task, description=f"replaying {reference}")
            analyses.append(_one(frame, Source.parse(reference), config, fresh, check))
            progress.advance(task)
    return analyses


def _one(frame: SwapFrame, source: Source, config: BenchConfig, fresh: bool, check: TapeCheck) -> Analysis:
    run = replay(frame, source, config.replay(), progress=on_terminal(), fresh=fresh, tape_check=check)
    for note in run.decided.notes:
        remark(f"{run.name}: {note}")
    if run.decided.reused:
        remark(f"{run.name}: decisions reused from an earlier run")
    if run.lookahead.status == "leak":
        remark(f"{run.name}: LOOK-AHEAD, {run.lookahead.detail}; this run can't get a verdict")
    return analyse(run, config.clock)


def _benchmarks(analyses: Sequence[Analysis]) -> list[str]:
    names = {analysis.run.source.choice.plugin.name for analysis in analyses}
    missing = [] if "hold" in names else ["hold"]
    rate = analyses[0].run.decided.tape.action_rate
    if "random" not in names and 0 < rate < 1:
        missing.append(f"random:{rate:.3f}")
    return missing


def save_comparison(
    analyses: Sequence[Analysis],
    folder: Path,
    *,
    title: str,
    verdict: Verdict | None = None,
    looks: dict[str, Any] | None = None,
) -> dict[str, Any] | None:
    """Write the tape, every Run, the comparison and one report into an existing (temporary) folder.

    Returns:
        What verdict.json holds, None without a verdict.
    """
    from rook_bench.report import write_report

    tape = folder / "tape.parquet"
    write_tape(analyses[0].run.frame, tape)
    listed, used = [], set()
    for analysis in analyses:
        name = slug(analysis.run.source.reference)
        if name in used:  # two files of one name in different folders
            name = f"{name}-{sha256_json(analysis.run.source.reference)[:8]}"
        used.add(name)
        target = folder / "runs" / name
        target.mkdir(parents=True)
        save_run(analysis.run, target, tape=tape)
        write_measures(analysis, target)
        listed.append(
            {"source": analysis.run.source.reference, "folder": f"runs/{name}", "run_hash": analysis.run.run_hash}
        )
    clock = analyses[0].clock.model_dump()
    write_json(folder / "compare.json", {"version": VERSION, "title": title, "clock": clock, "runs": listed})
    record = None
    if verdict is not None:
        record = with_folders(verdict.to_json(), {entry["run_hash"]: entry["folder"] for entry in listed})
        write_verdict(record, folder)
    if looks is not None:
        write_json(folder / "looks.json", looks)
    write_report(analyses, folder, title=title, verdict=record, looks=looks)
    return record


def with_folders(record: dict[str, Any], folders: Mapping[str, str]) -> dict[str, Any]:
    """A verdict's record that says where the runs lie beside it, sealed again; `folders` is by run hash."""
    changed = {name: value for name, value in record.items() if name != "hash"}
    for side in ("candidate", "champion"):
        if changed[side] is not None and changed[side]["run_hash"] in folders:
            changed[side] = changed[side] | {"run": folders[changed[side]["run_hash"]]}
    return changed | {"hash": sha256_json(changed)}


def save_single(analysis: Analysis, folder: Path, *, looks: dict[str, Any] | None = None) -> None:
    """Write one Run with its metrics and report into an existing (temporary) folder."""
    from rook_bench.report import write_report

    save_run(analysis.run, folder)
    write_measures(analysis, folder)
    if looks is not None:
        write_json(folder / "looks.json", looks)
    write_report([analysis], folder, title=title_of([analysis]), looks=looks)


def write_measures(analysis: Analysis, folder: Path) -> None:
    """metrics.json and the clock it was sampled on."""
    write_json(folder / "metrics.json", analysis.to_json())
    write_json(folder / "clock.json", analysis.clock.model_dump())


def load_analyses(folder: Path) -> tuple[list[Analysis], str]:
    """The analyses of a Run folder or of a comparison folder, and the report's title."""
    listing = folder / "compare.json"
    if not listing.exists():
        analysis = load_analysis(folder)
        return [analysis], title_of([analysis])
    try:
        facts: dict[str, Any] = json.loads(listing.read_text(encoding="utf-8"))
        runs = [folder / entry["folder"] for entry in facts["runs"]]
    except (OSError, json.JSONDecodeError, KeyError) as error:
        raise InputError(f"not a readable comparison ({error})", where=listing, hint="compare again") from None
    return [load_analysis(run) for run in runs], facts["title"]


def load_analysis(folder: Path) -> Analysis:
    """A Run from disk, checked, replayed and measured again on the clock it was measured on."""
    run: Run = load_run(folder)
    clock = folder / "clock.json"
    return analyse(run, Clock.parse(read_mapping(clock), where=clock) if clock.exists() else Clock())


def title_of(analyses: Sequence[Analysis]) -> str:
    """For example "rules:data_driven.json on ETH/USDC"."""
    names = " and ".join(dict.fromkeys(analysis.name for analysis in analyses[:1]))
    return f"{names} on {analyses[0].run.frame.pool.pair}"


def asked_by(references: list[str], engine: str | None, mode: str | None) -> list[str]:
    """The references, with engine and mode given to those that are language models."""
    from rook_bench.core import ConfigError
    from rook_bench.sources import Source

    given = ",".join(f"{key}={value}" for key, value in (("engine", engine), ("mode", mode)) if value is not None)
    if not given:
        return references
    models = [Source.parse(reference).language_model for reference in references]
    if not any(models):
        raise ConfigError("none of the sources is a language model", where=f"--{given.split('=')[0]}", hint="drop it")
    return [f"{reference},{given}" if model else reference for reference, model in zip(references, models, strict=True)]
