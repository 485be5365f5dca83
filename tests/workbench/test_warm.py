"""After `warm` nothing is left to compile."""

import importlib
import re

from rook_bench.core.hashing import COMPILED, PACKAGE
from rook_bench.execution import compiled_swap
from rook_bench.workbench.warm import warm


def test_every_compiled_function_is_called(monkeypatch):
    called, there_are = set(), set()

    def spied(name, function):
        def call(*arguments):
            called.add(name)
            return function(*arguments)

        return call

    for path in sorted(path for room in COMPILED for path in (PACKAGE / room).rglob("*.py")):
        text = path.read_text()
        module = importlib.import_module(".".join(("rook_bench", *path.relative_to(PACKAGE).with_suffix("").parts)))
        for name in re.findall(r"^@compiled\ndef (\w+)", text, flags=re.MULTILINE):
            there_are.add(name)
            monkeypatch.setattr(module, name, spied(name, getattr(module, name)))
        there_are |= set(re.findall(r"callable_by_address\(\w+, (\w+)\)", text))
    by_address = compiled_swap.callable_by_address
    monkeypatch.setattr(
        compiled_swap, "callable_by_address", lambda types, python: spied(python.__name__, by_address)(types, python)
    )
    compiled_swap.swap_call.cache_clear()
    compiled_swap.sandwich_call.cache_clear()
    warm()
    assert called == there_are
    assert len(there_are) >= 5
