"""What an output of ours tells an experiment tracker: parameters, figures, marks to find it by, and its files."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.config import read_mapping
from rook_bench.core.hash_chain import Entry
from rook_bench.core.hashing import sha256_json
from rook_bench.core.reference import short_name
from rook_bench.core.untrusted import confined
from rook_bench.gates.formats.summary import to_summary
from rook_bench.gates.formats.verdict_file import read_verdict
from rook_bench.language.manifest import adapter_hash, read_manifest
from rook_bench.language.place import BESIDE, FILE, place_of
from rook_bench.promotion.record import FILE as RECORD
from rook_bench.promotion.record import Record, present
from rook_bench.promotion.store import changed_files
from rook_bench.training.history import METRICS, read_history

PROMOTED = "promoted"
"""The folder, among a promotion's files, that holds the stored copy and the entry."""

FOR_READERS = ("README.md", "training.png", METRICS)
"""Of an adapter, what nothing loads and a reader wants."""


@dataclass(frozen=True)
class Dataset:
    """The swaps that something was measured on: name, content hash, and what they are."""

    name: str
    digest: str
    profile: dict[str, Any]


@dataclass(frozen=True)
class Tracked:
    """A run in the tracker's sense.

    Attributes:
        kind: "run", "comparison", "gate", "adapter" or "promotion".
        key: hash of what it is; the same output is tracked once.
        name: for people.
        at: seconds since 1970 at which it was made.
        params, metrics, marks: what it was made with, what was measured (nothing that is undefined), what finds it.
        steps: of training, the figures of each step.
        files: what belongs to it, by its path in the tracker; texts: the same, of what is in no file.
        note: what a person reads first, Markdown.
        dataset: what it was measured on.
        parts: the runs of a comparison.
        registered: whether it is a version of the registered model; champion: whether it is the present champion.
    """

    kind: str
    key: str
    name: str
    at: float
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    steps: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    note: str = ""
    dataset: Dataset | None = None
    parts: tuple[Tracked, ...] = ()
    registered: bool = False
    champion: bool = False


def kind_of(folder: Path) -> str:
    """What a folder is: "gate", "comparison", "run", "adapter" or "models" (the promotion record).

    Raises:
        InputError: where it is none of them.
    """
    holds = (("verdict.json", "gate"), ("compare.json", "comparison"), ("metrics.json", "run"), (RECORD, "models"))
    for name, kind in holds:
        if (folder / name).is_file():
            return kind
    if not folder.exists():
        raise InputError("no such folder", where=folder, hint="check the path")
    if folder.is_dir() and place_of(folder).record.is_file():
        return "adapter"
    what = "neither a run, a comparison or a gate, nor an adapter, nor a models folder"
    raise InputError(what, where=folder, hint="give what replay, compare, gate, train or promote wrote")


def tracked(folder: Path) -> list[Tracked]:
    """What a folder tells a tracker: one run, or one for each promotion of a models folder.

    Raises:
        InputError: where it is nothing of ours, or can't be read.
    """
    kind = kind_of(folder)
    try:
        if kind == "models":
            return _of_record(folder)
        return [{"gate": _of_gate, "comparison": _of_comparison, "run": _of_run, "adapter": _of_adapter}[kind](folder)]
    except (KeyError, TypeError, AttributeError) as error:
        what = f"what it holds can't be read ({type(error).__name__}: {error})"
        raise InputError(what, where=folder, hint="make it again") from None


def _of_run(folder: Path, *, whole: bool = True) -> Tracked:
    told, measured = read_mapping(folder / "run.json"), read_mapping(folder / "metrics.json")
    tape = told["tape_check"]
    swaps = ("pool", "pair", "protocol", "swaps", "first_at", "last_at", "span_hours")
    hashes = ("run_hash", "data_hash", "decisions_hash", "code_hash", "source_hash")
    name = told["label"] or short_name(told["source"])
    return Tracked(
        kind="run",
        key=told["run_hash"],
        name=name,
        at=(folder / "run.json").stat().st_mtime,
        params={"source": told["source"], **flat(told["config"]), **flat({"tape": {key: tape[key] for key in swaps}})},
        metrics=figures(measured),
        marks={key: told[key] for key in hashes if told[key]} | {"lookahead": told["lookahead"]["status"]},
        files=_files_of(folder) if whole else {},
        dataset=Dataset(
            name=f"{tape['pair']} {tape['first_at'][:10]} to {tape['last_at'][:10]}",
            digest=told["data_hash"],
            profile={key: tape[key] for key in swaps},
        ),
    )


def _of_comparison(folder: Path) -> Tracked:
    told = read_mapping(folder / "compare.json")
    parts = tuple(_of_run(confined(folder, str(run["folder"])), whole=False) for run in told["runs"])
    return Tracked(
        kind="comparison",
        key=sha256_json([part.key for part in parts]),
        name=told["title"],
        at=(folder / "compare.json").stat().st_mtime,
        params={"sources": ", ".join(part.name for part in parts)},
        files=_files_of(folder),
        dataset=parts[0].dataset if parts else None,
        parts=parts,
    )


def _of_gate(folder: Path) -> Tracked:
    verdict = read_verdict(folder / "verdict.json")
    compared = _of_comparison(folder)
    candidate, champion = verdict["candidate"], verdict["champion"]
    estimates = {check["name"]: check["estimate"] for check in verdict["checks"] if check["estimate"] is not None}
    policy = {key: value for key, value in verdict["policy"].items() if key != "hash"}
    return Tracked(
        kind="gate",
        key=verdict["hash"],
        name=compared.name,
        at=compared.at,
        params={
            "candidate": candidate["source"],
            **({"champion": champion["source"]} if champion else {}),
            **flat({"policy": policy}),
        },
        metrics=figures(estimates),
        marks={
            "verdict": verdict["verdict"],
            "reasons": "; ".join(verdict["reasons"]),
            "policy_hash": verdict["policy"]["hash"],
            **{key: candidate[key] for key in ("run_hash", "adapter_hash", "base_hash", "data_hash") if candidate[key]},
            **{f"check.{check['name']}": check["status"] for check in verdict["checks"]},
        },
        files=compared.files,
        note=to_summary(verdict),
        dataset=compared.dataset,
        parts=compared.parts,
    )


def _of_adapter(folder: Path) -> Tracked:
    place, manifest, key = place_of(folder), read_manifest(folder), adapter_hash(folder)
    facts, adopted = manifest.training, manifest.adopted
    name = re.sub(r"[#?%\x00-\x1f]", "_", place.folder.resolve().name)  # which no address of a file may hold
    history = place.folder / METRICS
    logged = read_history(history) if manifest.adopted is None and history.is_file() else []
    origin = {} if adopted is None else {"adopted from": adopted.source, "commit": adopted.revision or ""}
    files = {f"{name}/{file}": place.folder / file for file in (*manifest.files, *FOR_READERS)}
    record = f"{name}/{FILE}" if place.own else f"{name}{BESIDE}"
    return Tracked(
        kind="adapter",
        key=key,
        name=name,
        at=place.record.stat().st_mtime,
        params={
            "kind": manifest.kind,
            "base": manifest.base.reference,
            "template": manifest.template.name,
            **{key: value for key, value in origin.items() if value},
            **flat(facts.get("settings", {})),
            **flat({"rows": facts.get("rows", {}), "labels": facts.get("labels", {})}),
        },
        metrics=figures(
            {
                "temperature": manifest.temperature,
                **{
                    f"{group}.{name}": value
                    for group in ("validation", "calibration")
                    for name, value in facts.get(group, {}).items()
                },
                **{key: facts[key] for key in ("seconds", "best_epoch", "trainable_parameters") if key in facts},
            }
        ),
        marks={
            "adapter_hash": key,
            "base_hash": manifest.base.sha256,
            "template_hash": manifest.template.sha256,
            **{mark: facts[fact] for mark, fact in (("data_hash", "data_hash"), ("stage", "stage")) if fact in facts},
        },
        steps=[
            (int(line["step"]), {k: v for k, v in line.items() if k != "step"}) for line in logged if "step" in line
        ],
        files={path: file for path, file in files.items() if file.is_file()},
        texts={record: place.record.read_text(encoding="utf-8")},
    )


def _of_record(models: Path) -> list[Tracked]:
    """Each promotion once, the present champion's last."""
    entries = Record(models).entries()
    if not entries:
        raise InputError("nothing was promoted yet", where=models, hint="promote a candidate first")
    promotions: dict[str, Entry] = {}
    for entry in entries:
        promotions.pop(entry["folder"], None)
        promotions[entry["folder"]] = entry
    folders = {entry["folder"] for entry in present(entries)}
    return [_of_promotion(entry, models, champion=entry["folder"] in folders) for entry in promotions.values()]


def _of_promotion(entry: Entry, models: Path, *, champion: bool) -> Tracked:
    problems = changed_files(entry, models)
    if problems:
        raise InputError(f"the stored copy is not what was promoted: {problems[0]}", hint="see rook-bench verify")
    files = {f"{PROMOTED}/{name}": models / entry["folder"] / name for name in entry["files"]}
    for named in (entry["verdict_file"], (entry["signature"] or {}).get("file")):
        if named is not None and (models / named).is_file():
            files[f"{PROMOTED}/{Path(named).parent.name}/{Path(named).name}"] = models / named
    hashes = ("source_hash", "run_hash", "data_hash", "adapter_hash", "base_hash", "verdict_hash", "policy_hash")
    return Tracked(
        kind="promotion",
        key=sha256_json([entry["folder"], entry["source_hash"], entry["files"]]),
        name=f"champion {short_name(entry['source'])}",
        at=datetime.fromisoformat(entry["at"]).timestamp(),
        params={"source": entry["source"]},
        marks={
            **{key: entry[key] for key in hashes if entry[key]},
            "waivers": ", ".join(waiver["check"] for waiver in entry["waivers"]) or "none",
        },
        files=files,
        texts={f"{PROMOTED}/entry.json": json.dumps(entry, indent=2)},
        registered=True,
        champion=champion,
    )


def _files_of(folder: Path) -> dict[str, Path]:
    """Every file of an output, by its path in it: together they can be checked and replayed by whoever fetches them."""
    paths = {path.relative_to(folder): path for path in sorted(folder.rglob("*")) if path.is_file()}
    # What begins with a dot is none of an output's: settings, keys, a repository.
    found = {name.as_posix(): path for name, path in paths.items() if not any(p.startswith(".") for p in name.parts)}
    links = [path for path in found.values() if path.is_symlink()]
    if links:
        raise InputError("a link is not published", where=links[0], hint="put a copy of the file there")
    return found


def flat(nested: Mapping[str, Any]) -> dict[str, str]:
    """Settings as text, by dotted names; what is not set is left out."""
    from pandas import json_normalize

    row = json_normalize(dict(nested), sep=".").to_dict("records")[0] if nested else {}
    return {str(name): _text(value) for name, value in row.items() if value is not None and not _is_nan(value)}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def figures(measured: Mapping[str, Any]) -> dict[str, float]:
    """Numbers, and of estimates the value and the ends of the interval; what is undefined is left out."""
    found: dict[str, float] = {}
    for name, value in measured.items():
        estimate = value if isinstance(value, Mapping) else {"value": value}
        for key, end in (("value", ""), ("low", ".low"), ("high", ".high")):
            number = estimate.get(key)
            if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number):
                found[f"{name}{end}"] = float(number)
    return found
