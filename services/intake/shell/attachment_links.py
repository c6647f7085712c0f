"""Files of ours at an address of ours: for providers that fetch them, and customers who follow it.

A link names a tenant's file by the digest of its content, how to show it, and until when; an HMAC
over all of that is what lets it in. It follows from the message alone, so that a message says the
same in every attempt and can be recognised by its text. Whoever holds a link may read the file:
nobody can make one up, and it ends a week after its message was queued, as does what topics keep.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from services.chassis.bus.fates import StoreUnavailable
from services.chassis.clock import Clock
from services.intake.core.delivery.model import Dispatch
from services.intake.core.model import Attachment
from services.intake.ports import Blob

PATH: Final = "/attachments/{token}"
LIVES_MS: Final = 7 * 24 * 3_600_000
NAME_CHARACTERS_MAX: Final = 100
TOKEN_CHARACTERS_MAX: Final = 2000
RETRY_AFTER_SECONDS: Final = 2
UNTYPED: Final = "application/octet-stream"
_BLOB: Final = re.compile(r"blob:([0-9a-f]{64})")
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]")
_CONTEXT: Final = b"switchboard attachment link v1"
_EXPIRY_BYTES: Final = 5  # seconds
_DIGEST_BYTES: Final = 32
_MAC_BYTES: Final = 20
_HEADERS: Final = {
    "cache-control": "private, no-store",
    "content-security-policy": "sandbox; default-src 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}
"""A file is downloaded, and what a browser shows of it anyway may do nothing."""


class BlobReader(Protocol):
    """Where the content of files is kept."""

    async def open(self, tenant_id: str, digest: str) -> Blob | None:
        """A file by the hex SHA-256 of its content; None where there is none (any more).

        Raises `StoreUnavailable`.
        """


@dataclass(frozen=True, slots=True)
class Shown:
    """The file that a link speaks of. `expires_at_s` is in unix seconds."""

    tenant_id: str
    digest: str
    media_type: str
    file_name: str
    expires_at_s: int


class AttachmentLinks:
    """Makes links and knows them again: of `keys`, the first signs."""

    def __init__(self, keys: Sequence[bytes], public_url: str) -> None:
        self._keys = [hmac.digest(key, _CONTEXT, "sha256") for key in keys]
        self._public_url = public_url

    def link(self, dispatch: Dispatch, attachment: Attachment) -> str | None:
        """The address of a message's file; None for one whose content is not ours to show."""
        return self.address(dispatch.tenant_id, attachment, from_ms=dispatch.queued_at_ms)

    def address(self, tenant_id: str, attachment: Attachment, *, from_ms: int) -> str | None:
        """As `link`, of whatever message, for a week from a time."""
        blob = _BLOB.fullmatch(attachment.reference)
        if blob is None:
            return None
        shown = Shown(
            tenant_id=tenant_id,
            digest=blob[1],
            media_type=_media_type(attachment.media_type),
            file_name=printable(attachment.file_name),
            expires_at_s=(from_ms + LIVES_MS) // 1000,
        )
        return self._public_url + PATH.format(token=self._token(shown))

    def read(self, token: str, now_ms: int) -> Shown | None:
        """What a link shows; None for one that is not ours, or not any more."""
        raw = _decoded(token)
        if raw is None or not any(_is_signed(raw, key) for key in self._keys):
            return None
        shown = _shown(raw[:-_MAC_BYTES])
        return shown if now_ms < shown.expires_at_s * 1000 else None

    def _token(self, shown: Shown) -> str:
        body = b"".join(
            (
                shown.expires_at_s.to_bytes(_EXPIRY_BYTES, "big"),
                bytes.fromhex(shown.digest),
                "\0".join((shown.tenant_id, shown.media_type, shown.file_name)).encode(),
            )
        )
        return base64.urlsafe_b64encode(body + _mac(body, self._keys[0])).rstrip(b"=").decode()


class AttachmentDoor:
    """`GET /attachments/{token}`: 200 with the file, 404 for any other link, 503 for later."""

    def __init__(self, *, links: AttachmentLinks, blobs: BlobReader, clock: Clock) -> None:
        self._links = links
        self._blobs = blobs
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """The one route."""
        return [Route(PATH, self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """Give the file to whoever holds its link."""
        shown = self._links.read(request.path_params["token"], self._clock.now_ms())
        blob = None if shown is None else await self._opened(shown)
        if shown is None or blob is None:
            raise HTTPException(404, "no such file", headers=_HEADERS)
        headers = {
            "content-disposition": _disposition(shown.file_name),
            "content-length": str(blob.size_bytes),
            "content-type": shown.media_type,  # as it is: no charset is added
        }
        return StreamingResponse(blob.chunks, headers=_HEADERS | headers)

    async def _opened(self, shown: Shown) -> Blob | None:
        try:
            return await self._blobs.open(shown.tenant_id, shown.digest)
        except StoreUnavailable:
            later = {"retry-after": str(RETRY_AFTER_SECONDS)}
            raise HTTPException(503, "not now", headers=_HEADERS | later) from None


def printable(file_name: str) -> str:
    """A file's name on one line, without what no name needs; cut where it is too long."""
    shown = "".join(character if character.isprintable() else " " for character in file_name)
    return " ".join(shown.split())[:NAME_CHARACTERS_MAX]


def _media_type(stated: str) -> str:
    """The type without its parameters; of what is none, nothing is claimed."""
    kind = stated.partition(";")[0].strip().lower()
    return kind if _MEDIA_TYPE.fullmatch(kind) else UNTYPED


def _disposition(file_name: str) -> str:
    """To be saved: under its name in UTF-8, or in ASCII by what knows no better (RFC 6266)."""
    if not file_name:
        return "attachment"
    plain = _NOT_PLAIN.sub("_", file_name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"


def _decoded(token: str) -> bytes | None:
    """The bytes of a token; None for what has no such shape, or another spelling of it."""
    if len(token) > TOKEN_CHARACTERS_MAX:
        return None
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        raw = base64.b64decode(padded, b"-_", validate=True)
    except ValueError:  # not ASCII, not Base64
        return None
    spelt = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    too_short = len(raw) < _EXPIRY_BYTES + _DIGEST_BYTES + _MAC_BYTES
    return None if too_short or spelt != token else raw


def _shown(body: bytes) -> Shown:
    """What a body says; only of those that we have signed."""
    names = body[_EXPIRY_BYTES + _DIGEST_BYTES :].decode()
    tenant_id, media_type, file_name = names.split("\0")
    return Shown(
        tenant_id=tenant_id,
        digest=body[_EXPIRY_BYTES : _EXPIRY_BYTES + _DIGEST_BYTES].hex(),
        media_type=media_type,
        file_name=file_name,
        expires_at_s=int.from_bytes(body[:_EXPIRY_BYTES], "big"),
    )


def _is_signed(raw: bytes, key: bytes) -> bool:
    return hmac.compare_digest(_mac(raw[:-_MAC_BYTES], key), raw[-_MAC_BYTES:])


def _mac(body: bytes, key: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:_MAC_BYTES]
