"""The customer's door: `GET /s/{token}` shows the question, `POST /s/{token}` records the answer.

Mail scanners and previews open every link they see, so a GET changes nothing. A link that was made
up, changed, used, withdrawn or is too old gets one and the same answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from services.chassis.bus.commands import OutcomeUnknown
from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.clock import Clock
from services.chassis.ids import new_id
from services.feedback.core.events import Refusal
from services.feedback.core.link import Links, fingerprint, is_genuine, read
from services.feedback.core.model import State, Survey
from services.feedback.core.texts import ENGLISH, Texts, texts_for
from services.feedback.ports import SurveyReader
from services.feedback.shell import pages
from services.feedback.shell.answers import Answers, Given
from services.feedback.shell.drafts import Draft, read_draft

BODY_BYTES_MAX: Final = 16_384
RETRY_SECONDS: Final = 2
_AWAY: Final = (BusUnavailable, StoreUnavailable, OutcomeUnknown)
_INCOMPLETE: Final = frozenset(
    {Refusal.INVALID_SCORE, Refusal.COMMENT_TOO_LONG, Refusal.COMMENT_NOT_TEXT}
)


class SurveyDoor:
    """The routes of the survey's page."""

    def __init__(
        self, *, links: Links, reader: SurveyReader, answers: Answers, clock: Clock
    ) -> None:
        self._links = links
        self._reader = reader
        self._answers = answers
        self._clock = clock

    def routes(self) -> list[BaseRoute]:
        """What the HTTP server mounts."""
        return [
            Route("/s/{token}", self.show, methods=["GET"]),
            Route("/s/{token}", self.record, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """The question, in the customer's language; nothing is written."""
        try:
            survey = await self._survey(request.path_params["token"])
        except StoreUnavailable:
            return _busy(request, _visitor(request))
        if survey is None or survey.state is not State.SENT:
            return _gone(request)
        return _page(pages.form(texts_for(survey.recipient.language), request_id=new_id()))

    async def record(self, request: Request) -> Response:
        """Record the answer: 200; 400 or 413 for a bad one, 404 for a bad link, 503 for later."""
        texts = _visitor(request)
        raw = await request.body()
        if len(raw) > BODY_BYTES_MAX:
            return _page(pages.note(texts, texts.incomplete), 413)
        draft = read_draft(raw, as_json=_is_json(request))
        try:
            survey = await self._survey(request.path_params["token"])
            if survey is None:
                return _gone(request)
            texts = texts_for(survey.recipient.language)
            if draft.problem:
                return _incomplete(request, texts, draft)
            outcome = await self._answers.submit(survey, _given(draft, survey))
        except _AWAY:
            return _busy(request, texts, draft)
        if outcome.accepted:
            return _recorded(request, texts)
        if outcome.reason in _INCOMPLETE:
            return _incomplete(request, texts, replace(draft, problem=outcome.detail))
        return _gone(request)

    async def _survey(self, token: str) -> Survey | None:
        """The survey a genuine link speaks of, in whatever state; None for any other link."""
        claim = read(token)
        survey = await self._reader.linked(claim.survey_id) if claim else None
        if claim is None or survey is None or survey.link_sha256 != fingerprint(token):
            return None
        genuine = is_genuine(
            claim,
            keys=self._links.keys,
            tenant_id=survey.recipient.tenant_id,
            now_ms=self._clock.now_ms(),
        )
        return survey if genuine else None


def _given(draft: Draft, survey: Survey) -> Given:
    """The draft as an answer to `survey`; its request id is made one of this survey's alone."""
    return Given(
        score=draft.score,
        comment=draft.comment,
        source="link",
        request_id=f"link/{survey.survey_id}/{draft.request_id}",
        actor=f"customer/{survey.recipient.customer_id}",
    )


def _recorded(request: Request, texts: Texts) -> Response:
    if _is_json(request):
        return JSONResponse({"status": "recorded"}, headers=pages.HEADERS)
    return _page(pages.note(texts, texts.thanks))


def _gone(request: Request) -> Response:
    if _is_json(request):
        body = {"error": "link_not_valid"}
        return JSONResponse(body, 404, headers=pages.HEADERS)
    texts = _visitor(request)
    return _page(pages.note(texts, texts.gone), 404)


def _incomplete(request: Request, texts: Texts, draft: Draft) -> Response:
    if _is_json(request):
        body = {"error": "malformed", "reason": draft.problem}
        return JSONResponse(body, 400, headers=pages.HEADERS)
    again = pages.form(
        texts,
        request_id=new_id(),
        alert=texts.incomplete,
        comment=draft.comment,
        score=draft.score,
    )
    return _page(again, 400)


def _busy(request: Request, texts: Texts, draft: Draft | None = None) -> Response:
    """Not known recorded: the form comes back filled, with the same request id."""
    later = {"retry-after": str(RETRY_SECONDS)}
    if _is_json(request):
        return JSONResponse({"error": "unavailable"}, 503, headers=pages.HEADERS | later)
    if draft is None:
        return _page(pages.note(texts, texts.busy), 503, later)
    again = pages.form(
        texts,
        request_id=draft.request_id,
        alert=texts.busy,
        comment=draft.comment,
        score=draft.score,
    )
    return _page(again, 503, later)


def _page(html: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return HTMLResponse(html, status, headers=pages.HEADERS | (headers or {}))


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"


def _visitor(request: Request) -> Texts:
    """The first language of the browser, for pages that may tell nothing about a survey."""
    preferred = request.headers.get("accept-language", "")
    return texts_for(preferred.split(",", 1)[0].split(";", 1)[0].strip()) if preferred else ENGLISH
