"""Set-up: an environment with the locked packages, shared by all jobs with the same locks."""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from .job import ROOT, Job, Trouble
from .package import digest
from .processes import carry_out, say

CARD_CHECK = "import sys, torch; sys.exit(0 if torch.cuda.is_available() else 1)"


def environment(job: Job, cards: list[dict[str, str]], deadline: float) -> Path:
    """The Python of the environment, made where it is not there yet."""
    locks = sorted((job.folder / "lock").iterdir())
    name = hashlib.sha256("".join(digest(path) for path in locks).encode()).hexdigest()[:16]
    kind = "cuda" if cards else "cpu"
    folder = ROOT / "env" / f"{name}-{kind}-py{sys.version_info[0]}.{sys.version_info[1]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".ready").is_file():
            shutil.rmtree(str(folder), ignore_errors=True)
            _make(job, folder, python, bool(cards), deadline)
            (folder / ".ready").touch()
    if cards and carry_out(job, [str(python), "-c", CARD_CHECK], deadline) != 0:
        card = cards[0]
        raise Trouble(
            f"torch can't use the {card['name']}: its driver {card['driver']} is too old for this build; update the "
            "driver, or ask for --cpu"
        )
    return python


def _make(job: Job, folder: Path, python: Path, cards: bool, deadline: float) -> None:
    lock = job.folder / "lock"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check"]
    uv = [str(folder / "bin" / "uv"), "pip", "install", "--python", str(python), "--quiet"]
    torch = (lock / "requirements-torch.txt").read_text("utf-8").strip()

    def do(command: list[str], what: str) -> None:
        code = carry_out(job, command, deadline)
        if code != 0:
            raise Trouble(f"the box could not {what} (exit {code}): {job.last_line()}")

    do([sys.executable, "-m", "venv", str(folder)], "make an environment")
    do([*pip, "--require-hashes", "-r", str(lock / "requirements-setup.lock")], "install the installer")
    say(f"setting up {torch}")
    if cards or _takes_cpu_build(python, torch):
        do([*pip, torch], f"install {torch}")
    elif carry_out(job, [*uv, "--torch-backend", "cpu", torch], deadline) != 0:
        say("note: no build without CUDA was found; the default one is some gigabytes larger")
        do([*pip, torch], f"install {torch}")
    for name in ("requirements.lock", "requirements-train.lock"):
        say(f"setting up {name}")
        locked = ["--no-deps", "--require-hashes", "-r", str(lock / name)]
        if carry_out(job, [*uv, *locked], deadline) != 0:
            say("note: trying the same with pip")
            do([*pip, *locked], f"install {name}")


def _takes_cpu_build(python: Path, torch: str) -> bool:
    """Whether pip, as it is configured on this box, takes a build without CUDA by itself."""
    asked = [str(python), "-m", "pip", "install", "--dry-run", "--no-deps", "--quiet", "--report", "-", torch]
    told = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    try:
        version = json.loads(told.stdout.decode("utf-8"))["install"][0]["metadata"]["version"]
    except (ValueError, LookupError):
        return False
    return "+cpu" in version or platform.system() != "Linux"
