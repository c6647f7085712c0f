"""Subjects of mail without what mail programs put in front of them (RFC 5256, 2.1, and beyond)."""

from __future__ import annotations

import re
from typing import Final

_ANSWER: Final = (
    r"re|aw|antw|antwort|sv|vs|odp|ynt|rif|res|ref|r|回复|回覆|答复|返信|회신|отв|απ|hal|atb|bls|vá"
)
_FORWARD: Final = r"fwd?|wg|vb|vl|tr|rv|enc|i|doorst|转发|轉寄|転送|전달|пер|πρθ|pd|továbbítás"
_COUNT: Final = r"(?:\s*[\[(]\d{1,3}[\])])?"
_PREFIX: Final = re.compile(rf"\s*(?:{_ANSWER}|{_FORWARD}){_COUNT}\s*[:：]\s*", re.IGNORECASE)
_ANSWERED: Final = re.compile(rf"\s*(?:{_ANSWER}){_COUNT}\s*[:：]", re.IGNORECASE)
_FORWARDED: Final = re.compile(rf"\s*(?:{_FORWARD}){_COUNT}\s*[:：]", re.IGNORECASE)
_TAG: Final = re.compile(r"\s*\[[^\[\]]{1,64}\]\s*")
_PREFIXES_MAX: Final = 32


def base_subject(subject: str) -> str:
    """What the mail is about: without prefixes of answers and forwards, and without list tags."""
    rest = subject
    for _ in range(_PREFIXES_MAX):
        found = _PREFIX.match(rest) or _TAG.match(rest)
        if found is None or not rest[found.end() :].strip():
            break
        rest = rest[found.end() :]
    return " ".join(rest.casefold().split())


def is_answer(subject: str) -> bool:
    """Whether the subject says that the mail answers another; a forward begins anew."""
    rest = subject
    while (tag := _TAG.match(rest)) is not None:
        rest = rest[tag.end() :]
    return _ANSWERED.match(rest) is not None and _FORWARDED.match(rest) is None
