"""What a report was made from: hashes, versions and components."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from rook_bench.core.hashing import sha256_code
from rook_bench.replay.run import short_name
from rook_bench.report.entries import Entry


def provenance(entries: Sequence[Entry]) -> dict[str, Any]:
    """Hashes of data, decisions, runs, code and components."""
    frame = entries[0].run.frame
    return {
        "facts": [
            ("rook-bench", version("rook-bench")),
            ("Tape", short_name(frame.source) or "unnamed"),
            ("Tape hash", frame.data_hash),
            ("Code hash", sha256_code()),
        ],
        "runs": [
            {
                "source": entry,
                "run_hash": entry.run.run_hash,
                "decisions": entry.run.decided.tape.content_hash,
                "specs": [
                    _spec(
                        spec.to_json()
                        | ({"content": entry.run.source.content} if spec is entry.run.source.spec else {})
                    )
                    for spec in entry.run.specs
                ],
            }
            for entry in entries
        ],
    }


def _spec(record: dict[str, Any]) -> dict[str, str]:
    """One component; folders are left out of paths, since they differ from machine to machine."""
    params = ", ".join(f"{key} = {short_name(str(value))}" for key, value in record["params"].items())
    return {
        "kind": record["kind"].replace("_", " "),
        "name": record["name"],
        "params": params + (f"; content {record['content'][:16]}" if record.get("content") else ""),
        "file": record["file"],
        "sha256": record["sha256"],
    }
