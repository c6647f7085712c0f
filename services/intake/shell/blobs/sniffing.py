"""What a file is taken for: what its content shows, rather than what somebody claims.

Signatures are the library's; what browsers run as a page or a program although it has none is told
as they tell it: https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type
"""

from __future__ import annotations

import re
from typing import Final

import filetype

UNKNOWN: Final = "application/octet-stream"
_LOOKED_AT_BYTES: Final = 8192
_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")

_HTML: Final = re.compile(
    rb"\s*(?:<!--|<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body"
    rb"|br|p)[\s>])",
    re.IGNORECASE,
)
_SVG: Final = re.compile(
    # A comment ends at its first end, or some texts would take forever to match.
    rb"\s*(?:(?:<\?xml[^>]*>|<!--(?:(?!-->).)*-->|<!doctype svg[^>]*>)\s*)*<svg[\s>]",
    re.IGNORECASE | re.DOTALL,
)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_PROGRAMS: Final = (
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-executable"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xca\xfe\xba\xbe", "application/x-mach-binary"),
    (b"#!/", "application/x-executable"),
)
_SIGNED: Final = frozenset(
    {
        "application/pdf",
        "image/avif",
        "image/bmp",
        "image/gif",
        "image/heic",
        "image/jpeg",
        "image/png",
        "image/tiff",
        "image/webp",
    }
)
"""Files of these kinds always begin with their signature: a claim that lacks it is false."""
_CONTAINERS: Final = {
    "application/zip": re.compile(r"application/(?:vnd\.|epub\+zip|java-archive|x-zip)"),
    "video/mp4": re.compile(r"(?:audio|video)/(?:mp4|x-m4[av]|3gpp2?|quicktime|aac)"),
    "audio/mp4": re.compile(r"(?:audio|video)/(?:mp4|x-m4a|3gpp2?|aac)"),
    "video/quicktime": re.compile(r"(?:audio|video)/(?:mp4|quicktime)"),
    "audio/ogg": re.compile(r"(?:application|audio|video)/(?:ogg|opus)"),
    "video/webm": re.compile(r"(?:audio|video)/(?:webm|x-matroska)"),
    "video/x-matroska": re.compile(r"(?:audio|video)/(?:webm|x-matroska)"),
    "audio/mpeg": re.compile(r"audio/mp3"),
    "audio/x-wav": re.compile(r"audio/(?:wav|wave|vnd\.wave)"),
}
"""What a signature leaves open, by what it shows: such a claim says more, and is believed."""
_INLINE: Final = re.compile(
    r"image/(?:avif|bmp|gif|jpeg|png|webp)|audio/[a-z0-9.+-]+|video/[a-z0-9.+-]+"
)


def media_type_of(content: bytes, claimed: str) -> str:
    """The media type to keep, lower case and without parameters.

    What the content shows for certain wins; else a claim that the content does not belie; else
    `application/octet-stream`.
    """
    head, claim = content[:_LOOKED_AT_BYTES], _essence(claimed)
    shown = _active(head) or filetype.guess_mime(head)
    if shown is None:
        return UNKNOWN if claim in _SIGNED else claim
    more = _CONTAINERS.get(shown)
    return claim if more is not None and more.match(claim) else shown


def is_shown_inline(media_type: str) -> bool:
    """Whether a page may show it in place; all else is offered for download, whatever it claims.

    Pictures, sound and film run nothing. Pages, vector graphics and programs do.
    """
    return _INLINE.fullmatch(media_type) is not None


def _essence(claimed: str) -> str:
    """A claim without its parameters; unknown where it is no media type at all."""
    essence = claimed.partition(";")[0].strip().lower()
    return essence if _TYPE.fullmatch(essence) else UNKNOWN


def _active(head: bytes) -> str | None:
    """What would run: a program, a page, a drawing with scripts."""
    for signature, media_type in _PROGRAMS:
        if head.startswith(signature):
            return media_type
    text = head.removeprefix(_BYTE_ORDER_MARK)
    if _SVG.match(text):
        return "image/svg+xml"
    return "text/html" if _HTML.match(text) else None
