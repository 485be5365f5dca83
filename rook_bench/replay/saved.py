"""A Run on disk: written whole, and never trusted as it lies."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rook_bench.core import InputError
from rook_bench.core.files import MARKER, write_json
from rook_bench.core.hashing import seal_of, sealed, sha256_code, sha256_file
from rook_bench.core.parquet import write_parts
from rook_bench.core.reference import plugin_path
from rook_bench.core.untrusted import confined, shown
from rook_bench.ingest.read import read_swaps
from rook_bench.market.frame import SwapFrame
from rook_bench.market.tape_file import read_tape, read_tape_folder, write_tape
from rook_bench.replay.config import ReplayConfig
from rook_bench.replay.engine import assemble
from rook_bench.replay.evidence import PART, SEEN, evidence
from rook_bench.replay.ledger import Holdings, reconcile
from rook_bench.replay.run import Run
from rook_bench.replay.traded import Traded
from rook_bench.sources import Decided, Source
from rook_bench.sources.decide import decision_facts
from rook_bench.sources.lookahead import Lookahead
from rook_bench.sources.saved import read_decisions, write_decisions

VERSION = 3

SEAL = "seal"
"""Key in run.json of the hash of all else in it."""

FILES = ("decisions.parquet", "orders.parquet", "fills.parquet", "equity.parquet")
EVIDENCE = "evidence.parquet"
"""What can be shown of each order without replaying it; runs of before it was kept have none."""


def save_run(run: Run, folder: Path, *, tape: Path | None = None) -> None:
    """Write a Run into an existing folder (metrics and report are added by their own layers).

    Args:
        tape: where the tape already lies, if several Runs share one; else it is written beside.
    """
    root = folder if tape is None else folder.parent.parent  # of a comparison, whose runs share a tape
    tape = keep_tape(run.frame, folder) if tape is None else tape
    inside = tape.absolute().is_relative_to(root.absolute())
    facts = decision_facts(run.source, run.frame, run.config.seed)
    write_decisions(run.decided.tape, folder / "decisions.parquet", facts, at=run.frame.at)
    orders, holdings, sent = run.orders, Holdings(run), np.flatnonzero(run.orders.sent)
    write_parts(len(orders), lambda rows: orders.rows(rows).to_arrow(), folder / "orders.parquet", ORDERS)
    write_parts(len(sent), lambda rows: orders.rows(sent[rows]).to_arrow(), folder / "fills.parquet", ORDERS)
    shown = evidence(run)
    write_parts(len(orders), lambda _: next(shown), folder / EVIDENCE, PART)
    write_parts(len(run.frame), lambda rows: _equity_table(run, holdings, rows), folder / "equity.parquet")
    record = sealed(
        {
            "version": VERSION,
            "rook_bench": version("rook-bench"),
            "source": run.source.reference,
            "label": run.label,
            "source_hash": run.source.content,
            "run_hash": run.run_hash,
            "data_hash": run.frame.data_hash,
            "decisions_hash": run.decided.tape.content_hash,
            "code_hash": sha256_code(),
            "config": run.config.model_dump(),
            "specs": [spec.to_json() for spec in run.specs],
            "opening": {"quote": str(run.opening[0]), "base": str(run.opening[1])},
            "seconds_per_decision": run.decided.seconds_per_decision,
            "lookahead": run.lookahead.to_json(),
            "tape_check": run.tape_check.to_json(),
            "tape": os.path.relpath(tape, folder) if inside else str(tape.absolute()),
            "files": {name: sha256_file(folder / name) for name in (*FILES, EVIDENCE)},
        },
        SEAL,
    )
    write_json(folder / "run.json", record)


ORDERS = 1 << 16
"""Orders that are written, and compared, at once."""

REFERRED = 1 << 20
"""Swaps from which on a run names the tape that it was made on, and holds no copy of it."""


def keep_tape(frame: SwapFrame, folder: Path) -> Path:
    """Where a run's tape lies: a long one where it was read from, where that is a tape; else a copy in the folder."""
    lies = frame.file
    # A folder that this program writes is one that it replaces: a tape in it is not there for others to name.
    if len(frame) >= REFERRED and lies is not None and not any((above / MARKER).exists() for above in lies.parents):
        return lies
    write_tape(frame, folder / "tape.parquet")
    return folder / "tape.parquet"


def tape_of(folder: Path, named: str) -> SwapFrame:
    """The tape that a run was made on: in its folder or beside it, or a long one where it lay then."""
    path = Path(named)
    if not path.is_absolute():
        return read_swaps(confined(folder, named, above=2))  # the tape of a comparison lies beside its runs
    # What a record names must be a tape: nothing else is opened for it.
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        mode = 0
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        what = f"the tape that it was made on is not there: {shown(named)}"
        raise InputError(what, where=folder, hint="put it back: a run of a long tape refers to it, and holds no copy")
    return read_tape_folder(path) if stat.S_ISDIR(mode) else read_tape(path)


def _equity_table(run: Run, holdings: Holdings, rows: slice) -> pa.Table:
    cash, base = holdings.at(rows)
    return pa.table(
        {
            "at": pa.array(run.frame.at[rows], pa.timestamp("ns", "UTC")),
            "price": run.frame.price[rows],
            "cash": cash,
            "base": base,
            "equity": run.equity[rows],
            "hold_equity": run.hold_equity[rows],
        }
    )


def load_run(folder: str | Path) -> Run:
    """Read a Run, check its hashes, replay its decisions and compare: a Run is never trusted as it lies.

    Raises:
        InputError: where files are missing, or don't match what run.json says of them.
    """
    try:
        return _load(Path(folder))
    except (KeyError, TypeError, AttributeError) as error:
        what = f"run.json lacks or garbles something ({type(error).__name__}: {error})"
        raise InputError(what, where=folder, hint="replay it again") from None


def _load(folder: Path) -> Run:
    facts = _read_facts(folder)
    if set(facts["files"]) - {EVIDENCE} != set(FILES):
        raise InputError(f"run.json names other files than {', '.join(FILES)}", where=folder, hint="replay it again")
    check_files(folder, facts["files"], "run.json")
    frame = tape_of(folder, str(facts["tape"]))
    if frame.data_hash != facts["data_hash"]:
        raise InputError("the tape is not the one the run was made on", where=folder / facts["tape"])
    decided, config, lookahead = decided_in(folder, facts, frame)
    run = assemble(frame, decided, config, lookahead)
    if not same_orders(run, folder / "orders.parquet"):
        raise InputError(
            "replaying the decisions gives other orders than the run holds",
            where=folder,
            hint="the code or a plugin changed: replay it again",
        )
    reconcile(run)
    if EVIDENCE in facts["files"] and not _same_evidence(run, folder / EVIDENCE):
        raise InputError("evidence.parquet shows other orders than the run's", where=folder, hint="replay it again")
    return replace(run, label=facts.get("label", ""))


def check_files(folder: Path, files: Mapping[str, str], record: str) -> None:
    """InputError where a file of a record is missing, or is not the one that was written.

    Args:
        files: names with their hashes; record: the file that says so.
    """
    for name, digest in files.items():
        if not (folder / name).is_file():
            raise InputError(f"the run lacks {name}", where=folder, hint="replay it again")
        if sha256_file(folder / name) != digest:
            raise InputError(f"{name} does not match its hash in {record}", where=folder, hint="replay it again")


def decided_in(folder: Path, facts: Mapping[str, Any], frame: SwapFrame) -> tuple[Decided, ReplayConfig, Lookahead]:
    """The decisions of a record on their tape, what was assumed, and what the look-ahead check found."""
    tape, decision = read_decisions(folder / "decisions.parquet")
    if tape.content_hash != facts["decisions_hash"] or len(tape) != len(frame):
        raise InputError("decisions.parquet does not belong to this run", where=folder, hint="replay it again")
    check_risk_code(facts, folder)
    config = ReplayConfig.parse(facts["config"], where=folder / "run.json")
    source = Source.remembered(facts["source"], decision["content"], decision["spec"])
    decided = Decided(source, tape, decision["key"], reused=True, seconds_per_decision=facts["seconds_per_decision"])
    return decided, config, Lookahead(**{**facts["lookahead"], "cuts": tuple(facts["lookahead"]["cuts"])})


def same_orders(run: Traded, path: Path) -> bool:
    """Whether a file holds the run's orders, compared a part at a time."""
    with pq.ParquetFile(path) as file:
        if file.metadata.num_rows != len(run.orders):
            return False
        first = 0
        for batch in file.iter_batches(ORDERS):
            mine = run.orders.rows(slice(first, first + len(batch))).to_arrow()
            if not mine.equals(pa.Table.from_batches([batch]).cast(mine.schema)):
                return False
            first += len(batch)
    return True


def _same_evidence(run: Run, path: Path) -> bool:
    """Whether a file holds what can be shown of the run's orders, compared a part at a time."""
    with pq.ParquetFile(path) as file:
        if file.metadata.num_rows != len(run.orders):
            return False
        known = set(file.schema_arrow.names)
        for told, batch in zip(evidence(run), file.iter_batches(PART), strict=False):
            # Earlier versions did not keep what was seen.
            mine = told.select([name for name in told.column_names if name in known or not name.startswith(SEEN)])
            if not mine.equals(pa.Table.from_batches([batch]).cast(mine.schema)):
                return False
    return True


def check_risk_code(facts: Mapping[str, Any], folder: Path) -> None:
    """InputError where a sizer or filter comes from a file that is not what it was; known before any of it runs."""
    risk = facts["config"]["risk"]
    for named, spec in zip([risk["sizer"], *risk["filters"]], facts["specs"][1:], strict=True):
        path = plugin_path(named if isinstance(named, str) else str(named.get("name", "")))
        if path is not None and path.is_file() and sha256_file(path) != spec["sha256"]:
            raise InputError(f"{path} is not the file that the run was made with", where=folder, hint="replay it again")


def _read_facts(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            "the folder holds no run.json", where=folder, hint="make a run with rook-bench replay"
        ) from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"not a readable run.json ({error})", where=folder) from None
    if not isinstance(facts, dict):
        raise InputError("run.json is no record of a run", where=folder, hint="replay it again")
    if facts.get("version") != VERSION:
        raise InputError(f"run version {facts.get('version')} is not {VERSION}", where=folder, hint="replay it again")
    if facts.get(SEAL) != seal_of(facts, SEAL):
        raise InputError("run.json was changed after it was written", where=folder, hint="replay it again")
    return facts
