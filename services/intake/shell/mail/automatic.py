"""Tells mail that no person has written, by its header.

Rules of RFC 3834 (Auto-Submitted), RFC 3464 and 5965 (reports), RFC 2369 and 2919 (lists),
Microsoft's MS-OXCMAIL (X-Auto-Response-Suppress), and those that Zammad goes by.
"""

from __future__ import annotations

import re
from typing import Final

from services.intake.core.phrases import any_of, listed
from services.intake.shell.mail.headers import Headers
from services.intake.shell.mail.mail import Automatic

_REPORT: Final = re.compile(r'report-type\s*=\s*"?([\w-]+)', re.IGNORECASE)
_REPORTS_ON_OURS: Final = frozenset({"delivery-status", "feedback-report"})
_SYSTEMS: Final = frozenset({"mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon"})
_YES: Final = frozenset({"yes", "true"})
_SAYS_NO: Final = frozenset({"", "no", "false", "none"})
_RESPONDERS: Final = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-auto-reply",
    "x-autoreply-from",
    "x-mail-autoreply",
)
_SUPPRESSED: Final = frozenset({"all", "oof", "autoreply"})
_BULK: Final = frozenset({"bulk", "list", "junk"})
_LIST_FIELDS: Final = ("list-id", "list-unsubscribe", "list-post", "mailing-list")
_SUBJECTS: Final = re.compile(
    r"\s*"
    + any_of(
        listed(r"""
        en auto(?:matic|mated)?[- ]?(?:reply|response)\b, auto:
        en out[- ]of[- ](?:the[- ])?office\b, on vacation\b, away from (?:the |my )?office
        de automatische (?:E-Mail-)?Antwort, Abwesend:, Abwesenheit:
        de Abwesenheits(?:notiz|meldung|assistent|benachrichtigung)
        nl automatisch antwoord, afwezigheids(?:bericht|melding), niet aanwezig:
        fr réponse automatique, message d['’]absence, absent? du bureau, absence du bureau
        es respuesta automática, fuera de (?:la )?oficina
        ca resposta automàtica
        pt resposta automática, ausência temporária, fora do escritório
        it risposta automatica, fuori (?:sede|ufficio)
        ro răspuns automat
        sv autosvar, automatiskt svar, frånvaro
        da automatisk svar, autosvar, fraværsbesked
        fi automaattinen vastaus, poissaoloviesti
        pl autoodpowiedź, odpowiedź automatyczna, automatyczna odpowiedź
        cs automatická odpověď
        sk automatická odpoveď
        hu automatikus válasz
        tr otomatik yanıt
        ru автоответ, автоматический ответ
        uk автоматична відповідь
        el αυτόματη απάντηση
        he תשובה אוטומטית, מענה אוטומטי
        ar (?:ال)?رد (?:ال)?تلقائي
        zh 自动回复, 自動回覆
        ja 自動応答, 自動返信
        ko 자동 회신, 자동 응답
        vi trả lời tự động
        id balasan otomatis
        """)
    ),
    re.IGNORECASE,
)


def automatic(headers: Headers, *, from_address: str, subject: str) -> Automatic:
    """Which kind of automatic mail this is, `NO` for a person's.

    The first that fits: a program's answer may be sent in bulk, and a mail system's report is an
    automatic one.
    """
    if _word(headers, "x-loop") in _YES:
        return Automatic.LOOP
    if _is_report(headers, from_address):
        return Automatic.BOUNCE
    if _is_automat(headers):
        return Automatic.AUTO_REPLY
    if _is_bulk(headers):
        return Automatic.BULK
    if _has_no_way_back(headers):
        return Automatic.BOUNCE
    return Automatic.AUTO_REPLY if _SUBJECTS.match(subject) else Automatic.NO


def _word(headers: Headers, name: str) -> str:
    """A field's first word: what stands before a comment or a parameter."""
    return re.split(r"[\s;(,]", headers.first(name).strip().lower(), maxsplit=1)[0]


def _is_report(headers: Headers, from_address: str) -> bool:
    """Delivery reports and complaints (RFC 3464, 5965), and what older mail systems send."""
    content_type = headers.first("content-type")
    report = _REPORT.search(content_type)
    return (
        bool(report and report[1].lower() in _REPORTS_ON_OURS)
        or content_type.lower().startswith("message/delivery-status")
        or "x-failed-recipients" in headers  # Exim, Gmail
        or from_address.partition("@")[0].lower() in _SYSTEMS
    )


def _is_automat(headers: Headers) -> bool:
    submitted = _word(headers, "auto-submitted")
    if submitted == "auto-generated" and _is_bulk(headers):
        return False  # a newsletter that says so
    suppressed = re.split(r"[\s,;]+", headers.first("x-auto-response-suppress").lower())
    report = _REPORT.search(headers.first("content-type"))
    return (
        submitted not in _SAYS_NO
        or any(_word(headers, name) not in _SAYS_NO for name in _RESPONDERS)
        or _word(headers, "precedence") in {"auto_reply", "auto-reply"}
        or bool(_SUPPRESSED.intersection(suppressed) and not _is_bulk(headers))
        or bool(report and report[1].lower() == "disposition-notification")  # RFC 8098: receipts
        or _word(headers, "x-fc-machinegenerated") in _YES  # FirstClass
    )


def _is_bulk(headers: Headers) -> bool:
    """Sent to many. Lists put their address into X-Loop; help desks and responders a yes."""
    return (
        _word(headers, "precedence") in _BULK
        or any(name in headers for name in _LIST_FIELDS)
        or "x-loop" in headers
    )


def _has_no_way_back(headers: Headers) -> bool:
    """The null reverse-path: of reports, and of what wants no answer (RFC 5321, 4.5.5)."""
    return headers.first("return-path").replace(" ", "") == "<>"
