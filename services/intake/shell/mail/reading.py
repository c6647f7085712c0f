"""Reads a mail: its bytes, or the fields into which a provider has taken it apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from services.intake.core.subjects import is_forward
from services.intake.shell.mail.addresses import mailboxes
from services.intake.shell.mail.automatic import automatic
from services.intake.shell.mail.headers import (
    MESSAGE_IDS_MAX,
    OWN_MARKER,
    Headers,
    date_ms,
    message_ids,
    replied_to,
)
from services.intake.shell.mail.html import sanitised
from services.intake.shell.mail.mail import Automatic, BadMail, Mail, MailFile
from services.intake.shell.mail.parts import (
    PARTS_MAX,
    Body,
    Content,
    content_of,
    head_of,
    header_of,
    html_of,
    parsed,
    refuse_large,
    tidy_file,
)
from services.intake.shell.mail.plain import Readable, readable
from services.intake.shell.mail.quotes import split
from services.intake.shell.mail.texts import storable

TEXT_CHARACTERS_MAX: Final = 1_000_000
HTML_CHARACTERS_MAX: Final = 1_000_000
HTML_READ_CHARACTERS_MAX: Final = 4_000_000  # with images in it

_RETURNED: Final = frozenset({"message/rfc822", "text/rfc822-headers", "message/global"})


def read(raw: bytes) -> Mail:
    """The mail of these bytes. It can take long, and much memory: ask `sandbox.MailReader`.

    Raises `BadMail` for what breaks a limit; everything else is read as far as it makes sense.
    """
    root = parsed(raw)
    return _mail(header_of(root), content_of(root))


def composed(
    headers: Iterable[tuple[str, str]], text: str, html: str, files: Sequence[MailFile]
) -> Mail:
    """The mail of these parts, as providers hand them over; the same as `read` makes of the whole.

    From, To, Subject and the like are among `headers`, encoded or not. Raises `BadMail`.
    """
    if len(files) > PARTS_MAX:
        raise BadMail(f"it has more than {PARTS_MAX} files")
    refuse_large(sum(map(len, [text, html, *(file.content for file in files)])))
    body = Body(plain=storable(text), html=storable(html))
    return _mail(Headers(headers), Content((body,), tuple(map(tidy_file, files))))


def _mail(headers: Headers, content: Content) -> Mail:
    sender = next(iter(mailboxes(headers.all("from", "sender"))), None)
    address, name = (sender.address, sender.name) if sender else ("", "")
    subject = headers.text("subject")
    kind = automatic(headers, from_address=address, subject=subject)
    thread = replied_to(headers)
    if kind is Automatic.BOUNCE:
        thread = (*thread, *_returned(content.files))
    return _with_content(
        Mail(
            from_address=address,
            from_name=name,
            reply_to=next(iter(_addresses(headers, "reply-to")), ""),
            to=_addresses(headers, "to"),
            cc=_addresses(headers, "cc"),
            subject=subject,
            message_id=next(iter(message_ids(headers.first("message-id"))), ""),
            in_reply_to=tuple(dict.fromkeys(thread))[:MESSAGE_IDS_MAX],
            date_ms=date_ms(headers.first("date")),
            automatic=kind,
            delivered_to=_addresses(
                headers, "delivered-to", "x-original-to", "x-delivered-to", "envelope-to", "to"
            ),
            list_id=next(iter(message_ids(headers.first("list-id"))), headers.text("list-id")),
            sent_as=headers.text(OWN_MARKER),
        ),
        content,
    )


def _addresses(headers: Headers, *names: str) -> tuple[str, ...]:
    return tuple(each.address for each in mailboxes(headers.all(*names)))


def _returned(files: Iterable[MailFile]) -> list[str]:
    """The ids of the mails that a report returns: it is about them (RFC 3462, 2)."""
    heads = (head_of(file.content) for file in files if file.media_type in _RETURNED)
    return [each for head in heads for each in message_ids(head.first("message-id"))]


def _with_content(mail: Mail, content: Content) -> Mail:
    """The mail with its text, its html and its files; what is too long for them is a file too."""
    html, bodies = _html(content.bodies)
    safe, text = sanitised(html), _text(bodies)
    is_shown = len(safe.html) <= HTML_CHARACTERS_MAX
    files = [*content.files, *safe.images.values()]
    if not is_shown or bodies is not content.bodies:
        files.append(MailFile("message.html", "text/html", html_of(content.bodies).encode()))
    if len(text.text) > TEXT_CHARACTERS_MAX:
        files.append(MailFile("message.txt", "text/plain", text.text.encode()))
    halves = split(
        text.text[:TEXT_CHARACTERS_MAX],
        quote_lines=text.quote_lines,
        is_forward=is_forward(mail.subject),
    )
    return replace(
        mail,
        text=halves.text,
        quoted=halves.quoted,
        html=safe.html if is_shown else "",
        files=tuple(
            replace(file, inline=is_shown and file.content_id in safe.shown) for file in files
        ),
    )


def _html(bodies: tuple[Body, ...]) -> tuple[str, tuple[Body, ...]]:
    """All as html, if any of it is, and the bodies as far as they are short enough to be read."""
    html = html_of(bodies) if any(body.html for body in bodies) else ""
    if len(html) <= HTML_READ_CHARACTERS_MAX:
        return html, bodies
    return "", tuple(Body(plain=body.plain) for body in bodies)


def _text(bodies: Sequence[Body]) -> Readable:
    """The passages as text, each of its plain form if that says anything."""
    lines, marks = list[str](), list[int]()
    for body in bodies:
        said = Readable(body.plain) if body.plain.strip() else readable(body.html)
        if not said.text.strip():
            continue
        if lines:
            lines.append("")
        marks += [len(lines) + each for each in said.quote_lines]
        lines += said.text.split("\n")
    return Readable(storable("\n".join(lines)), tuple(marks))
