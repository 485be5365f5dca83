"""A box as a job sees it: the runner is put there, asked, and believed only as far as it was checked."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from rook_bench.core import InputError
from rook_bench.core.untrusted import too_deep, word
from rook_bench.remote.ssh import MOST_SAID, RunnerMissing, Ssh, Talk

RUNNER = Path(__file__).parent / "runner"
PYTHONS = ("python3.13", "python3.12", "python3.11", "python3")
OLDEST = (3, 11)
DISK_NEEDED = 6 * 2**30
"""Bytes of an environment with its caches, and of a checkpoint or two."""

_PLACE = """
umask 077
folder=${ROOK_BENCH_BOX:-$HOME/.rook-bench}
mkdir -p "$folder" && cat > "$folder/$1.$$" && mv -f "$folder/$1.$$" "$folder/$1" && echo placed
"""

_LOOK = """
for name in "$@"; do
    "$name" -c 'import sys; print(sys.executable, *sys.version_info[:2])' 2>/dev/null
done
true
"""

_RUN = """
folder=${ROOK_BENCH_BOX:-$HOME/.rook-bench}
python=$1 runner=$2
shift 2
[ -f "$folder/$runner" ] || exit 44  # RUNNER_MISSING
exec "$python" -I "$folder/$runner" "$@"
"""


@cache
def runner_file() -> tuple[str, bytes]:
    """The runner as one file that Python runs, the same bytes every time, and its name on the box."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        main = "import sys\n\nfrom runner.verbs import main\n\nmain(sys.argv[1:])\n"
        texts = {f"runner/{path.name}": path.read_bytes() for path in sorted(RUNNER.glob("*.py"))}
        for name, text in {"__main__.py": main.encode(), **texts}.items():
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    content = out.getvalue()
    return f"runner-{hashlib.sha256(content).hexdigest()[:12]}.pyz", content


STALLED_S = 600.0
"""Seconds in which a box must take a piece of a package: a quarter of a megabyte."""

_VERSION = re.compile(r"[0-9]{1,2}\.[0-9]{1,3}")


def _no_number(word: str) -> None:
    raise ValueError(word)


class Box:
    """A box that can be asked.

    Args:
        ssh: the way to it.
        python: an interpreter on it that has all that training needs; by default an environment is made there.
    """

    def __init__(self, ssh: Ssh, python: str | None = None) -> None:
        self.ssh, self.python = ssh, python
        self._asked_with: str | None = python

    def ready(self) -> dict[str, Any]:
        """Put the runner there and say what the box is.

        Raises:
            InputError: where it lacks what a job needs, each told with what to do.
        """
        self.place()
        if self.python is None:
            self._asked_with = self._find_python()
        found = self.ask("probe")
        if found.get("system") not in ("Linux", "Darwin"):
            raise InputError(f"a box with {word(str(found.get('system')), 30)}, not Linux", where=self.ssh.host)
        if not found.get("venv") and self.python is None:
            hint = "install it there (Debian, Ubuntu: apt install python3-venv), or name an interpreter with --python"
            raise InputError("its Python can't make environments: venv is missing", where=self.ssh.host, hint=hint)
        free = found.get("disk_free")
        if self.python is None and not found.get("environments") and isinstance(free, int) and 0 <= free < DISK_NEEDED:
            what = f"{free / 2**30:.1f} GiB of disk are free, some {DISK_NEEDED / 2**30:.0f} are needed"
            raise InputError(what, where=self.ssh.host, hint="make room, or set ROOK_BENCH_BOX there to a larger disk")
        return found

    def place(self) -> None:
        """Put the runner there."""
        name, content = runner_file()
        self.ssh.run(["sh", "-c", _PLACE, "sh", name], content)

    def _find_python(self) -> str:
        lines = self.ssh.run(["sh", "-c", _LOOK, "sh", *PYTHONS]).decode("utf-8", "replace").splitlines()
        rows = [line.rsplit(" ", 2) for line in lines if line.count(" ") >= 2]
        known = {row[0]: (int(row[1]), int(row[2])) for row in rows if _VERSION.fullmatch(f"{row[1]}.{row[2]}")}
        able = next((path for path, version in known.items() if version >= OLDEST), None)
        if able is not None:
            return able
        has = max((f"{major}.{minor}" for major, minor in known.values()), default="none")
        what = f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, and {has} is there"
        raise InputError(what, where=self.ssh.host, hint="install one, or name one with --python")

    def words(self, *arguments: object) -> list[str]:
        """The remote command of a verb of the runner."""
        if self._asked_with is None:
            self._asked_with = self._find_python()
        return ["sh", "-c", _RUN, "sh", self._asked_with, runner_file()[0], *map(str, arguments)]

    def ask(self, *arguments: object, send: bytes = b"", timeout_s: float = 120) -> dict[str, Any]:
        """The answer of a verb; InputError for trouble there, and for what is no answer."""
        try:
            said = self.ssh.run(self.words(*arguments), send, timeout_s)
        except RunnerMissing:  # the job was started by another version
            self.place()
            said = self.ssh.run(self.words(*arguments), send, timeout_s)
        answer = self._parse(said)
        if "trouble" in answer:
            raise InputError(word(str(answer["trouble"]), 400), where=self.ssh.host)
        return answer

    def _parse(self, said: bytes) -> dict[str, Any]:
        try:
            answer = None if too_deep(said) else json.loads(said.decode("utf-8"), parse_constant=_no_number)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            what = "the box answers with something else than asked: " + word(said[:80].decode("utf-8", "replace"), 80)
            raise InputError(
                what, where=self.ssh.host, hint="a login script that prints? it must not, without a terminal"
            )
        return answer

    def send(self, job: str, package: Path, sha256: str) -> Iterator[int]:
        """Send a package, from the byte on that arrived before; the bytes that are there after each piece."""
        size = package.stat().st_size
        here = self.ask("have", job)
        if here.get("whole") is True:
            yield size
            return
        start = here.get("bytes")
        at = start if isinstance(start, int) and 0 <= start <= size else 0
        yield at
        with self.ssh.open(self.words("receive", job, size, sha256)) as talk, package.open("rb") as file:
            file.seek(at)
            while piece := file.read(1 << 18):
                with talk.within(STALLED_S):
                    taken = talk.send(piece)
                if not taken:
                    break
                at += len(piece)
                yield at
            with talk.within(STALLED_S):
                talk.no_more()
                said = talk.stdout.read(MOST_SAID)
                code = talk.process.wait()
            if code != 0:
                raise self.ssh.trouble(code, talk.complaint())
        answer = self._parse(said)
        if answer.get("whole") is not True:
            what = word(str(answer.get("trouble", "the package did not arrive whole")), 200)
            raise InputError(what, where=self.ssh.host, hint="run the same command again")

    def follow(self, job: str, offset: int, most_s: float) -> Iterator[dict[str, Any]]:
        """What happens to a job from a byte of its log on; ends with {"end": status}.

        Raises:
            ConnectionLost: where the connection breaks before that, or so many seconds are over.
        """
        with self.ssh.open(self.words("follow", job, offset)) as talk:
            with talk.within(most_s):
                while (line := talk.stdout.readline(MOST_SAID)).endswith(b"\n") or len(line) == MOST_SAID:
                    told = self._parse(line)
                    yield told
                    if "end" in told:
                        return
                code = talk.process.wait()
            raise self.ssh.trouble(code or 255, talk.complaint())

    def collect(self, job: str, names: list[str]) -> Talk:
        """The command that prints a tar of these files."""
        return self.ssh.open(self.words("collect", job, *names))
