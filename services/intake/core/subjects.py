"""What a subject is about: without what mailers and lists put before it (RFC 5256, 2.1)."""

from __future__ import annotations

import re
from typing import Final

from services.intake.core.phrases import any_word_of, listed

# VS is an answer in Finnish and passes on in Danish and Norwegian; it counts as an answer.
REPLIES: Final = listed("""
    en re
    de aw, antw, antwort
    pt res
    it r, rif
    lt ats
    sv sv, ang
    fi vs
    pl odp
    hu vá, válasz
    tr ynt, yanıt
    el απ, σχετ
    ru ответ, отв
    uk відп
    he השב, תשובה
    ar رد
    zh 回复, 回覆, 答复
    ja 返信, 回信
    ko 답장, 회신
    vi trả lời
    id bls, balas
""")
FORWARDS: Final = listed("""
    en fw, fwd
    de wg, weiterl
    fr tr
    es rv
    pt enc
    it i
    nl doorst
    sv vb, vid
    fi vl
    pl pd
    hu továbbítás
    tr ilt, i̇lt
    el πρθ, προωθ
    ru пересл
    he הועבר
    ar إعادة توجيه
    zh 转发, 轉寄, 轉發
    ja 転送
    ko 전달
    vi chuyển tiếp
    id terusan
""")
_COUNT: Final = r"\s*(?:\[\d{1,3}\]|\(\d{1,3}\)|\^\d{1,3}|\*\d{1,3}|\d{1,3})?\s*"
_PREFIX: Final = re.compile(
    rf"\s*(?:(?P<forward>{any_word_of(FORWARDS)})|{any_word_of(REPLIES)}){_COUNT}[:：]\s*",
    re.IGNORECASE,
)
_BLOB: Final = re.compile(r"\s*\[[^\[\]]{0,80}\]\s*")
_TICKET: Final = re.compile(r"\s*[\[(](?:[^\[\]()]{0,30}[#:№]\s?)[\w-]{1,30}[\])]\s*$")
_TRAILER: Final = re.compile(r"\s*\(fwd\)\s*$", re.IGNORECASE)


def base_subject(subject: str) -> str:
    """The subject without prefixes and tags in brackets, in the case that it is written in.

    Mails of one matter have the same one but for case. Empty if there is nothing else.
    """
    text = " ".join(subject.split())
    while True:
        shorter = _TRAILER.sub("", _TICKET.sub("", text))
        found = _PREFIX.match(shorter) or _BLOB.match(shorter)
        if found is not None and (found.re is _PREFIX or found.end() < len(shorter)):
            shorter = shorter[found.end() :]
        if shorter == text:
            return text.strip()
        text = shorter


def is_forward(subject: str) -> bool:
    """Whether a mail with this subject passes on another one: its foremost prefix says so."""
    found = _foremost(subject)
    return bool(found["forward"] if found else _TRAILER.search(subject))


def is_answer(subject: str) -> bool:
    """Whether a mail with this subject answers another: its foremost prefix says so."""
    found = _foremost(subject)
    return found is not None and not found["forward"]


def _foremost(subject: str) -> re.Match[str] | None:
    text = subject
    while (blob := _BLOB.match(text)) is not None:
        text = text[blob.end() :]
    return _PREFIX.match(text)
