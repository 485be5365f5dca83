"""What a process may touch while a plugin is asked in it, and who is told when it touches something else.

Two layers. An audit hook (PEP 578) sees what Python opens, connects and starts, and names it; of questions about a
file (is it there, how large, how old) Python tells no hook, so those functions are wrapped. Where the kernel
offers Landlock (Linux 5.13 and later), it refuses what libraries open by themselves too (pyarrow, HDF5): what is
refused fails, and whoever asked says that it did.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, wraps
from importlib.metadata import distributions
from pathlib import Path
from tempfile import gettempdir
from typing import Any

CODE = (".py", ".pyc", ".pyd", ".so", ".dylib", ".dll", ".pth")
"""Endings of files that are read to run them."""

METADATA = (
    "METADATA",
    "PKG-INFO",
    "RECORD",
    "WHEEL",
    "direct_url.json",
    "entry_points.txt",
    "top_level.txt",
    "INSTALLER",
)
"""Files that say what a package is, in the folder beside it."""

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

CHANGES = {
    **dict.fromkeys(("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink"), "changed"),
    **dict.fromkeys(("os.truncate", "os.chmod", "os.chown", "os.utime", "os.setxattr"), "changed"),
    **dict.fromkeys(("os.getxattr", "os.listxattr"), "read"),
    **dict.fromkeys(("os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen"), "started"),
    **dict.fromkeys(("os.fork", "os.forkpty", "pty.spawn"), "started a process by"),
    **dict.fromkeys(("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"), "connected to"),
    **dict.fromkeys(("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"), "looked up"),
    "sqlite3.connect": "opened",
}
"""Audit events other than `open` that leave the process, and the word for each."""

LOOKS = ("os.listdir", "os.scandir")
"""Audit events of reading the names in a folder: names can say as much as files."""

QUESTIONS = ("stat", "lstat", "readlink", "access", "statvfs", "pathconf")
"""Functions of `os` that tell something of a file without opening it."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")

SYSTEM = ("/etc", "/usr/lib", "/usr/lib64", "/usr/share", "/usr/libexec", "/lib", "/lib64", "/sys", "/proc/self")
"""Folders of the system that hold nobody's data: libraries, time zones, the locale, the processor's description."""

FACTS = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/filesystems", "/proc/version", "/proc/loadavg")

LIBRARIES = tuple(
    dict.fromkeys(
        os.path.realpath(str(path))
        for path in (
            *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
            sys.base_prefix + "/lib",
            Path(__file__).parents[3] / "rook_bench",
        )
        if path
    )
)
"""Folders of installed code."""


def watch(own: Iterable[Path], tell: Callable[[str], None]) -> None:
    """Watch this process from now on; nothing undoes it.

    Args:
        own: files and folders that the plugin may read beside installed code and the system.
        tell: is called with one phrase ("read prices.npy") for everything else, as it happens.
    """
    allowed = tuple(os.path.realpath(str(path)) for path in own)
    libraries, system = _beneath(LIBRARIES), _beneath((*SYSTEM, *DEVICES, *FACTS, f"/proc/{os.getpid()}"))
    searched: Callable[[str], bool]
    mine, looking = _beneath(allowed), False

    def installed(path: str) -> bool:
        nonlocal looking
        looking = True  # up what came with packages, for which files are read
        try:
            place = Path(path)
            beside = place.name in METADATA and place.parent.suffix in (".dist-info", ".egg-info")
            if path.endswith(CODE) and _is_code(place):
                return True
            return beside or place.is_dir() or path in came_with_packages()
        finally:
            looking = False

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if looking:
            return
        if event == "open":
            path, _, flags = args
            if isinstance(path, str | bytes):
                real: str = os.path.realpath(os.fsdecode(path))
                if flags is not None and flags & WRITES:
                    if real not in DEVICES:
                        tell(f"wrote {real}")
                elif not (mine(real) or system(real) or (libraries(real) and installed(real))):
                    tell(f"read {real}")
        elif event in LOOKS:
            real = os.path.realpath(os.fsdecode(args[0]) if isinstance(args[0], str | bytes) else ".")
            if isinstance(args[0], int) or not (searched(real) or mine(real) or system(real) or libraries(real)):
                tell(f"looked into {real}")
        elif event in CHANGES:
            what = args[1] if event.startswith("socket.") and len(args) > 1 else args[0] if args else ""
            if event == "socket.getaddrinfo" or event.startswith("socket.gethost"):
                what = args[0]
            if event != "sqlite3.connect" or what != ":memory:":
                tell(f"{CHANGES[event]} {_shown(what)}".strip())

    # An import lists the folders that modules are looked for in.
    places = {os.path.realpath(path) for path in sys.path} | {str(Path(path).parent) for path in allowed}
    searched = places.__contains__
    _ = came_with_packages()  # while nobody watches
    known, listed = (*LIBRARIES, *SYSTEM, *DEVICES, *FACTS, str(Path.cwd())), (*places, *allowed)
    around = {str(above) for path in (*listed, *known) for above in Path(path).parents}
    around |= {str(Path(name).expanduser()) for name in ("~", "~/.cache", "~/.config")} | {*known, gettempdir()}

    def looked_at(what: str | bytes | os.PathLike[str]) -> None:
        nonlocal looking
        if looking or _imports():
            return
        looking = True
        try:
            # Without following links: what asks about a link may ask where it leads.
            plain = os.path.abspath(os.fsdecode(what))  # noqa: PTH100
            for path in {plain, os.path.realpath(plain)}:
                if not (path in around or mine(path) or system(path) or libraries(path) or searched(path)):
                    tell(f"looked at {path}")
        finally:
            looking = False

    _apart_from_others()
    _read_no_byte_code(_beneath((*LIBRARIES, *SYSTEM)))
    _confine((*LIBRARIES, *SYSTEM, *FACTS, *allowed), places)
    _tell_of_questions(looked_at)
    sys.addaudithook(hook)


def _imports() -> bool:
    """Whether it is the import system that asks, two calls up: it looks where modules might lie."""
    return sys._getframe(3).f_code.co_filename.startswith("<frozen importlib")


def _tell_of_questions(looked_at: Callable[[str | bytes | os.PathLike[str]], None]) -> None:
    """Call `looked_at` with every path that is asked about, and is there; what isn't there says nothing of itself."""

    def told(ask: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(ask)
        def asked(path: Any, *args: Any, **named: Any) -> Any:
            found = ask(path, *args, **named)
            if found is not False and isinstance(path, str | bytes | os.PathLike) and named.get("dir_fd") is None:
                looked_at(path)
            return found

        return asked

    for name in QUESTIONS:
        if ask := getattr(os, name, None):
            asked = told(ask)
            for module in (os, sys.modules.get("posix"), sys.modules.get("nt")):
                if module is not None:
                    setattr(module, name, asked)


def _read_no_byte_code(of: Callable[[str], bool]) -> None:
    """Compile modules from their text, but those beneath some folders: byte code is whatever somebody wrote there."""
    from importlib import _bootstrap_external as machinery

    usual = machinery.cache_from_source

    def cache_from_source(path: str, *args: Any, **named: Any) -> str:
        if not of(os.path.realpath(path)):
            raise NotImplementedError
        return str(usual(path, *args, **named))

    machinery.cache_from_source = cache_from_source  # type: ignore[assignment]


def _shown(what: object) -> str:
    text = os.fsdecode(what) if isinstance(what, str | bytes | os.PathLike) else repr(what)
    return text if len(text) <= 200 else f"{text[:199]}…"


def _beneath(folders: Iterable[str]) -> Callable[[str], bool]:
    exact, inside = set(folders), tuple(folder.rstrip(os.sep) + os.sep for folder in folders)
    return lambda path: path in exact or path.startswith(inside)


def _is_code(path: Path) -> bool:
    """Whether what looks like code came with a package; byte code, whether its text did.

    Of the standard library, and of this package, whose hash is in every verdict, nobody keeps a list.
    """
    if path.parent.name == "__pycache__":
        path = path.parent.parent / f"{path.name.partition('.')[0]}.py"
    return str(path) in came_with_packages() or not str(path).startswith(_packages())


@cache
def _packages() -> tuple[str, ...]:
    """Folders that packages are installed in."""
    paths = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    return tuple(os.path.realpath(path) + os.sep for path in paths)


@cache
def came_with_packages() -> frozenset[str]:
    """Files that came with installed packages (their RECORD): anybody can put others beside them."""
    found = set()
    for distribution in distributions():
        folder = os.path.realpath(str(distribution.locate_file("")))
        for line in (distribution.read_text("RECORD") or "").splitlines():
            name = line.rsplit(",", 2)[0].strip('"')
            found.add(os.path.normpath(f"{folder}/{name}"))
    found.update(str(path) for path in PACKAGE_FOLDER.rglob("*") if path.is_file())  # installed in place
    return frozenset(found)


PACKAGE_FOLDER = Path(__file__).parents[2]


def _apart_from_others() -> None:
    """Leave the memory and the network that processes share, where the kernel lets anybody do that."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.unshare(0x10000000 | 0x08000000 | 0x40000000)  # CLONE_NEWUSER | CLONE_NEWIPC | CLONE_NEWNET


# Landlock, by its system calls (the same numbers on every architecture), see landlock(7).

_CREATE, _ADD, _RESTRICT, _NO_NEW_PRIVILEGES = 444, 445, 446, 38
_READ, _WRITE, _TCP = 1 << 2, 1 << 1, 0b11
_LIST = 1 << 3
_MAKE = sum(1 << bit for bit in range(4, 13))  # remove and make of every kind
_LATER = {2: 1 << 13, 3: 1 << 14}
"""Rights that later versions know: to move between folders, to truncate."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def _confine(readable: Iterable[str], listed: Iterable[str]) -> bool:
    """Let the kernel refuse to read anything else and to write at all; False where it offers no such thing."""
    if sys.platform != "linux":
        return False
    call = ctypes.CDLL(None, use_errno=True).syscall
    version = call(_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return False
    handled = _READ | _LIST | _WRITE | _MAKE | sum(right for since, right in _LATER.items() if version >= since)
    # A kernel refuses a structure that is longer than the one it knows.
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = _Ruleset(handled, _TCP if version >= 4 else 0, 0b11 if version >= 6 else 0)
    ruleset = call(_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), 0)
    if ruleset < 0:
        return False
    allowed = [*((path, _READ | _LIST) for path in readable), *((path, _READ | _WRITE) for path in DEVICES)]
    for path, rights in [*allowed, *((path, _LIST) for path in listed)]:
        with suppress(OSError):
            folder = os.open(path, getattr(os, "O_PATH", os.O_RDONLY) | os.O_CLOEXEC)
            rule = _Beneath(rights if Path(path).is_dir() else rights & ~_LIST, folder)
            call(_ADD, ruleset, 1, ctypes.byref(rule), 0)
            os.close(folder)
    ctypes.CDLL(None).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    confined = call(_RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return confined
