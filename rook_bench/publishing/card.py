"""The card of a model on a hub: what its folder says of it, and what a gate said, in the hub's own form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rook_bench.gates.formats.model_card import eval_results, measured
from rook_bench.gates.formats.summary import to_summary
from rook_bench.language.manifest import Manifest

TAGS = ("rook-bench", "trading")

_SOURCE = {"lora": "lora", "full": "model"}

_FRONT = re.compile(r"\A\s*---.*?\n---[ \t]*(\n|\Z)", re.DOTALL)

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def hub_card(
    manifest: Manifest,
    readme: str | None,
    name: str,
    *,
    verdict: Mapping[str, Any] | None = None,
    license: str | None = None,
) -> str:
    """README.md for a hub.

    Args:
        manifest: the record of the model.
        readme: its own card, which is kept; None writes a few lines.
        name: ORG/NAME that it gets.
        verdict: what a gate said of it: its figures become results, its reasons a section.
        license: as the hub names licences.
    """
    from huggingface_hub import ModelCard, ModelCardData

    front = _FRONT.match(readme or "")
    text, told, results = (readme or "")[front.end() if front else 0 :].strip(), {}, []
    if front:
        with suppress(Exception):  # of a stranger's card: whatever its front matter is, the text is kept
            own: Any = ModelCard(str(readme), ignore_metadata_errors=True).data
            results, told = list(own.eval_results or []), own.to_dict()
    told.pop("model-index", None)
    bases = told.pop("base_model", None) or manifest.base.reference
    bases = [base for base in (bases if isinstance(bases, list) else [bases]) if _on_hub(str(base))]
    data = ModelCardData(
        **{
            key: value
            for key, value in told.items()
            if key not in ("model_name", "tags", "license", "library_name", "pipeline_tag")
        },
        base_model=(bases[0] if len(bases) == 1 else bases) or None,
        library_name="peft" if manifest.kind == "lora" else "transformers",
        pipeline_tag="text-generation",
        tags=list(dict.fromkeys([*(told.get("tags") or []), *TAGS, manifest.kind])),
        license=license or told.get("license"),
        model_name=name.partition("/")[2] or name,
        eval_results=[*results, *(_results(verdict) if verdict else [])] or None,
    )
    body = text or _few_lines(manifest, name)
    parts = [body, *([_gate(verdict)] if verdict else []), _check(name, _SOURCE[manifest.kind], verdict is not None)]
    return f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(part.strip() for part in parts) + "\n"


def _on_hub(base: str) -> bool:
    """Whether a base's name is one of the hub, and not a folder here of the same look."""
    return bool(_HUB_NAME.fullmatch(base)) and not Path(base).exists()


def _results(verdict: Mapping[str, Any]) -> list[Any]:
    tape = verdict["tape"]
    dataset = f"{tape['pair']}, {tape['first_at'][:10]} to {tape['last_at'][:10]}"
    return eval_results(measured(verdict), dataset=dataset, revision=tape["data_hash"])


def _few_lines(manifest: Manifest, name: str) -> str:
    kind = "A LoRA adapter of" if manifest.kind == "lora" else "A model:"
    return (
        f"# {name.partition('/')[2] or name}\n\n{kind} {manifest.base.reference}, asked with the prompt "
        f"`{manifest.template.name}` version {manifest.template.version} (`{manifest.template.sha256[:16]}`) whether "
        "to buy, to sell or to hold. Not for trading: nothing here says that it earns money."
    )


def _gate(verdict: Mapping[str, Any]) -> str:
    return to_summary(dict(verdict)) + f"\nVerdict `{verdict['hash']}`, judged {verdict['judged_at']}."


def _check(name: str, kind: str, judged: bool) -> str:
    lies = "\n\nThe verdict itself and its report lie in `gate/`." if judged else ""
    return (
        "## Ask and judge it again\n\n"
        f"```bash\nrook-bench adopt {name}\nrook-bench gate --policy first-champion --data TAPE "
        f"--candidate {kind}:{name} --out reports/again\n```\n\n"
        f"`rook.json` holds its prompt, and the hash of every file.{lies}"
    )
