"""What the sources of a report or table are called: the shortest names that tell them apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from rook_bench.core import RookError
from rook_bench.plugins import decision_source, parse_reference

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def names_of(
    references: Sequence[str], *, aliases: Sequence[str | None] | None = None, longest: int | None = None
) -> list[str]:
    """A name for every reference, unique, the same whatever their order.

    Folders are left out where nothing needs them, and so are parameters that are the same in all
    references to a plugin, or that a lone reference sets to their default. Names longer than
    `longest` give way in this order: parameters of a reference that has its plugin to itself, from
    the last; the names of parameters, down to a letter; an argument that is the same in all; the
    middle of the name. What tells a name from the others stays as long as it fits.

    Args:
        references: sources as they were written; the same one twice is numbered.
        aliases: what the user calls them, as many as references; None keeps the derived name.
        longest: most characters of a name; with 8 or more, no name is longer.
    """
    given = list(aliases) if aliases is not None else [None] * len(references)
    derived = _derived(list(dict.fromkeys(ref for ref, alias in zip(references, given, strict=True) if alias is None)))
    names = [alias or derived[ref] for ref, alias in zip(references, given, strict=True)]
    if longest is not None:
        shorter = _fitting(sorted(set(derived.values())), longest)
        names = [alias or shorter[derived[ref]] for ref, alias in zip(references, given, strict=True)]
        names = _squeezed(names, longest)
    return _numbered(names, references, longest)


def shorten(text: str, length: int) -> str:
    """At most `length` characters, the middle left out."""
    if len(text) <= length:
        return text
    head, tail = _halves(length)
    return text[:head] + ELLIPSIS + text[len(text) - tail :]


def _halves(length: int) -> tuple[int, int]:
    """Characters kept before and after the ellipsis."""
    tail = max(length // 2 - 1, 0)
    return max(length - tail - 1, 0), tail


@dataclass(frozen=True)
class _Parts:
    """A reference in its parts."""

    head: str
    argument: str | None
    params: Mapping[str, str]

    def __str__(self) -> str:
        said = [] if self.argument is None else [self.argument]
        said += [f"{key}={value}" for key, value in self.params.items()]
        return self.head + (":" + ",".join(said) if said else "")


def _parts(reference: str) -> _Parts:
    return _Parts(*parse_reference(reference))


def _derived(references: list[str]) -> dict[str, str]:
    """The shortest unambiguous name of each reference; of those that would be equal, fuller ones."""
    parts = [_parts(reference) for reference in references]
    heads = {each.head for each in parts}
    said = {head: _telling([each for each in parts if each.head == head]) for head in heads}
    lean = [
        replace(each, params={key: value for key, value in each.params.items() if key in said[each.head]})
        for each in parts
    ]
    levels = [_without_folders([str(each) for each in lean]), _without_folders(references), references]
    level = [0] * len(references)
    while True:
        names = [levels[depth][index] for index, depth in enumerate(level)]
        counts = Counter(names)
        unclear = [i for i, name in enumerate(names) if counts[name] > 1 and level[i] + 1 < len(levels)]
        if not unclear:
            return dict(zip(references, names, strict=True))
        for index in unclear:
            level[index] += 1


def _telling(members: Sequence[_Parts]) -> set[str]:
    """The parameters worth saying: those that differ between the members, or from the default of a lone one."""
    defaults = _defaults(members[0].head)
    keys = {key for each in members for key in each.params}
    values = {key: {_value(each.params.get(key, defaults.get(key))) for each in members} for key in keys}
    if len(members) == 1:
        return {key for key in keys if key not in defaults or values[key] != {_value(defaults[key])}}
    return {key for key in keys if len(values[key]) > 1}


def _defaults(name: str) -> dict[str, Any]:
    """Defaults of a plugin's parameters; none for a file's plugin, which would have to be run to know them."""
    if "@" in name:
        return {}
    try:
        parameters = decision_source.get(name).parameters
    except RookError:
        return {}
    return {key: parameter.default for key, parameter in parameters.items() if parameter.default is not parameter.empty}


def _value(value: Any) -> float | str:
    """A value as it is compared: 2.5 and "2.50" are the same, and so are True and "true"."""
    try:
        return float(str(value))
    except ValueError:
        return str(value).casefold()


def _without_folders(texts: Sequence[str]) -> list[str]:
    """The texts with as little of their paths as tells them apart."""
    pieces = [re.split("([:@=,])", text) for text in texts]
    bare = ["".join(_tail(piece, 1) for piece in split) for split in pieces]
    alike: dict[str, list[list[str]]] = {}
    for name, split in zip(bare, pieces, strict=True):
        alike.setdefault(name, []).append(split)
    # Names that are equal have the same delimiters, so their pieces stand in the same places.
    return [
        name
        if len(alike[name]) == 1
        else "".join(_apart(piece, others) for piece, *others in zip(split, *alike[name], strict=True))
        for name, split in zip(bare, pieces, strict=True)
    ]


def _tail(path: str, parts: int) -> str:
    return "/".join(path.rstrip("/").split("/")[-parts:]) or path


def _apart(path: str, others: Sequence[str]) -> str:
    """The shortest end of a path that no other path ends in."""
    rivals = {other for other in others if other != path}
    for parts in range(1, 1 + max(other.count("/") + 1 for other in (path, *others))):
        end = _tail(path, parts)
        if all(_tail(rival, parts) != end for rival in rivals):
            return end
    return path


def _fitting(names: Sequence[str], longest: int) -> dict[str, str]:
    """Each name with its parameters made short enough, plugin by plugin, where that helps."""
    found = {name: name for name in names}
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_parts(name).head, []).append(name)
    for members in groups.values():
        form: Sequence[str] = members
        parts = [_parts(name) for name in members]
        for shorter in _lone(parts[0]) if len(parts) == 1 else _together(parts):
            if all(len(text) <= longest for text in form):
                break
            form = shorter
        found.update(zip(members, form, strict=True))
    return found


Forms = Iterable[Sequence[str]]
"""Ever shorter texts of the same references."""


def _lone(parts: _Parts) -> Forms:
    params = list(parts.params.items())
    while params:
        params.pop()
        said = [*([] if parts.argument is None else [parts.argument]), *(f"{key}={value}" for key, value in params)]
        yield [f"{parts.head}:{','.join([*said, ELLIPSIS])}"]


def _together(members: Sequence[_Parts]) -> Forms:
    keys = sorted({key for each in members for key in each.params})
    same = len({each.argument for each in members}) == 1 and members[0].argument is not None
    for drop in (False, True) if same else (False,):
        shown = [replace(each, argument=ELLIPSIS) for each in members] if drop else members
        for letters in range(max(map(len, keys), default=0), 0, -1):
            brief = {key: _brief(key, keys, letters) for key in keys}
            yield [
                str(replace(each, params={brief[key]: value for key, value in each.params.items()})) for each in shown
            ]


def _brief(key: str, keys: Sequence[str], letters: int) -> str:
    """At least so many first letters of a parameter's name, and no other's."""
    starts = (key[:count] for count in range(letters, len(key)))
    return next((start for start in starts if not any(k.startswith(start) for k in keys if k != key)), key)


def _squeezed(names: Sequence[str], longest: int) -> list[str]:
    """Names that are still too long without part of their middle, but with what tells them from the others."""
    head, tail = _halves(longest)
    result = []
    for name in names:
        if len(name) <= longest:
            result.append(name)
            continue
        shared = [(_shared(name, other), _shared(name[::-1], other[::-1])) for other in names if other != name]
        # Those that would look the same once the middle is gone.
        near = [(start, end) for start, end in shared if start >= head and end >= tail]
        if not near:
            result.append(shorten(name, longest))
            continue
        start, end = (min(numbers) for numbers in zip(*near, strict=True))
        result.append(_window(name, min(start, len(name) - end), max(start, len(name) - end), longest))
    return result


def _shared(one: str, other: str) -> int:
    """How many first letters two names share."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _window(name: str, start: int, stop: int, longest: int) -> str:
    """The name with name[start:stop] and as much of both sides as fits."""
    spare = longest - (stop - start)
    if spare < 2:
        return shorten(name, longest)
    before = min(start, max(spare // 2, spare - (len(name) - stop)))
    return shorten(name[:start], before) + name[start:stop] + shorten(name[stop:], spare - before)


def _numbered(names: Sequence[str], references: Sequence[str], longest: int | None) -> list[str]:
    """Equal names numbered from the second on ("hold", "hold (2)"), in the order of their references."""
    fit: Callable[[str, int], str] = shorten if longest is not None else lambda text, length: text
    taken, result = {name for name, count in Counter(names).items() if count == 1}, list(names)
    for index in sorted(range(len(names)), key=lambda index: (references[index], index)):
        name, number = names[index], 1
        if Counter(names)[name] == 1:
            continue
        candidate = name
        while candidate in taken:
            number += 1
            mark = f" ({number})"
            candidate = fit(name, (longest or 0) - len(mark)) + mark
        taken.add(candidate)
        result[index] = candidate
    return result
