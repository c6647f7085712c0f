"""Links to files: made by us alone, for a while, and harmless to whoever opens one."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from services.chassis.bus.fates import StoreUnavailable
from services.intake.core.delivery.model import Phase
from services.intake.core.model import Attachment
from services.intake.ports import Blob
from services.intake.shell.attachment_links import (
    LIVES_MS,
    NAME_CHARACTERS_MAX,
    AttachmentDoor,
    AttachmentLinks,
)
from tests.support.memory_blobs import MemoryBlobs
from tests.unit.intake.doors import PUBLIC_URL
from tests.unit.intake.given import NOON_MS, TENANT, dispatch

CONTENT = b"%PDF-1.7"
DIGEST = sha256(CONTENT).hexdigest()
BILL = Attachment("a-1", "Rechnung März.pdf", "application/pdf", 8, f"blob:{DIGEST}")
KEYS = [b"k" * 32]
LINKS = AttachmentLinks(KEYS, PUBLIC_URL)
texts = st.text(max_size=200)


def token(attachment: Attachment = BILL, links: AttachmentLinks = LINKS) -> str:
    url = links.link(dispatch(), attachment)
    assert url is not None
    return url.removeprefix(f"{PUBLIC_URL}/attachments/")


@dataclass
class Blobs:
    """Files by tenant and digest."""

    kept: dict[tuple[str, str], bytes] = field(default_factory=lambda: {(TENANT, DIGEST): CONTENT})
    away: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def open(self, tenant_id: str, digest: str) -> Blob | None:
        self.asked.append((tenant_id, digest))
        if self.away:
            raise StoreUnavailable("away")
        return await MemoryBlobs(self.kept).open(tenant_id, digest)

    def now_ms(self) -> int:
        return NOON_MS


async def opened(link: str, blobs: Blobs | None = None) -> Response:
    """What the door gives for a link; raises as it does."""
    blobs = blobs or Blobs()
    door = AttachmentDoor(links=LINKS, blobs=blobs, clock=blobs)
    (route,) = door.routes()
    assert route.path == "/attachments/{token}"  # type: ignore[attr-defined] # it is a Route
    return await door.show(Request({"type": "http", "path_params": {"token": link}}))


async def test_a_file_is_given_to_be_saved() -> None:
    response = await opened(token())
    assert isinstance(response, StreamingResponse)
    content = b"".join([bytes(chunk) async for chunk in response.body_iterator])  # type: ignore[arg-type] # no text
    assert (response.status_code, content) == (200, CONTENT)
    headers = response.headers
    assert headers["content-length"] == str(len(CONTENT))
    assert headers["content-type"] == "application/pdf"
    assert headers["content-disposition"] == (
        "attachment; filename=\"Rechnung_M_rz.pdf\"; filename*=UTF-8''Rechnung%20M%C3%A4rz.pdf"
    )
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["cache-control"] == "private, no-store"


def test_a_message_has_the_same_link_in_every_attempt() -> None:
    again = replace(
        dispatch(), attempts=7, phase=Phase.ATTEMPTING, attempted_at_ms=NOON_MS + LIVES_MS
    )
    assert LINKS.link(again, BILL) == LINKS.link(dispatch(), BILL)


@pytest.mark.parametrize(
    "reference", ["", "blob:", f"blob:{DIGEST[1:]}", "https://cdn.example/1", f"x blob:{DIGEST}"]
)
def test_what_is_not_in_our_store_has_no_link(reference: str) -> None:
    assert LINKS.link(dispatch(), replace(BILL, reference=reference)) is None


def test_a_link_ends() -> None:
    assert LINKS.read(token(), NOON_MS + LIVES_MS - 1) is not None
    assert LINKS.read(token(), NOON_MS + LIVES_MS) is None


def test_old_keys_open_what_they_made_and_make_nothing_new() -> None:
    rotated = AttachmentLinks([b"n" * 32, *KEYS], PUBLIC_URL)
    assert rotated.read(token(), NOON_MS) == LINKS.read(token(), NOON_MS)
    assert LINKS.read(token(links=rotated), NOON_MS) is None


@pytest.mark.parametrize("at", range(len(token())))
def test_no_character_of_a_link_can_be_changed(at: int) -> None:
    made = token()
    other = "A" if made[at] != "A" else "B"
    assert LINKS.read(made[:at] + other + made[at + 1 :], NOON_MS) is None


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)))
def test_what_we_did_not_make_opens_nothing(forged: str | bytes) -> None:
    if isinstance(forged, bytes):
        forged = base64.urlsafe_b64encode(forged).rstrip(b"=").decode()
    assert LINKS.read(forged, NOON_MS) is None


@given(texts, texts, st.binary(min_size=32, max_size=32))
def test_a_link_says_what_it_was_made_of_whatever_that_is(
    name: str, media_type: str, digest: bytes
) -> None:
    named = Attachment("a-1", name, media_type, 8, f"blob:{digest.hex()}")
    shown = LINKS.read(token(named), NOON_MS)
    assert shown is not None
    assert (shown.tenant_id, shown.digest) == (TENANT, digest.hex())
    assert shown.file_name.isprintable()
    assert len(shown.file_name) <= NAME_CHARACTERS_MAX
    assert shown.media_type.isascii()


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("", "attachment"),
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        (
            'x"; filename="evil.exe\r\nset-cookie: a=b',
            (
                'attachment; filename="x___filename__evil.exe_set-cookie__a_b"; '
                "filename*=UTF-8''x%22%3B%20filename%3D%22evil.exe%20set-cookie%3A%20a%3Db"
            ),
        ),
    ],
)
async def test_a_name_does_not_leave_its_place(name: str, disposition: str) -> None:
    response = await opened(token(replace(BILL, file_name=name)))
    assert response.headers["content-disposition"] == disposition


@pytest.mark.parametrize(
    ("stated", "given_as"),
    [
        ("Text/Plain; charset=latin-1", "text/plain"),
        ("text/html", "text/html"),
        ("", "application/octet-stream"),
        ("pdf", "application/octet-stream"),
        ("text/html\r\nx: y", "application/octet-stream"),
    ],
)
async def test_a_type_is_a_type_or_unknown(stated: str, given_as: str) -> None:
    response = await opened(token(replace(BILL, media_type=stated)))
    assert response.headers["content-type"] == given_as


@pytest.mark.parametrize("link", ["", "x", token()[:-1], token() + "="])
async def test_any_other_link_is_not_found_and_asks_nobody(link: str) -> None:
    blobs = Blobs()
    with pytest.raises(HTTPException) as refused:
        await opened(link, blobs)
    assert refused.value.status_code == 404
    assert blobs.asked == []


async def test_a_file_that_was_erased_is_not_found() -> None:
    with pytest.raises(HTTPException) as refused:
        await opened(token(), Blobs(kept={("rival", DIGEST): CONTENT}))
    assert refused.value.status_code == 404


async def test_a_store_that_is_away_is_for_later() -> None:
    with pytest.raises(HTTPException) as refused:
        await opened(token(), Blobs(away=True))
    assert refused.value.status_code == 503
    assert (refused.value.headers or {})["retry-after"] == "2"
