"""One row with its draft, and the forms that trainers read it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from rook_bench.core import UnknownName

Form = Literal["prompt-completion", "conversational", "preference", "unpaired"]
FORMS: tuple[Form, ...] = ("prompt-completion", "conversational", "preference", "unpaired")
"""The first is what `train` reads; all are TRL's."""


@dataclass(frozen=True)
class DraftRow:
    """A kept draft.

    Attributes:
        split, row: "train" or "validation", and its row there; at: when, ISO 8601, UTC.
        prompt: as the model sees it.
        shown, levels: number and level of each step of the draft.
        verdicts: the words of the levels; fields: what the steps are about.
        completion: draft and answer, in the draft's order.
        label: BUY, HOLD or SELL; rule: that chose it.
        teacher: who wrote the draft.
        wrong: a completion of the same form that is not true: its deciding verdict turned, and another side.
    """

    split: str
    row: int
    at: str
    prompt: str
    fields: tuple[str, ...]
    shown: tuple[str, ...]
    levels: tuple[int, ...]
    verdicts: tuple[str, ...]
    completion: str
    label: str
    rule: str
    teacher: str
    wrong: str

    def lines(self, form: Form) -> list[dict[str, Any]]:
        """What a file of that form holds of it."""
        facts = {
            "split": self.split,
            "row": self.row,
            "at": self.at,
            "label": self.label,
            "rule": self.rule,
            "teacher": self.teacher,
            "steps": [
                {"field": field, "shown": shown, "verdict": verdict.strip(), "level": level}
                for field, shown, verdict, level in zip(
                    self.fields, self.shown, self.verdicts, self.levels, strict=True
                )
            ],
        }
        match form:
            case "prompt-completion":
                return [{"prompt": self.prompt, "completion": self.completion, **facts}]
            case "conversational":
                asked = [{"role": "user", "content": self.prompt.strip()}]
                said = [{"role": "assistant", "content": self.completion.strip()}]
                return [{"prompt": asked, "completion": said, **facts}]
            case "preference":
                return [{"prompt": self.prompt, "chosen": self.completion, "rejected": self.wrong, **facts}]
            case "unpaired":  # "label" is TRL's word for whether a completion is wanted
                facts["side"] = facts.pop("label")
                return [
                    {"prompt": self.prompt, "completion": text, "label": good, **facts}
                    for text, good in ((self.completion, True), (self.wrong, False))
                ]


def check_form(form: str) -> Form:
    """UnknownName for what is no form."""
    if form not in FORMS:
        raise UnknownName("format", form, FORMS, where="--format")
    return form
