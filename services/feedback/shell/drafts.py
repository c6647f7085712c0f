"""What a customer's browser sent: the fields of a form or of a JSON object, or what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID

import orjson

from services.chassis.ids import new_id
from services.feedback.core.policies import COMMENT_MAX, SCORES

FIELDS_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer not yet checked against its link. `problem` is empty where it can be recorded."""

    score: int = 0
    comment: str = ""
    request_id: str = ""
    problem: str = ""


def read_draft(raw: bytes, *, as_json: bool) -> Draft:
    """The draft in a body, whatever the body holds. A missing request id is made up here."""
    try:
        fields = _json(raw) if as_json else _form(raw)
    except ValueError:
        return Draft(request_id=new_id(), problem="body: a form or a JSON object in UTF-8")
    comment, request_id = fields.get("comment", ""), _uuid(fields.get("request_id"))
    draft = Draft(score=_score(fields.get("score")), request_id=request_id or new_id())
    if not isinstance(comment, str) or "\0" in comment or len(comment) > COMMENT_MAX:
        return _wrong(draft, f"comment: text of at most {COMMENT_MAX} characters")
    draft = Draft(score=draft.score, comment=comment, request_id=draft.request_id)
    if draft.score not in SCORES:
        return _wrong(draft, f"score: a number from {SCORES[0]} to {SCORES[-1]}")
    if fields.get("request_id") and not request_id:
        return _wrong(draft, "request_id: a UUID")
    return draft


def _wrong(draft: Draft, problem: str) -> Draft:
    return Draft(draft.score, draft.comment, draft.request_id, problem)


def _json(raw: bytes) -> dict[str, Any]:
    parsed = orjson.loads(raw)
    return parsed if isinstance(parsed, dict) else {}


def _form(raw: bytes) -> dict[str, Any]:
    pairs = parse_qs(raw.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    # Browsers send line ends as CR LF; the limit counts what the customer sees.
    return {name: values[-1].replace("\r\n", "\n") for name, values in pairs.items()}


def _score(value: object) -> int:
    """The score, or 0 where it is none."""
    text = "" if isinstance(value, bool) else str(value)
    return int(text) if text.isascii() and text.isdigit() and int(text[:2]) in SCORES else 0


def _uuid(value: object) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        return ""
