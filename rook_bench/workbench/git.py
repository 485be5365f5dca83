"""What the trial ledger needs of git: read a branch of a remote, and put a commit on top of it."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rook_bench.core import InputError
from rook_bench.core.project import project_folder

TIMEOUT_S = 300
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_TERMINAL_PROMPT": "0",  # a password that nobody can type would be waited for
    **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
       for what, value in (("NAME", "rook-bench"), ("EMAIL", "rook-bench@localhost"))},
}  # fmt: skip


@dataclass(frozen=True)
class Branch:
    """A branch of a remote, reached from a repository on this machine, whose credentials count.

    Files go in and out byte by byte: no attribute, filter or ignore file of the repository touches them, and
    neither its index nor its working tree is used.

    Attributes:
        repository: the folder to call git in.
        remote: a remote's name, a URL or a path.
        name: of the branch.
    """

    repository: Path
    remote: str
    name: str

    def __str__(self) -> str:
        return f"{_without_secrets(self.remote)} {self.name}"

    @property
    def ref(self) -> str:
        """The branch's full name."""
        return f"refs/heads/{self.name}"

    def tip(self) -> str | None:
        """The commit that the branch points to now; None where there is no such branch.

        Raises:
            InputError: where the remote can't be reached.
        """
        listed = self._remote("ls-remote", "--heads", "--", self.remote, self.ref)
        return listed.split()[0] if listed else None

    def fetch(self) -> str | None:
        """The same, with the commit and all it holds brought here."""
        if self.tip() is None:
            return None
        here = f"refs/rook-bench/{self.name}"
        self._remote("fetch", "--quiet", "--no-tags", "--", self.remote, f"+{self.ref}:{here}")
        return self._git("rev-parse", "--verify", here).decode().strip()

    def files(self, commit: str | None) -> dict[str, str]:
        """The id of each file of a commit, by its path; none of no commit."""
        if commit is None:
            return {}
        listed = self._git("ls-tree", "-r", "-z", commit).decode()
        rows = (row.split("\t", 1) for row in listed.split("\0") if row)
        return {path: facts.split()[2] for facts, path in rows}

    def read(self, ids: Sequence[str]) -> list[bytes]:
        """The contents of files by their ids."""
        answer = self._git("cat-file", "--batch", stdin="".join(f"{one}\n" for one in ids).encode())
        contents, at = [], 0
        for _ in ids:
            end = answer.index(b"\n", at) + 1
            size = int(answer[at:end].split()[2])
            contents.append(answer[end : end + size])
            at = end + size + 1
        return contents

    def commit(self, changed: Mapping[str, Path], message: str, parent: str | None) -> str:
        """A commit on top of `parent` with these files by their path in it; nothing points to it yet."""
        paths = "".join(f"{path.resolve()}\n" for path in changed.values()).encode()
        ids = self._git("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=paths).decode().split()
        rows = "".join(f"100644 {one}\t{name}\n" for one, name in zip(ids, changed, strict=True))
        with tempfile.TemporaryDirectory(prefix="rook-bench-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if parent is not None:
                self._git("read-tree", parent, env=index)
            self._git("update-index", "--add", "--index-info", stdin=rows.encode(), env=index)
            tree = self._git("write-tree", env=index).decode().strip()
        onto = [] if parent is None else ["-p", parent]
        return self._git("commit-tree", tree, *onto, "-m", message).decode().strip()

    def push(self, commit: str, *, dry: bool = False) -> str | None:
        """Put a commit on top of the branch; None where it was taken, else what the remote says.

        Args:
            dry: only ask whether this machine may.
        """
        # A hook of the repository is about its own branches, not about this one.
        options = ["--quiet", "--no-verify", *(["--dry-run"] if dry else [])]
        done = _call(self.repository, "push", *options, "--", self.remote, f"{commit}:{self.ref}")
        return None if done.returncode == 0 else _told(done)

    def _remote(self, *arguments: str) -> str:
        done = _call(self.repository, *arguments)
        if done.returncode:
            hint = "check the name, the network and the credentials"
            raise InputError(
                f"the remote can't be read ({_told(done)})", where=_without_secrets(self.remote), hint=hint
            )
        return done.stdout.decode()

    def _git(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        done = _call(self.repository, *arguments, stdin=stdin, env=env)
        if done.returncode:
            raise InputError(f"git {arguments[0]} fails ({_told(done)})", where=self.repository)
        return done.stdout


@contextmanager
def branch_of(remote: str, name: str) -> Iterator[Branch]:
    """A branch as the project's repository reaches it; outside of any, a repository for the moment does.

    Raises:
        InputError: where git is not installed, or for a name that no branch or remote can have.
    """
    folder = project_folder() or Path.cwd()
    if remote.startswith("-") or not remote:
        raise InputError(f"'{remote}' is no remote", hint="give a remote's name, a URL or a path")
    if _call(folder, "check-ref-format", f"refs/heads/{name}").returncode:
        raise InputError(f"'{name}' is no name of a branch", hint="use letters, digits, '-' and '/'")
    if Path(remote).exists():
        remote = str(Path(remote).resolve())
    found = _call(folder, "rev-parse", "--git-dir")
    if found.returncode == 0:
        yield Branch(folder, remote, name)
        return
    if b"dubious ownership" in found.stderr:  # as in a container that another user checked out
        hint = f"git config --global --add safe.directory {folder.resolve()}"
        raise InputError("the repository belongs to another user", where=folder.resolve(), hint=hint)
    with tempfile.TemporaryDirectory(prefix="rook-bench-") as aside:
        _call(Path(aside), "init", "--quiet", "--bare")
        yield Branch(Path(aside), remote, name)


def _call(
    folder: Path, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **_ENVIRONMENT, **(env or {})}
    try:
        return subprocess.run(
            ["git", *arguments], cwd=folder, input=stdin, capture_output=True, env=environment, timeout=TIMEOUT_S
        )
    except FileNotFoundError:
        raise InputError("git is not installed, and the ledger's branch needs it", where="git") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"no answer within {TIMEOUT_S} s", where=f"git {arguments[0]}") from None


def _told(done: subprocess.CompletedProcess[bytes]) -> str:
    """What went wrong, in git's words and the remote's: the first two lines that say so."""
    lines = [" ".join(line.split()) for line in done.stderr.decode(errors="replace").splitlines()]
    problems = [line for line in lines if line.lower().startswith(("remote: ", "fatal: ", "error: ", "! "))]
    told = problems or [line for line in lines if line] or [f"exit code {done.returncode}"]
    return _without_secrets("; ".join(told[:2])[:300])


def _without_secrets(text: str) -> str:
    """Without the user and token that an address may hold: what is said ends up in logs."""
    return re.sub(r"(?<=://)[^/@\s]+@", "", text)
