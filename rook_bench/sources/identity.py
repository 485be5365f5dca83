"""What decides, apart from where it lies: the hashes of a source that a verdict and a promotion go by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rook_bench.core.hashing import PACKAGE, sha256_file, sha256_json
from rook_bench.language.manifest import adapter_hash, read_manifest
from rook_bench.plugins import Choice, decision_source

NOTHING: dict[str, str | None] = {"adapter_hash": None, "base_hash": None, "prompt_hash": None}


def identity_of(reference: str) -> dict[str, str | None]:
    """The hashes of the language model behind a source; all None where there is none.

    Returns:
        `adapter_hash` (record and files as they are now), `base_hash` (weights of the base the
        adapter belongs to) and `prompt_hash` (its template).

    Raises:
        InputError: where the adapter is missing or its record can't be read.
    """
    choice = decision_source.choose(reference)
    adapter = choice.params.get("adapter")
    if not choice.plugin.traits.get("language_model") or adapter is None:
        return dict(NOTHING)
    manifest = read_manifest(adapter)
    return {
        "adapter_hash": adapter_hash(adapter),
        "base_hash": manifest.base.sha256,
        "prompt_hash": sha256_json(manifest.template.model_dump(mode="json")),
    }


def fingerprint_of(reference: str, content: str | None = None) -> str:
    """One hash of plugin, parameters and content: equal for two references that decide alike, wherever they lie.

    Args:
        reference: the source.
        content: its `Source.content`, where that is known; otherwise it is read now.

    Raises:
        InputError: where the file or folder that the source is made from is missing.
    """
    choice = decision_source.choose(reference)
    read = choice.plugin.traits.get("content")
    if read is None:
        content = ""
    elif content is None:
        content = read(**choice.params)
    return sha256_json(
        {
            "plugin": choice.plugin.name,
            "file": plugin_file_hash(choice),
            "params": _portable(choice, covered=read is not None),
            "content": content,
        }
    )


def plugin_file_hash(choice: Choice) -> str | None:
    """SHA-256 of a user's plugin file (its text, in memory); None for a built-in, which the hash of the code covers."""
    plugin = choice.plugin
    if plugin.in_memory:
        return plugin.sha256
    return None if plugin.file.is_relative_to(PACKAGE) else sha256_file(plugin.file)


def _portable(choice: Choice, *, covered: bool) -> dict[str, Any]:
    """The parameters with defaults; a path is left to the content hash, or replaced by the hash of its file."""
    portable: dict[str, Any] = {}
    for key, value in choice.spec().params.items():
        if "Path" in str(choice.plugin.parameters[key].annotation) and covered:
            continue
        is_file = isinstance(value, str) and not covered and Path(value).is_file()
        portable[key] = sha256_file(value) if is_file else value
    return portable
