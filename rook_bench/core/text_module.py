"""Run a user's Python file from its text."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any


class TextLoader(SourceFileLoader):
    """Compiles the text itself. Byte code is known by time and size, and an edit may change neither.

    Attributes:
        sha256: hex SHA-256 of the text that was compiled; empty before.
    """

    sha256 = ""

    def get_code(self, fullname: str) -> CodeType:
        """The compiled text as it is now; byte code is neither read nor written."""
        content = self.get_data(self.path)
        self.sha256 = hashlib.sha256(content).hexdigest()
        code: CodeType = self.source_to_code(content, self.path)
        return code


def run_file(path: Path, prefix: str) -> None:
    """Run a file as a module of its own, whose name is the prefix with the file's name and a hash of its path.

    Raises:
        Exception: whatever the file raises; an earlier module of the same file then stays in place.
    """
    path = path.resolve()
    name = f"{prefix}_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    loader = TextLoader(name, str(path))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    before = sys.modules.get(name)
    sys.modules[name] = importlib.util.module_from_spec(spec)  # annotations are looked up there
    try:
        loader.exec_module(sys.modules[name])
    except BaseException:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        raise


def text_sha256(function: Any) -> str | None:
    """Hash of the file text that a function was compiled from, if `run_file` ran it."""
    loader = getattr(function, "__globals__", {}).get("__loader__")
    return loader.sha256 or None if isinstance(loader, TextLoader) else None
