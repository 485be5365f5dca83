"""How a person names a plugin on one line."""

from __future__ import annotations

import re
from pathlib import Path

_FILE_ALONE = re.compile(r"(.+?\.py)(?::|$)")


def parse_reference(text: str) -> tuple[str, str | None, dict[str, str]]:
    """Split `name`, `name:argument`, `name:key=value,...` or `name:argument,key=value,...`.

    The name may be `path.py@name`.

    Returns the name, the plain argument if there is one, and the named parameters.
    """
    file = _IN_FILE.match(text)
    # An @ anywhere else belongs to a path: "rules:sp@ce/rules.json".
    head, colon, rest = text.partition(":") if file is None else _split_after_at(text, file[1])
    if not colon:
        return head, None, {}
    pairs = [part.partition("=") for part in rest.split(",")]
    if all(equals for _, equals, _ in pairs):
        return head, None, {key.strip(): value.strip() for key, _, value in pairs}
    first, *others = pairs
    if others and not first[1] and all(equals for _, equals, _ in others):
        return head, first[0], {key.strip(): value.strip() for key, _, value in others}
    return head, rest, {}


_IN_FILE = re.compile(r"(.+?\.py)@")


def plugin_path(text: str) -> Path | None:
    """The file of `path.py@name`; None of a reference by name."""
    file = _IN_FILE.match(text)
    return None if file is None else Path(file[1])


def file_alone(text: str) -> str | None:
    """The path of a reference to a file that does not say which of its plugins is meant."""
    found = None if _IN_FILE.match(text) else _FILE_ALONE.match(text)
    return None if found is None else found[1]


def _split_after_at(text: str, path: str) -> tuple[str, str, str]:
    name, colon, argument = text[len(path) + 1 :].partition(":")
    return f"{path}@{name}", colon, argument


def short_name(reference: str) -> str:
    """A reference without the folders of the paths in it."""
    return re.sub(r"[^:@=,]*/", "", reference)
