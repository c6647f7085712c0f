"""`POST /chat/{account_id}/files`: a visitor's file, piece by piece, of at most 1 MiB each.

The session's token is the bearer's. `x-file-so-far` is what the piece before was answered with;
`x-file-name`, percent-encoded, comes with the last piece, and `content-type` says what it may be.

202  {"so_far"}: the piece is kept            201  {"file", "name", "media_type", "size_bytes"}
401  no live session                          400  malformed, empty, or a piece of another size
403  the account takes no files               408  too slow (chassis)
410  what came before is gone: begin anew     413  the file or the piece is too large
415  a kind that is not taken                 429  too fast, `Retry-After`
503  not now: the store is away, or too much comes in at once
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.account import Account
from services.intake.core.cards import masked
from services.intake.shell.admission import Overloaded, Priority
from services.intake.shell.attachment_links import printable
from services.intake.shell.channels.forms import storable
from services.intake.shell.chat.lobby import Lobby
from services.intake.shell.chat.sealing import BadToken
from services.intake.shell.chat.sessions import Session
from services.intake.shell.chat.standing import Parts
from services.intake.shell.chat.uploads import PIECE_BYTES, NotTaken, Owner, Why
from services.intake.shell.http import body_of, not_now

SO_FAR: Final = "x-file-so-far"
NAME: Final = "x-file-name"
HEADERS: Final = f"{NAME}, {SO_FAR}"
PIECES_AT_ONCE_MAX: Final = 32
PER_VISITOR_MAX: Final = 4
_STATUS: Final = {
    Why.EMPTY: 400,
    Why.PIECE: 400,
    Why.GONE: 410,
    Why.TOO_LARGE: 413,
    Why.KIND: 415,
}
_UNKEPT: Final = {"cache-control": "no-store"}


class FilesDoor:
    """Takes the files of all visitors of one process."""

    def __init__(self, parts: Parts, lobby: Lobby) -> None:
        self._parts = parts
        self._lobby = lobby
        self._coming: Counter[str] = Counter()

    async def take(self, request: Request, account: Account) -> Response:
        """Keep a piece, and with the last one the file. Raises `HTTPException`."""
        if not account.takes_visitor_files:
            raise HTTPException(403, "this account takes no files")
        try:
            session = await self._lobby.opened(account, _bearer(request))
        except BadToken:
            raise HTTPException(401, "no live session") from None
        except StoreUnavailable:
            raise not_now("sessions cannot be read") from None
        self._check_pace(session)
        try:
            with self._parts.admission.enter(Priority.PATIENT), self._place(session.visitor_id):
                return await self._kept(request, account, session)
        except Overloaded:
            raise not_now("too much at once") from None
        except StoreUnavailable:
            raise not_now("files cannot be kept") from None
        except NotTaken as refused:
            raise HTTPException(_STATUS[refused.why], str(refused)) from None
        except BadToken:
            raise HTTPException(400, f"{SO_FAR} is none of this session's") from None

    async def _kept(self, request: Request, account: Account, session: Session) -> Response:
        uploads, headers = self._parts.uploads, request.headers
        owner = Owner(account.tenant_id, account.account_id, session.visitor_id)
        file_name, so_far = _file_name(headers.get(NAME)), headers.get(SO_FAR, "")
        piece = await body_of(request, PIECE_BYTES)
        if file_name is None:
            token = await uploads.go_on(owner, so_far, piece)
            return JSONResponse({"so_far": token}, 202, headers=_UNKEPT)
        claimed = headers.get("content-type", "")
        file = await uploads.finish(owner, so_far, piece, file_name=file_name, claimed=claimed)
        said = {
            "file": uploads.token(owner, file),
            "name": file.file_name,
            "media_type": file.media_type,
            "size_bytes": file.size_bytes,
        }
        return JSONResponse(said, 201, headers=_UNKEPT)

    def _check_pace(self, session: Session) -> None:
        limits = self._parts.limits
        wait_ms = limits.pieces.wait_ms(session.visitor_id)
        wait_ms = wait_ms or limits.pieces_of_account.wait_ms(session.account_id)
        if wait_ms:
            later = {"retry-after": str(math.ceil(wait_ms / 1000))}
            raise HTTPException(429, "too fast", headers=later)

    @contextmanager
    def _place(self, visitor_id: str) -> Iterator[None]:
        """Hold a place while a piece comes in. Raises `Overloaded`."""
        if (
            self._coming.total() >= PIECES_AT_ONCE_MAX
            or self._coming[visitor_id] >= PER_VISITOR_MAX
        ):
            raise Overloaded
        self._coming[visitor_id] += 1
        try:
            yield
        finally:
            self._coming[visitor_id] -= 1
            self._coming += Counter()  # which drops whoever has none


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _file_name(stated: str | None) -> str | None:
    """The name without its folders, on one line, card numbers masked; None where none is stated."""
    if stated is None:
        return None
    try:
        name = storable(unquote(stated, errors="strict"))
    except UnicodeDecodeError:
        raise HTTPException(400, f"{NAME} is not percent-encoded UTF-8") from None
    return printable(masked(name.replace("\\", "/").rpartition("/")[2]))
