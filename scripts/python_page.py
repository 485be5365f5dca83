"""docs/reference/python.md: every public name of rook_bench, from its own docstring."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import re
import textwrap
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from pydantic import BaseModel

import rook_bench
from rook_bench.metrics import tables
from rook_bench.plugins import Registry

WIDTH = 100
"""Characters of a signature before its parameters get lines of their own."""

HEAD = """# Python

What the command line does, Python does by the same functions: the first use of a name loads it, importing the package
costs nothing. From swaps to a verdict:

```python
import numpy as np
import rook_bench as rook

tape = rook.simulate(3_000, np.random.default_rng(1))  # your own: rook.read_swaps("pool.parquet")
print(rook.check_tape(tape))
both = rook.compare(tape, ["rules:strategies/data_driven.json", "fast=momentum:lookback=5,threshold_bps=5"])
print(both.table().T)
print(both[0].fills()["pnl"].sum())
verdict = rook.judge("strategies/gate.toml", both[0], both[1])
print(verdict.exit_code, verdict.reasons[0])
verdict.save("reports/python")  # verdict.json, the runs and report.html
```

In a notebook the last expression of a cell shows itself: `both` is a table, `both.plot("equity")` a picture,
`verdict` the checks with their answers. `both[0].equity()`, `.decisions()`, `.fills()` and `.trades(closed=True)` are
DataFrames by UTC time; `.trades()` has a row for each wish to trade, with delay, impact, fee and gas in money and bps,
every filter's answer, and what a model was asked and said. `both[0].portfolio()` is a [vectorbt](https://vectorbt.dev)
Portfolio. The [notebook](../tutorial/first-verdict.ipynb) goes through all of it.

Every evaluation is put on record in the trial ledger, so that the verdict on the best of many knows of the many; it is
the ledger that `rook-bench` writes to. Remarks go to the logger `rook_bench`:
`logging.basicConfig(level="INFO")` shows them. Errors that a user can cause are `RookError`s: one line with what, where
and what to do.

## From a table of prices

Prices alone are no tape: what an order pays depends on the pool's liquidity. The least that can be replayed is
ROOK's own layout, a CSV named `core_features.csv`, written here from prices, volumes and an assumed liquidity:

```python
import pandas as pd

price = 2_500 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 4e-4, 2_000)))  # USDC per ETH
bought = np.random.default_rng(3).normal(0, 2.0, 2_000)  # ETH that others bought (sold, where negative)
raw = price * 1e-12  # smallest units of USDC (6 decimals) per smallest unit of ETH (18)
columns = {
    "timestamp": pd.date_range("2025-01-01", periods=2_000, freq="min", tz="UTC"),
    "price": raw,
    "amount0_eth": bought,
    "amount1_usdc": -bought * price,
    "tick": np.floor(np.log(raw) / np.log(1.0001)).astype(int),
    "liquidity": 10**19,
}
pd.DataFrame(columns).to_csv("core_features.csv", index=False)
mine = rook.read_swaps("core_features.csv")
print(rook.check_tape(mine))
print(rook.evaluate(mine, "momentum:lookback=5"))
```

The tape check says what such a tape can't show: its amounts don't follow from its prices, and nothing of it is exact.
A pool's own log has none of these gaps: [import](../how-to/import-swaps.md) or [fetch](../how-to/fetch-swaps.md) one.

## Words in the signatures

- `Tape`: a `SwapFrame`, or the path of anything that `read_swaps` reads.
- `Asked`: a `Source`, or the reference of one: `name`, `name:argument`, `name:key=value,...` or `path.py@name`;
  `NAME=REFERENCE` gives it a name of one's own.
- `Contender`: an `Evaluation`, the folder of a run, or (with a tape) an `Asked`.
- A `BenchConfig`, `Policy`, `TrainSettings` or `Rules` may be given as the path of its file; what such files hold is in
  [configuration.md](configuration.md).
"""

WRITTEN = ("BenchConfig", "Policy", "TrainSettings")
"""Models of files that users write, whose keys have a page of their own."""

PLUGINS = """
A plugin is a decorated factory; its keyword arguments are its parameters. How each kind is written is in
[write-a-plugin.md](../how-to/write-a-plugin.md), what is built in is in [plugins.md](plugins.md).
"""


def python() -> str:
    """The page, without the note that it is made."""
    parts = [HEAD]
    for title, names in groups():
        parts.append(f"\n## {title}\n")
        values = {name: getattr(rook_bench, name) for name in names}
        if all(isinstance(value, Registry) for value in values.values()):
            parts.append(_registries(values))
        else:
            parts += [_function(name, value) if inspect.isfunction(value) else _class(value)
                      for name, value in values.items()]  # fmt: skip
    return "\n".join(parts)


def groups() -> list[tuple[str, list[str]]]:
    """The public names as `rook_bench._HOME` groups them: a comment stands before each group."""
    source = inspect.getsource(rook_bench)
    block = source[source.index("_HOME = {") : source.index("\n}\n")]
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines()[1:]:
        comment, name = re.match(r" *# (.+)", line), re.match(r' *"(\w+)": ', line)
        if comment:
            found.append((comment[1][0].upper() + comment[1][1:], []))
        elif name:
            found[-1][1].append(name[1])
    return found


def _function(name: str, function: Any) -> str:
    return f"### {name}\n\n```python\n{_signature(f'rook.{name}', function)}\n```\n\n{_markdown(function)}\n"


def _class(kind: Any) -> str:
    parts = [f"### {kind.__name__}\n", f"{_markdown(kind)}\n"]
    if kind.__name__ in WRITTEN:
        parts.append("Keys and defaults: [configuration.md](configuration.md).\n")
    if issubclass(kind, enum.Enum):
        parts.append("Members: " + ", ".join(f"`{member.name}`" for member in kind) + ".\n")
    for base in kind.__mro__[1:]:
        if dataclasses.is_dataclass(base):
            parts.append(_markdown(base).partition("Attributes:\n\n")[2] + "\n")
    members = [_member(kind, name, member) for name, member in _members(kind)]
    return "\n".join([*parts, "Methods and properties:\n", *members, ""] if members else parts)


def _members(kind: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that the package writes, the class's own first."""
    seen = {"parse"} if issubclass(kind, BaseModel) else set()  # which only makes a configuration of a mapping
    for owner in kind.__mro__:
        if not owner.__module__.startswith("rook_bench") or issubclass(owner, Exception):
            continue
        for name, member in vars(owner).items():
            known = inspect.isfunction(member) or isinstance(member, classmethod | property | cached_property)
            if known and not name.startswith("_") and name not in seen:
                seen.add(name)
                yield name, member


def _member(kind: type, name: str, member: Any) -> str:
    """A bullet: a method with its parameters, or a property, and what it says."""
    function = member.__func__ if isinstance(member, classmethod) else member
    if inspect.isfunction(function):
        parameters = [_parameter(one, types=False) for one in _parameters(function)[1:]]
        head = f"{kind.__name__ if function is not member else ''}.{name}({', '.join(parameters)})"
    else:
        head = f".{name}"
    first, *rest = _markdown(member).split("\n\n", 1)
    table = re.search(r"; see `metrics\.tables\.(\w+)`", first)
    if table:  # what stands in its columns is said where it is made
        first = first.replace(table[0], "")
        rest = [_markdown(getattr(tables, table[1])).split("\n\n", 1)[1]]
    return f"- `{head}`: {' '.join(first.split())}" + "".join(f"\n\n{textwrap.indent(more, '  ')}\n" for more in rest)


def _registries(values: dict[str, Any]) -> str:
    """The decorators of plugins, which are one class."""
    call = type(next(iter(values.values()))).__call__
    lines = [f"```python\n@{_signature('rook.decision_source', call, method=True)}\n```\n", _markdown(call), PLUGINS]
    for name, registry in values.items():
        built_in = [plugin.name for plugin in registry if "strategies" not in plugin.file.parts]
        lines.append(f"- `rook.{name}`: {registry.kind.replace('_', ' ')}s, {len(built_in) or 'none'} built in.")
    return "\n".join(lines) + "\n"


def _signature(name: str, function: Any, *, method: bool = False) -> str:
    """`name(parameter: type = default, ...) -> type`, on one line where it fits."""
    parameters = [_parameter(one) for one in _parameters(function)[method:]]
    annotation = inspect.signature(function).return_annotation
    gives = "" if annotation is inspect.Signature.empty else f" -> {annotation}"
    line = f"{name}({', '.join(parameters)}){gives}"
    if len(line) <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {parameter},\n" for parameter in parameters) + f"){gives}"


def _parameters(function: Any) -> list[inspect.Parameter | None]:
    """The parameters in order; None stands for the star after which they go by name only."""
    found: list[inspect.Parameter | None] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and None not in found:
            found.append(None)
        found.append(parameter)
    return found


def _parameter(parameter: inspect.Parameter | None, *, types: bool = True) -> str:
    if parameter is None:
        return "*"
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    typed = types and parameter.annotation is not parameter.empty
    text = f"{stars}{parameter.name}" + (f": {parameter.annotation}" if typed else "")
    if parameter.default is parameter.empty:
        return text
    default = parameter.default
    shown = getattr(default, "__name__", None) or repr(default)
    shown = shown if len(shown) < 40 else f"{type(default).__name__}()"
    return f"{text} = {shown}" if typed else f"{text}={shown}"


def _markdown(documented: Any) -> str:
    """A docstring as Markdown: its sections become lists."""
    text = inspect.getdoc(documented) or ""
    parts = re.split(r"^(Args|Attributes|Returns|Raises):\n", text, flags=re.MULTILINE)
    blocks = [parts[0]]
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        after = re.search(r"^(?=\S)", body, flags=re.MULTILINE)  # prose that follows a section
        section, rest = (body[: after.start()], body[after.start() :]) if after else (body, "")
        items = list(_items(inspect.cleandoc("\n" + section)))
        if title == "Returns":
            blocks.append(f"Returns: {' '.join(section.split())}")
        elif title == "Raises":
            blocks.append(f"Raises {'; '.join(items)}")
        else:
            blocks.append(
                ("Attributes:\n\n" if title == "Attributes" else "") + "\n".join(f"- {item}" for item in items)
            )
        blocks.append(rest)
    return "\n\n".join(block.strip() for block in blocks if block.strip())


def _items(section: str) -> Iterator[str]:
    """Each explained name of a section with what is said of it, on one line."""
    merged: list[str] = []
    for line in section.splitlines():
        if line and not line.startswith(" "):
            merged.append(line)
        elif line.strip() and merged:
            merged[-1] += " " + line.strip()
    for line in merged:
        names, colon, said = line.partition(":")
        yield ", ".join(f"`{name.strip()}`" for name in names.split(",")) + colon + said
