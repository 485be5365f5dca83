"""Copies of promoted sources: what trains or tidies the original folder later can't touch the champion."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.files import MARKER
from rook_bench.core.hash_chain import Entry, sync_folder
from rook_bench.core.hashing import sha256_file, sha256_json
from rook_bench.core.reference import parse_reference
from rook_bench.core.shipped import find
from rook_bench.plugins import decision_source

PROMOTED, ASIDE = "promoted", ".aside-"
MODEL = "adapter"
"""The parameter that names the folder of a language model."""

VERDICTS, SIGNATURES = "verdicts", "signatures"


@dataclass(frozen=True)
class Stored:
    """Where a promoted source lies.

    Attributes:
        folder: its folder under the models folder ("promoted/<16 hex>").
        payload: the adapter, the folder or the file in it; None where the source is made of neither.
        files: SHA-256 of every file of the payload, by its path in `folder`.
    """

    folder: str
    payload: str | None
    files: dict[str, str]


def payload_of(reference: str) -> tuple[str, Path] | None:
    """The parameter that names what a source is made of, and its path; None where that is no adapter and no file."""
    choice = decision_source.choose(reference)
    key = MODEL if choice.plugin.traits.get("language_model") else next(iter(choice.plugin.parameters), "")
    value = choice.params.get(key)
    if not isinstance(value, str | Path):
        return None
    if choice.plugin.traits.get("language_model"):
        return key, Path(value)
    path = find("rules", value) if choice.plugin.name == "rules" else Path(value)
    return (key, path) if path.is_file() or _files_of(reference) else None


def _files_of(reference: str) -> tuple[str, ...]:
    """The files of the folder that a source is made of, as its plugin names them (`made_of`): only these are stored."""
    names: tuple[str, ...] = decision_source.choose(reference).plugin.traits.get("made_of", ())
    return names


def stored_reference(entry: Entry, models: Path) -> str:
    """The reference of an entry's stored copy, or of the source itself where nothing was stored."""
    if entry["payload"] is None:
        return str(entry["source"])
    return at_path(entry["source"], entry["payload_key"], models / entry["folder"] / entry["payload"])


def at_path(reference: str, key: str, path: Path) -> str:
    """The same source made of what lies at `path`; InputError where a reference can't hold that path."""
    head, _, _ = parse_reference(reference)
    others = {name: value for name, value in decision_source.choose(reference).params.items() if name != key}
    for start in (f"{head}:{path}", f"{head}:{key}={path}"):
        text = ",".join([start, *(f"{name}={value}" for name, value in others.items())])
        if decision_source.choose(text).params == {key: str(path), **others}:
            return text
    raise InputError("a path with ',' can't stand in a source's reference", where=path, hint="move the models folder")


def store_source(
    reference: str, models: Path, entries: list[Entry], *, name: str, check: Callable[[str], object]
) -> Stored:
    """Copy what a source is made of, whole, to where nothing else writes.

    Args:
        reference: the source.
        models: the models folder.
        entries: the promotion record; a folder that it names is kept, never written again.
        name: 16 hex digits of the source's identity, its folder's name.
        check: is called with the reference of the copy before the copy takes its place.
    """
    folder = f"{PROMOTED}/{name}"
    found = payload_of(reference)
    known = next((entry for entry in reversed(entries) if entry["folder"] == folder), None)
    if known is not None:
        problems = changed_files(known, models)
        if problems:
            raise InputError(f"the stored copy is not what was promoted: {problems[0]}", hint="see rook-bench verify")
        return Stored(folder, known["payload"], known["files"])
    target = models / folder
    with staging(models) as aside:
        if target.exists():  # a promotion that was stopped before it was recorded
            target.replace(aside / "left")
        if found is None:
            return Stored(folder, None, {})
        key, original = found
        only, model = _files_of(reference), key == MODEL
        payload = "folder" if only else "adapter" if model else f"file{original.suffix}"
        content = aside / "content"
        content.mkdir()
        if model:
            _copy_model(original, content / payload)
        else:
            _copy(original, content / payload, only)
        check(at_path(reference, key, content / payload))
        files = list_files(content)
        content.replace(target)
        sync_folder(target.parent)
    return Stored(folder, payload, files)


def folder_name(reference: str, identity: Mapping[str, str | None], fingerprint: str) -> str:
    """The name of a source's stored folder: its adapter's hash, else the hash of its file, else its own."""
    adapter, found = identity["adapter_hash"], payload_of(reference)
    if adapter is not None:
        return adapter[:16]
    if found is not None:
        only = _files_of(reference)
        parts = [sha256_file(found[1] / name) for name in only] or [found[1].suffix, sha256_file(found[1])]
        return sha256_json(parts)[:16]
    return fingerprint[:16]


def put_file(models: Path, relative: str, write: Callable[[Path], object]) -> str:
    """Let `write` write a file aside, put it in its place, and return its SHA-256."""
    target = models / relative
    with staging(models) as aside:
        write(aside / "file")
        _sync(aside / "file")
        digest = sha256_file(aside / "file")
        target.parent.mkdir(parents=True, exist_ok=True)
        (aside / "file").replace(target)
        for folder in (target.parent, target.parent.parent, models / PROMOTED):
            sync_folder(folder)
    return digest


@contextmanager
def staging(models: Path) -> Iterator[Path]:
    """A folder beside the stored ones to write in. Under the record's lock those that are left are nobody's."""
    promoted = models / PROMOTED
    try:
        promoted.mkdir(parents=True, exist_ok=True)
        for left in promoted.glob(f"{ASIDE}*"):
            shutil.rmtree(left, ignore_errors=True)
        aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=promoted))
    except OSError as error:
        raise InputError(f"can't be written ({error.strerror})", where=promoted) from None
    try:
        yield aside
    except OSError as error:
        raise InputError(f"can't store the source ({error.strerror})", where=error.filename or promoted) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def list_files(folder: Path, prefix: str = "") -> dict[str, str]:
    """SHA-256 of every file below `folder`, by its path in it; a link counts by where it points, not by content."""
    listed = {}
    for path in sorted((folder / prefix).rglob("*")):
        if path.is_symlink():
            listed[path.relative_to(folder).as_posix()] = f"link to {path.readlink()}"
        elif path.is_file():
            listed[path.relative_to(folder).as_posix()] = sha256_file(path)
    return listed


def changed_files(entry: Entry, models: Path) -> list[str]:
    """What is not as it was stored, for one entry: files that are missing, changed or added."""
    if entry["payload"] is None:
        return []
    folder = models / entry["folder"]
    payload = folder / entry["payload"]
    present = list_files(folder, entry["payload"]) if payload.is_dir() else {}
    if payload.is_file() and not payload.is_symlink():
        present = {entry["payload"]: sha256_file(payload)}
    wanted: dict[str, Any] = entry["files"]
    problems = [f"{folder / name}: missing" for name in wanted if name not in present]
    problems += [f"{folder / name}: changed" for name in wanted if name in present and present[name] != wanted[name]]
    problems += [f"{folder / name}: does not belong there" for name in present if name not in wanted]
    return problems


def _copy_model(reference: Path, target: Path) -> None:
    """Copy a model; of one that was adopted, the files that its record names, and the record to where they are."""
    from rook_bench.language.manifest import check_files, read_manifest
    from rook_bench.language.place import FILE, place_of

    place = place_of(reference)
    if place.own:
        _copy(place.folder, target)
        return
    manifest = read_manifest(reference)
    check_files(place.folder, manifest)
    _copy(place.folder, target, tuple(manifest.files))
    manifest.model_copy(update={"folder": None}).save(target)
    _sync(target / FILE)
    _sync(target)


def _copy(original: Path, target: Path, only: tuple[str, ...] = ()) -> None:
    """Copy a file or a folder and sync it; our marker stays behind, so that no verb takes the copy for an output.

    Of a folder whose files are named in `only`, those alone.

    Links are refused: what they point to would be stored, and shared, as if it belonged there.
    """
    links = [path for path in (original, *original.rglob("*")) if path.is_symlink()] if original.is_dir() else []
    if links:
        raise InputError("a link is not stored", where=links[0], hint="put a copy of the file there")
    if only:
        target.mkdir()
        for name in only:
            shutil.copyfile(original / name, target / name)
    elif original.is_dir():
        shutil.copytree(original, target, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns(MARKER))
    else:
        shutil.copyfile(original, target)
    for path in sorted([target, *target.rglob("*")], reverse=True):
        _sync(path)


def _sync(path: Path) -> None:
    if path.is_dir():
        sync_folder(path)
        return
    with open(path, "rb") as file:
        os.fsync(file.fileno())
