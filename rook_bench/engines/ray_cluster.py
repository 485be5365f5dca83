"""A Ray cluster: actors that hold what a job needs, on as many machines as there are."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rook_bench.core import InputError, RookError
from rook_bench.core.console import warn
from rook_bench.core.files import whole_file
from rook_bench.core.hashing import sha256_code
from rook_bench.engines.engine import ATTEMPTS, Job, lost_again

START_S = 120.0
"""Longest wait for the first worker, or for another one where all were lost."""

HINT = "start it with: ray start --head (and on further machines: ray start --address=HOST:6379)"


class RayCluster:
    """Workers on a Ray cluster, one for each of its processors. A node that is lost costs its pieces, which others do.

    Every machine needs the same version of this package, and the files that sources name.

    Args:
        address: of the cluster ("auto", "HOST:6379", "ray://HOST:10001").
        shared: a folder that every machine sees under this path: what a job needs lies there once, and workers read
            it. Without it, it travels to each machine through Ray's object store.

    Raises:
        InputError: without Ray, or where no cluster answers.
    """

    def __init__(self, address: str, shared: str | Path | None = None) -> None:
        self.address, self.shared = address, None if shared is None else Path(shared)
        if self.shared is not None and not self.shared.is_dir():
            raise InputError("no such folder", where=self.shared, hint="give one that every machine sees")
        self._ray = _connected(address)
        self.workers = max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def __str__(self) -> str:
        nodes = sum(1 for node in self._ray.nodes() if node["Alive"])
        return f"{self.workers} workers on {nodes} machine{'' if nodes == 1 else 's'} (Ray)"

    def results(self, job: Job, pieces: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """See `Engine`."""
        if not pieces:
            return
        held, path = self._hold(job)
        pool = _Pool(self._ray, held, pieces)
        try:
            yield from pool.results(min(self.workers, len(pieces)))
        finally:
            pool.close()
            if path is not None:
                path.unlink(missing_ok=True)

    def _hold(self, job: Job) -> tuple[Any, Path | None]:
        """What workers are made from: a reference to the job, and the file that it lies in."""
        packed = pickle.dumps(job, protocol=5)
        if self.shared is None:
            return self._ray.put(packed), None
        digest = hashlib.sha256(packed).hexdigest()
        path = self.shared / f"rook-bench-{digest[:16]}-{os.getpid()}.pickle"
        with whole_file(path) as aside:
            aside.write_bytes(packed)
        return (str(path), digest), path


class _Pool:
    """Actors and what they are doing."""

    def __init__(self, ray: Any, held: Any, pieces: Sequence[Any]) -> None:
        self.ray, self.held, self.pieces = ray, held, pieces
        self.kind = ray.remote(num_cpus=1, max_restarts=0)(Worker)
        self.starting: dict[Any, Any] = {}
        self.working: dict[Any, tuple[Any, int]] = {}
        self.left = list(range(len(pieces)))[::-1]
        self.lost = Counter[int]()

    def results(self, count: int) -> Iterator[tuple[int, Any]]:
        for _ in range(count):
            self._start()
        done = 0
        while done < len(self.pieces):
            # A piece is given to none but a worker that answered: one that finds no machine would keep it for ever.
            patience = None if self.working else START_S
            ready, _ = self.ray.wait([*self.starting, *self.working], num_returns=1, timeout=patience)
            if not ready:
                raise InputError("no worker started", where="ray", hint="look at ray status: are its processors free?")
            for reference in ready:
                if reference in self.starting:
                    self._started(reference)
                    continue
                actor, place = self.working.pop(reference)
                found = self._fetch(reference, place)
                if found is None:
                    self._start()  # on whatever machine is left
                    continue
                done += 1
                self._give(actor)
                yield place, found[0]

    def _start(self) -> None:
        actor = self.kind.remote(self.held, sha256_code())
        self.starting[actor.ready.remote()] = actor

    def _started(self, reference: Any) -> None:
        actor = self.starting.pop(reference)
        try:
            self.ray.get(reference)
        except self.ray.exceptions.RayActorError as error:
            self._why_not(error)
            if not self.starting and not self.working:
                raise InputError("every worker was lost", where="ray", hint="look at ray status") from None
            return
        except self.ray.exceptions.RayTaskError as error:
            raise _cause(error) from None
        self._give(actor)

    def _why_not(self, error: Exception) -> None:
        """Raise what a worker said when it could not be made; a worker that was lost said nothing."""
        cause = getattr(error, "cause", None) or error.__cause__
        told = str(error)
        if isinstance(cause, RookError):
            raise cause
        if "ModuleNotFoundError" in told and "rook_bench" in told:
            hint = "install the same version on every machine of the cluster"
            raise InputError("a machine of the cluster lacks rook-bench", where="ray", hint=hint) from None
        if OTHER in told:
            raise InputError(
                OTHER, where="ray", hint="install the same version on every machine of the cluster"
            ) from None
        if "creation task" in told and "Traceback" in told:
            last = [line for line in told.strip().splitlines() if line.strip()][-1].strip()
            raise InputError(f"a worker could not be made ({last[:200]})", where="ray") from None

    def _give(self, actor: Any) -> None:
        if self.left:
            place = self.left.pop()
            self.working[actor.do.remote(self.pieces[place])] = (actor, place)

    def _fetch(self, reference: Any, place: int) -> tuple[Any] | None:
        """The result of a piece; None where its worker was lost, and the piece is left again."""
        errors = self.ray.exceptions
        try:
            return (self.ray.get(reference),)
        except errors.RayTaskError as error:
            raise _cause(error) from None
        except (errors.RayActorError, errors.WorkerCrashedError, errors.NodeDiedError, errors.ObjectLostError):
            self.lost[place] += 1
            warn(f"a worker was lost; piece {place + 1} of {len(self.pieces)} is computed again")
            if self.lost[place] >= ATTEMPTS:
                raise lost_again(place, len(self.pieces), "worker") from None
            self.left.append(place)
            return None

    def close(self) -> None:
        """Let the workers go, those that never started too."""
        for actor in [*self.starting.values(), *(actor for actor, _ in self.working.values())]:
            with suppress(Exception):  # the cluster may be gone
                self.ray.kill(actor)


OTHER = "a machine of the cluster has another version of rook-bench"


class Worker:
    """Does pieces of one job, in a process of its own somewhere."""

    def __init__(self, held: Any, code: str) -> None:
        if sha256_code() != code:
            raise InputError(OTHER)
        packed: bytes = held if isinstance(held, bytes) else _read(*held)
        job: Job = pickle.loads(packed)
        self._work = job.open()

    def ready(self) -> bool:
        """Answered once it is made."""
        return True

    def do(self, piece: Any) -> Any:
        """The result of one piece."""
        return self._work(piece)


def _read(path: str, digest: str) -> bytes:
    """What lies in the shared folder, which others may write to."""
    try:
        packed = Path(path).read_bytes()
    except OSError as error:
        hint = "give a folder that every machine sees under the same path"
        raise InputError(f"a machine of the cluster can't read it ({error.strerror})", where=path, hint=hint) from None
    if hashlib.sha256(packed).hexdigest() != digest:
        raise InputError("it is not what was put there", where=path)
    return packed


def _cause(error: Any) -> Exception:
    """What went wrong in a worker, as it would have here."""
    cause = error.cause
    return cause if isinstance(cause, Exception) else error


def _connected(address: str) -> Any:
    """The package, connected to the cluster."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it reports what is run to its makers otherwise
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        hint = "install it with: pip install 'rook-bench[ray]'"
        raise InputError("a cluster needs the package ray", where="--ray", hint=hint) from None
    if not ray.is_initialized():
        try:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, configure_logging=False)
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            first = " ".join(str(error).split())[:160]
            raise InputError(f"no Ray cluster answers ({first})", where=f"ray {address}", hint=HINT) from None
        _hush_nodes(ray)
    return ray


def _hush_nodes(ray: Any) -> None:
    """Keep what a dying node logged last, twenty lines of it, from stdout: there is no setting, and JSON goes there."""
    inside: Any = getattr(getattr(ray, "_private", None), "worker", None)
    if hasattr(inside, "print_to_stdstream"):
        inside.print_to_stdstream = lambda *_, **__: None
