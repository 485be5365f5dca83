"""The way to a box: the OpenSSH of this machine, with its configuration, agent, jump hosts and known hosts."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rook_bench.core import InputError
from rook_bench.core.errors import RookError
from rook_bench.core.untrusted import word

CONNECT_S, ALIVE_S, ALIVE_COUNT = 20, 15, 3
"""Seconds to connect; seconds between questions whether the other side is there; how many may stay without answer."""

_HOST = re.compile(r"(?:ssh://)?(?:[A-Za-z0-9_][A-Za-z0-9._-]*@)?[A-Za-z0-9_\[][A-Za-z0-9._:\]-]*(?::\d+)?/?")


MOST_SAID = 4 * 2**20
"""Bytes of an answer; those of its complaints that are kept are the last `MOST_COMPLAINT`."""

MOST_COMPLAINT = 16 * 2**10


RUNNER_MISSING = 44
"""Exit code by which a box says that it lacks our runner."""


class NotLetIn(InputError):
    """The box does not take our key; one that is being set up may take it later."""


class RunnerMissing(InputError):
    """The box has no runner, or that of another version; it is put there."""


class ConnectionLost(RookError):
    """The connection broke, or was not made; what runs on the box goes on."""


@dataclass(frozen=True)
class Ssh:
    """How to reach a box.

    Attributes:
        host: user@host, ssh://user@host:port, or a name of the user's own configuration.
        config, identity, known_hosts: files in place of the user's own, where given.
        alias: the name under which `known_hosts` has the key, of a machine whose address was not known beforehand.
    """

    host: str
    config: Path | None = None
    identity: Path | None = None
    known_hosts: Path | None = None
    alias: str | None = None

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.host):
            raise InputError(f"'{word(self.host, 80)}' is no host", where="--host", hint="give user@host")
        for path in (self.config, self.identity, self.known_hosts):
            if path is not None and not path.is_file():
                raise InputError("no such file", where=path, hint="check the path")

    def command(self, remote: Sequence[str]) -> list[str]:
        """The local command that carries out a remote one, its words quoted for whatever shell is there."""
        program = shutil.which("ssh")
        if program is None:
            raise InputError("ssh is not installed here", hint="install OpenSSH's client (openssh-client)")
        options = {
            # Host keys are checked, always; nobody is there to be asked. What is not known is refused with a hint.
            "StrictHostKeyChecking": "yes",
            "NoHostAuthenticationForLocalhost": "no",
            # A connection that is shared was checked by whoever made it, if at all.
            "ControlMaster": "no",
            "ControlPath": "none",
            "BatchMode": "yes",
            "ConnectTimeout": CONNECT_S,
            "ServerAliveInterval": ALIVE_S,
            "ServerAliveCountMax": ALIVE_COUNT,
            # The box is not trusted: it gets neither our agent nor a way back.
            "ForwardAgent": "no",
            "ForwardX11": "no",
            "ClearAllForwardings": "yes",
            "PermitLocalCommand": "no",
            "LogLevel": "ERROR",
        }
        if self.known_hosts is not None:
            options |= {
                "UserKnownHostsFile": f'"{self.known_hosts.resolve()}"',
                "GlobalKnownHostsFile": "/dev/null",
                "KnownHostsCommand": "none",
                "VerifyHostKeyDNS": "no",
            }
        if self.alias is not None:
            options["HostKeyAlias"] = self.alias
        words = [program, "-T", "-e", "none"]
        if self.config is not None:
            words += ["-F", str(self.config)]
        if self.identity is not None:
            words += ["-i", str(self.identity), "-o", "IdentitiesOnly=yes"]
        for name, value in options.items():
            words += ["-o", f"{name}={value}"]
        return [*words, "--", self.host, shlex.join(remote)]

    def open(self, remote: Sequence[str]) -> Talk:
        """Start a remote command; see `Talk`."""
        return Talk(self, self.command(remote))

    def run(self, remote: Sequence[str], send: bytes = b"", timeout_s: float = 120) -> bytes:
        """What a remote command prints.

        Raises:
            ConnectionLost: where the box can't be reached.
            InputError: where it does not let us in, is not the one that is known by this name, or never stops talking.
        """
        with self.open(remote) as talk:
            with talk.within(timeout_s):
                talk.send(send)
                talk.no_more()
                said = talk.stdout.read(MOST_SAID + 1)
                if len(said) > MOST_SAID:
                    raise InputError(f"it answers with more than {MOST_SAID:,} bytes", where=self.host)
                code = talk.process.wait()
            if code != 0:
                raise self.trouble(code, talk.complaint())
        return said

    def trouble(self, code: int, said: bytes) -> RookError:
        """What an exit code and the words beside it mean. 255 is ssh's own, any other the remote command's."""
        text = said.decode("utf-8", "replace")
        last = word((text.strip().splitlines() or ["no word about why"])[-1], 200)
        if code == RUNNER_MISSING:
            return RunnerMissing("the runner of this version is not there", where=self.host)
        if code != 255:
            return InputError(f"the box answered with exit code {code}: {last}", where=self.host)
        if "IDENTIFICATION HAS CHANGED" in text or "differs from the key" in text:
            hint = "if you know why, take the old key out with ssh-keygen -R; else this is not your box"
            return InputError("its host key is not the one that is known", where=self.host, hint=hint)
        if "Host key verification failed" in text or "host key is known" in text:
            hint = f"connect once by hand (ssh {self.host}) and compare its fingerprint with the box's own"
            return InputError("its host key is not known here", where=self.host, hint=hint)
        if "Permission denied" in text or "Too many authentication failures" in text:
            hint = "add your key to the agent (ssh-add), or name it with --identity"
            return NotLetIn("it does not let us in", where=self.host, hint=hint)
        if "Bad configuration option" in text or "Can't open user config file" in text:
            return InputError(f"ssh can't read its configuration: {last}", where=self.config or self.host)
        if "Could not resolve hostname" in text:
            return InputError("no such host", where=self.host, hint="check its name, or your ssh configuration")
        return ConnectionLost(f"can't be reached: {last}", where=self.host)


class Talk:
    """A remote command while it runs, with its input and its output; ended where the block is left.

    The pipe to its input closes when this process ends, however it ends, and what watches there ends with it. What it
    complains about is read all the time, so that a box that does not stop complaining holds nothing up.
    """

    def __init__(self, ssh: Ssh, command: list[str]) -> None:
        pipe = subprocess.PIPE
        self.ssh = ssh
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        self._tail = b""
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        while piece := self.process.stderr.read1(1 << 16):  # type: ignore[attr-defined]
            self._tail = (self._tail + piece)[-MOST_COMPLAINT:]

    @property
    def stdout(self) -> IO[bytes]:
        """What it prints."""
        assert self.process.stdout is not None
        return self.process.stdout

    def send(self, piece: bytes) -> bool:
        """Write to its input; False where it takes no more."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(piece)
            self.process.stdin.flush()
        except OSError:
            return False
        return True

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """End the command where the block takes longer; ConnectionLost then."""
        clock = threading.Timer(seconds, self.process.kill)
        clock.daemon = True
        clock.start()
        try:
            yield
        finally:
            over = clock.finished.is_set()
            clock.cancel()
        if over:
            raise ConnectionLost(f"no answer in {seconds:.0f} s", where=self.ssh.host)

    def no_more(self) -> None:
        """Close its input."""
        assert self.process.stdin is not None
        with suppress(OSError):
            self.process.stdin.close()

    def complaint(self) -> bytes:
        """The last that it complained about, when it has ended."""
        self._reader.join(timeout=5)
        return self._tail

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self.no_more()
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()
        self.stdout.close()
        self._reader.join(timeout=5)
