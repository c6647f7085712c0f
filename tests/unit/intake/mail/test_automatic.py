"""Mail that nobody has written, by the rule that tells it, and subjects."""

from __future__ import annotations

import pytest

from services.intake.core.subjects import base_subject, is_forward
from services.intake.shell.mail.automatic import automatic
from services.intake.shell.mail.headers import Headers
from services.intake.shell.mail.mail import Automatic
from services.intake.shell.mail.reading import read
from tests.unit.intake.mail.mails import HEAD, mail

NO, AUTO, BOUNCE = Automatic.NO, Automatic.AUTO_REPLY, Automatic.BOUNCE
BULK, LOOP = Automatic.BULK, Automatic.LOOP
DSN = "multipart/report; report-type=delivery-status; boundary=x"


@pytest.mark.parametrize(
    ("kind", "fields", "whose"),
    [
        (AUTO, ["Auto-Submitted: auto-replied"], "RFC 3834, 5"),
        (AUTO, ["Auto-Submitted: auto-replied; vacation"], "Sieve, Cyrus"),
        (AUTO, ["Auto-Submitted: auto-replied (zimbra; vacation)"], "Zimbra"),
        (AUTO, ["Auto-Submitted: auto-generated"], "RFC 3834, 5"),
        (AUTO, ["Auto-Submitted: auto-notified"], "RFC 5436, 2.7"),
        (AUTO, ["auto-submitted: AUTO-REPLIED", "Precedence: bulk"], "vacation(1)"),
        (NO, ["Auto-Submitted: no"], "RFC 3834, 5"),
        (NO, ["Auto-Submitted: No (a person)"], "RFC 3834, 5"),
        (AUTO, ["X-Auto-Response-Suppress: All"], "MS-OXCMAIL"),
        (AUTO, ["X-Auto-Response-Suppress: DR, OOF, AutoReply"], "MS-OXCMAIL"),
        (NO, ["X-Auto-Response-Suppress: None"], "MS-OXCMAIL"),
        (NO, ["X-Auto-Response-Suppress: DR, RN"], "MS-OXCMAIL: receipts only"),
        (AUTO, ["X-Autoreply: yes"], "Horde"),
        (AUTO, ["X-Autorespond: Away"], "cPanel"),
        (AUTO, ["X-Autoresponder: vacation"], "Plesk"),
        (NO, ["X-Autoreply: no"], "GMX"),
        (AUTO, ["Precedence: auto_reply"], "FirstClass"),
        (AUTO, ["X-FC-MachineGenerated: true"], "FirstClass"),
        (
            AUTO,
            ["Content-Type: multipart/report; report-type=disposition-notification"],
            "RFC 8098",
        ),
        (BOUNCE, [f"Content-Type: {DSN}"], "RFC 3464"),
        (BOUNCE, [f"Content-Type: {DSN}", "Auto-Submitted: auto-replied"], "Postfix"),
        (BOUNCE, ['Content-Type: multipart/report; REPORT-TYPE="Delivery-Status"'], "RFC 3464"),
        (BOUNCE, ["Content-Type: multipart/report; report-type=feedback-report"], "RFC 5965"),
        (BOUNCE, ["Content-Type: message/delivery-status"], "RFC 3464"),
        (BOUNCE, ["X-Failed-Recipients: a@example.org"], "Exim, Gmail"),
        (BOUNCE, ["Return-Path: <>"], "RFC 5321, 4.5.5"),
        (AUTO, ["Return-Path: <>", "Auto-Submitted: auto-replied"], "RFC 3834, 3.3"),
        (NO, ["Return-Path: <jane@example.org>"], "RFC 5321"),
        (BULK, ["Precedence: bulk"], "Zammad"),
        (BULK, ["Precedence: list", "List-Id: <tea.example.org>"], "Mailman"),
        (BULK, ["Precedence: Junk"], "Zammad"),
        (NO, ["Precedence: first-class"], "sendmail"),
        (BULK, ["List-Unsubscribe: <https://example.org/u>"], "RFC 2369, Zammad"),
        (BULK, ["List-Id: Tea <tea.example.org>"], "RFC 2919"),
        (
            BULK,
            ["Auto-Submitted: auto-generated", "List-Unsubscribe: <mailto:u@x>"],
            "a newsletter",
        ),
        (BULK, ["X-Auto-Response-Suppress: All", "List-Unsubscribe: <mailto:u@x>"], "a newsletter"),
        (BULK, ["X-Loop: tea@lists.example.org"], "Smartlist"),
        (LOOP, ["X-Loop: yes"], "Zammad, OTRS"),
        (LOOP, ["X-Loop: True", "Auto-Submitted: auto-replied"], "Zammad"),
        (LOOP, ["X-Loop: yes", f"Content-Type: {DSN}"], "a desk's"),
        (NO, ["X-Switchboard-Message: 0195@example.com"], "a person at another desk"),
        (NO, ["X-MS-Exchange-Inbox-Rules-Loop: a@example.org"], "Exchange: a person's rule"),
    ],
)
def test_what_a_header_says(kind: Automatic, fields: list[str], whose: str) -> None:
    assert read(mail("x", *fields, head=HEAD)).automatic is kind, whose


@pytest.mark.parametrize("name", ["MAILER-DAEMON", "postmaster", "Mail-Daemon"])
def test_a_mail_system_reports(name: str) -> None:
    raw = f"From: Mail System <{name}@example.org>\r\nSubject: Undelivered\r\n\r\nx".encode()
    assert read(raw).automatic is BOUNCE


@pytest.mark.parametrize(
    "subject",
    [
        *(
            "Automatic reply: Tea",
            "Auto-Reply: Tea",
            "Autoreply",
            "Auto: Tea",
            "Out of Office: Tea",
        ),
        *(
            "Out of the office",
            "Automatische Antwort: Tee",
            "Abwesenheitsnotiz: Tee",
            "Abwesend: Tee",
        ),
        *("Automatisch antwoord: thee", "Réponse automatique : thé", "Respuesta automática: té"),
        *(
            "Resposta automática: chá",
            "Risposta automatica: tè",
            "Autosvar: te",
            "Automatisk svar: te",
        ),
        *("Automatiskt svar: te", "Automaattinen vastaus: tee", "Odpowiedź automatyczna: herbata"),
        *("Automatická odpověď: čaj", "Automatikus válasz: tea", "Otomatik yanıt: çay"),
        *("Автоматический ответ: чай", "自动回复: 茶", "自動応答: 茶", "자동 회신: 차"),
        "=?utf-8?q?R=C3=A9ponse_automatique?=",
    ],
)
def test_a_subject_is_the_last_to_tell(subject: str) -> None:
    assert read(mail("x", f"Subject: {subject}", head="")).automatic is AUTO
    assert read(mail("x", f"Subject: Re: {subject}", head="")).automatic is NO
    headers = Headers([("Precedence", "list")])
    assert automatic(headers, from_address="a@x", subject=subject) is BULK


@pytest.mark.parametrize("subject", ["Automatic doors", "My office", "Autos", "Office hours", ""])
def test_other_subjects_say_nothing(subject: str) -> None:
    assert read(mail("x", f"Subject: {subject}", head="")).automatic is NO


def test_the_list_is_named() -> None:
    assert read(b"List-Id: Tea lovers <tea.example.org>\r\n\r\n").list_id == "tea.example.org"
    assert read(b"List-Id: tea\r\n\r\n").list_id == "tea"


@pytest.mark.parametrize(
    ("subject", "base"),
    [
        ("Tea", "Tea"),
        ("Re: Tea", "Tea"),
        ("RE: AW: WG: sv: Tea", "Tea"),
        ("Re[2]: Tea", "Tea"),
        ("Re (3): Tea", "Tea"),
        ("Re^2: Tea", "Tea"),
        ("Re : Tea", "Tea"),
        ("Fwd: [list] Re: Tea", "Tea"),
        ("[list] Tea", "Tea"),
        ("[a] [b] Tea", "Tea"),
        ("[list]", "[list]"),  # RFC 5256: a tag that is all there is
        ("Re: [list]", "[list]"),
        ("Tea (fwd)", "Tea"),
        ("Re: Tea [Ticket#2023040310]", "Tea"),
        ("Tea (#123)", "Tea"),
        ("Tea (green)", "Tea (green)"),
        ("Antw: Thee", "Thee"),
        ("TR : Thé", "Thé"),
        ("RIF: Tè", "Tè"),
        ("R: I: Tè", "Tè"),
        ("RES: ENC: Chá", "Chá"),
        ("Odp: PD: Herbata", "Herbata"),
        ("VS: VL: Tee", "Tee"),
        ("YNT: Çay", "Çay"),
        ("Απ: ΠΡΘ: Τσάι", "Τσάι"),
        ("Ответ: Чай", "Чай"),
        ("回复：转发：茶", "茶"),
        ("답장: 차", "차"),
        ("  Re:   two   words ", "two words"),
        ("Regarding: tea", "Regarding: tea"),
        ("Tea: Re: x", "Tea: Re: x"),
        ("Re:", ""),
        ("", ""),
    ],
)
def test_base_subject(subject: str, base: str) -> None:
    assert base_subject(subject) == base
    assert base_subject(base) == base


@pytest.mark.parametrize(
    ("subject", "forward"),
    [
        ("Fwd: Tea", True),
        ("FW: Re: Tea", True),
        ("[list] Fwd: Tea", True),
        ("WG: Tee", True),
        ("TR: Thé", True),
        ("I: Tè", True),
        ("RV: Té", True),
        ("ENC: Chá", True),
        ("转发：茶", True),
        ("Tea (fwd)", True),
        ("Re: Fwd: Tea", False),
        ("Re: Tea (fwd)", False),
        ("Forward: march", False),
        ("Tea", False),
        ("", False),
    ],
)
def test_is_forward(subject: str, forward: bool) -> None:
    assert is_forward(subject) is forward
