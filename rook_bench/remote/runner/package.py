"""The package of a job: received in pieces, unpacked only as what its name stands for."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any

from .job import Job, Trouble

PIECE = 1 << 20


def have(job: Job) -> dict[str, Any]:
    """How much of the package is here."""
    return {"whole": job.package.is_file(), "bytes": job.part.stat().st_size if job.part.is_file() else 0}


def receive(job: Job, size: int, sha256: str) -> dict[str, Any]:
    """The rest of a package from standard input, after the bytes that are here already."""
    held = job.hold()
    if held is None:
        raise Trouble("the job is running")
    with held, job.part.open("ab") as file:
        here = file.tell()
        while here < size:
            piece = sys.stdin.buffer.read(min(PIECE, size - here))
            if not piece:
                break
            file.write(piece)
            here += len(piece)
        file.flush()
        os.fsync(file.fileno())
    if here < size:
        return {"whole": False, "bytes": here}
    if digest(job.part) != sha256:
        job.part.unlink()
        raise Trouble("what arrived is not what was sent")
    job.part.replace(job.package)
    return {"whole": True, "bytes": here}


def digest(path: Path) -> str:
    """Hex SHA-256 of a file."""
    read = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(PIECE), b""):
            read.update(piece)
    return read.hexdigest()


def unpack(job: Job) -> dict[str, Any]:
    """Put the package's files in their place, each with the hash that the job's own name stands for; its manifest."""
    marker = job.folder / "unpacked.json"
    if marker.is_file():
        manifest: dict[str, Any] = json.loads(marker.read_text("utf-8"))
        return manifest
    job.note(stage="unpacking")
    aside = job.folder / "unpacking"
    shutil.rmtree(str(aside), ignore_errors=True)
    aside.mkdir()
    extract(job.package, aside)
    text = (aside / "job.json").read_bytes()
    if hashlib.sha256(text).hexdigest()[:16] != job.name:
        raise Trouble("the package is of another job")
    manifest = json.loads(text.decode("utf-8"))
    found = {path.relative_to(aside).as_posix() for path in aside.rglob("*") if path.is_file()} - {"job.json"}
    if found != set(manifest["files"]):
        raise Trouble("the package holds other files than it names")
    for name, told in manifest["files"].items():
        if digest(aside / name) != told["sha256"]:
            raise Trouble(f"a file of the package is not what it says it is: {name}")
    for part in ("code", "lock", "work"):
        if (aside / part).is_dir():
            shutil.rmtree(str(job.folder / part), ignore_errors=True)
            (aside / part).rename(job.folder / part)
    shutil.rmtree(str(aside), ignore_errors=True)
    marker.write_text(text.decode("utf-8"), "utf-8")
    return manifest


def name_of(package: Path) -> str:
    """What the job of a package is called."""
    try:
        with tarfile.open(str(package), "r:gz") as tar:
            member = tar.next()
            source = tar.extractfile(member) if member is not None and member.name == "job.json" else None
            if source is not None:
                return hashlib.sha256(source.read()).hexdigest()[:16]
    except (OSError, EOFError, tarfile.TarError):
        pass
    raise Trouble(f"not a package: {package}")


def extract(package: Path, folder: Path) -> None:
    """Unpack files with plain paths: neither links nor devices, and nothing outside; Trouble for anything else."""
    with tarfile.open(str(package), "r:gz") as tar:
        for member in tar:
            parts = member.name.split("/")
            source = tar.extractfile(member) if member.isreg() else None
            if source is None or not all(parts) or ".." in parts or "\0" in member.name:
                raise Trouble(f"the package holds what is no file of it: {member.name[:80]!r}")
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("wb") as file:
                shutil.copyfileobj(source, file, PIECE)
