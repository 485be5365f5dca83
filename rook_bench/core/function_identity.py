"""What a function is: the text it was written as, and a hash of everything of it that could change what it does."""

from __future__ import annotations

import dis
import hashlib
import importlib.metadata
import inspect
import io
import pickle
import sys
from collections.abc import Callable, Iterator
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

_INSTALLED = ("site-packages", "dist-packages")
_HIDES = {"eval", "exec", "globals", "__import__"}
_OURS = __name__.partition(".")[0]


def source_text(function: Callable[..., Any]) -> str | None:
    """The text that a function was written as, a notebook's cell included; None where nothing has kept it."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return None


def text_hash(function: Callable[..., Any]) -> str:
    """Hex SHA-256 of a function's text; of its compiled code where the text is not known (a plain prompt)."""
    text = source_text(function)
    if text is not None:
        return hashlib.sha256(text.encode()).hexdigest()
    members = vars(function).items() if isinstance(function, type) else [("", function)]
    parts = [(name, _parts_of(one.__code__)) for name, one in members if hasattr(one, "__code__")]
    return hashlib.sha256(repr(parts or type(function)).encode()).hexdigest()


def identity_of(value: Any) -> str | None:
    """Hex SHA-256 of a function with its defaults, its closure, and the globals that it reads, to any depth.

    Equal identities mean equal behaviour, as far as Python can tell: what a function reads from disk or
    from the network is beyond it. Data (numbers, texts, arrays, tables) counts by value, installed packages
    by name and version.

    Returns:
        None where it can't be established: an object or module of the user's own, an open file.
    """
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, protocol=5).dump(value)
    except Exception:  # whatever can't be written down has no identity, and objects fail in any way
        return None
    return hashlib.sha256(buffer.getvalue()).hexdigest()


class _Unknown(Exception):
    """A value whose behaviour is not known from what it holds."""


class _Pickler(pickle.Pickler):
    """Writes values as pickle does, and functions as what they are made of. Nobody reads it back."""

    def reducer_override(self, value: Any) -> Any:
        if value is _named:
            return NotImplemented
        if isinstance(value, FunctionType):
            if _installed(value.__module__) and "<locals>" not in value.__qualname__:
                return _named, (value.__module__, value.__qualname__, _version(value.__module__))
            # What it is made of comes as state, which is written after the function is known: it may call itself.
            return _named, ("function",), _made_of(value)
        if isinstance(value, type):
            if not _installed(value.__module__):
                raise _Unknown(value)
            return _named, (value.__module__, value.__qualname__, _version(value.__module__))
        if isinstance(value, ModuleType):
            if not _installed(value.__name__):
                raise _Unknown(value)
            return _named, (value.__name__, _version(value.__name__))
        by_name = isinstance(value.__reduce_ex__(5), str)  # a cached function, for one
        if by_name and not _installed(getattr(value, "__module__", None) or type(value).__module__):
            raise _Unknown(value)
        return NotImplemented


def _named(*names: str) -> None:
    """Stands in the pickle for what is known by its name."""


def _made_of(function: FunctionType) -> tuple[Any, ...]:
    code = function.__code__
    return (
        _parts_of(code),
        function.__defaults__,
        function.__kwdefaults__,
        tuple(_content_of(cell) for cell in function.__closure__ or ()),
        [(name, function.__globals__[name]) for name in _globals_of(code) if name in function.__globals__],
        sorted(function.__dict__.items()),
    )


def _parts_of(code: CodeType) -> tuple[Any, ...]:
    """All of a code object that acts; not where it stands in its file."""
    constants = tuple(_parts_of(one) if isinstance(one, CodeType) else _constant(one) for one in code.co_consts)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return (
        (code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        (*counts, code.co_exceptiontable, sys.version_info[:2]),
    )


def _constant(value: Any) -> str:
    """A constant with its type: 1, 1.0 and True are not the same. Sets are written in one order."""
    content = sorted(map(repr, value)) if isinstance(value, frozenset) else value
    return f"{type(value).__name__} {content!r}"


def _content_of(cell: CellType) -> Any:
    try:
        return (cell.cell_contents,)
    except ValueError:  # not filled yet
        return None


def _globals_of(code: CodeType) -> list[str]:
    """Names that the code and the functions inside it look up outside of themselves.

    Raises:
        _Unknown: where it imports a module of the user's own, or may look up what its code does not name.
    """
    names = set()
    for one in _with_inner(code):
        for step in dis.get_instructions(one):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
                names.add(step.argval)
            elif step.opname == "IMPORT_NAME" and not _installed(step.argval):
                raise _Unknown(step.argval)
    if hidden := names & _HIDES:
        raise _Unknown(hidden)
    return sorted(names)


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _with_inner(constant)


def _installed(module: str | None) -> bool:
    """Whether a module comes with Python, with this package or with another that was installed."""
    top = (module or "").partition(".")[0]
    if top in sys.stdlib_module_names or top == _OURS:
        return True
    if top == "__main__":  # whatever was started, what is defined there is the user's
        return False
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    return any(folder in file.replace("\\", "/").split("/") for folder in _INSTALLED)


def _version(module: str | None) -> str:
    top = (module or "").partition(".")[0]
    found = getattr(sys.modules.get(top), "__version__", None)
    if found is None and top not in sys.stdlib_module_names:
        try:
            found = importlib.metadata.version(top)
        except importlib.metadata.PackageNotFoundError:
            found = ""
    return str(found or "")
