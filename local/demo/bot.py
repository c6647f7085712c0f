"""An agent that works like a person, only faster: accepts, answers, resolves, completes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING
from uuid import uuid5

import grpc
from switchboard.intake.v1 import conversation_service_pb2 as conversations
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.routing.v1 import agent_service_pb2 as wire
from switchboard.routing.v1 import model_pb2 as routing

from local.demo.figures import Figures
from local.demo.people import ANSWERS
from local.demo.places import Places
from local.demo.retrying import call
from local.demo.session import NAMESPACE, Session
from local.ledgerbook import now_ms
from local.verify.ledgers import Accepted, Answered, SeenOffer

if TYPE_CHECKING:
    from switchboard.intake.v1.conversation_service_pb2_grpc import ConversationServiceAsyncStub
    from switchboard.routing.v1.agent_service_pb2_grpc import AgentServiceAsyncStub


@dataclass(frozen=True, slots=True)
class Habits:
    """How an agent behaves; times in seconds."""

    decline: float = 0.03
    ignore: float = 0.004
    think_s: tuple[float, float] = (0.05, 0.3)
    """Between assignment and answer."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What all agents of a run share."""

    places: Places
    figures: Figures
    run: str
    agents: AgentServiceAsyncStub
    conversations: ConversationServiceAsyncStub
    habits: Habits


class Bot:
    """One agent at work."""

    def __init__(self, agent_id: str, desk: Desk, random: Random) -> None:
        """Prepare; `run` signs in."""
        self._id = agent_id
        self._desk = desk
        self._random = random
        self._metadata = desk.places.metadata(agent_id, "agent")
        self._session = Session(
            agent_id=agent_id,
            stub=desk.agents,
            metadata=self._metadata,
            listener=self._hear,
        )
        self._seen: set[str] = set()
        self._working: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._signed_on = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing is in hand."""
        return not self._tasks

    async def run(self) -> None:
        """Work until `stop`."""
        await self._session.run()

    async def wait_signed_on(self) -> None:
        """Wait until routing has said welcome for the first time."""
        await self._signed_on.wait()

    async def stop(self) -> None:
        """Sign off; what is in hand is left."""
        self._session.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _hear(self, response: wire.AgentSessionResponse) -> None:
        kind = response.WhichOneof("kind")
        if kind == "welcome":
            self._signed_on.set()
            for offer in response.welcome.offers:
                self._meet(offer)
            for assignment in response.welcome.assignments:
                self._begin(assignment, language="")
        elif kind == "offer_made":
            self._meet(response.offer_made.offer)
        elif kind == "assignment_started":
            started = response.assignment_started
            self._begin(started.assignment, language=started.work.language)
        elif kind == "assignment_ended" and response.assignment_ended.wrap_up:
            self._spawn(self._end_wrap_up(response.assignment_ended.work_id))
        elif kind == "presence_changed":
            self._presence(response.presence_changed.presence)

    def _meet(self, offer: routing.Offer) -> None:
        if offer.offer_id in self._seen:
            return
        self._seen.add(offer.offer_id)
        self._desk.figures.offered += 1
        self._desk.places.book.agent(
            SeenOffer(
                offer.offer_id,
                offer.work_id,
                offer.conversation_id,
                self._id,
                now_ms(),
                self._desk.run,
            )
        )
        self._spawn(self._consider(offer))

    async def _consider(self, offer: routing.Offer) -> None:
        draw = self._random.random()
        habits = self._desk.habits
        if draw < habits.ignore:
            self._desk.figures.ignored += 1
        elif draw < habits.ignore + habits.decline:
            self._desk.figures.declined += 1
            request_id = self._session.request_id(offer.offer_id, "decline")
            statement = wire.SessionDecline(
                request_id=request_id, offer_id=offer.offer_id, reason="busy"
            )
            await self._session.ask(decline=statement)
        else:
            await self._accept(offer)

    async def _accept(self, offer: routing.Offer) -> None:
        request_id = self._session.request_id(offer.offer_id, "accept")
        statement = wire.SessionAccept(request_id=request_id, offer_id=offer.offer_id)
        answer = await self._session.ask(accept=statement)
        if answer is not None and answer.accepted:
            entry = Accepted(offer.offer_id, self._id, now_ms(), self._desk.run)
            self._desk.places.book.agent(entry)

    def _begin(self, assignment: routing.Assignment, *, language: str) -> None:
        work_id = assignment.work_id
        if assignment.wrap_up:
            self._spawn(self._end_wrap_up(work_id))
        elif work_id not in self._working:
            self._working.add(work_id)
            self._desk.figures.assigned += 1
            self._spawn(self._work(work_id, assignment.conversation_id, language))

    async def _work(self, work_id: str, conversation_id: str, language: str) -> None:
        await asyncio.sleep(self._random.uniform(*self._desk.habits.think_s))
        try:
            await self._reply(work_id, conversation_id, language)
            await self._resolve(work_id, conversation_id)
        except grpc.aio.AioRpcError as error:
            self._desk.figures.problem(f"agent {error.code().name}")
        await self._complete(work_id)

    async def _reply(self, work_id: str, conversation_id: str, language: str) -> None:
        words = ANSWERS.get(language, ANSWERS["en"])
        request = conversations.ReplyRequest(
            request_id=str(uuid5(NAMESPACE, f"{work_id}/reply")),
            conversation_id=conversation_id,
            # The reference makes each text unique, so that a repeat at the provider shows.
            text=f"{words} (#{work_id[:8]})",
        )
        stub = self._desk.conversations
        answer = await call(stub.Reply, request, metadata=self._metadata)
        self._desk.figures.replied += 1
        self._desk.places.book.agent(
            Answered(
                request.request_id,
                answer.message_id,
                conversation_id,
                self._id,
                now_ms(),
                self._desk.run,
            )
        )

    async def _resolve(self, work_id: str, conversation_id: str) -> None:
        request = conversations.SetStatusRequest(
            request_id=str(uuid5(NAMESPACE, f"{work_id}/resolve")),
            conversation_id=conversation_id,
            status=intake.CONVERSATION_STATUS_RESOLVED,
            reason="answered",
        )
        await call(self._desk.conversations.SetStatus, request, metadata=self._metadata)
        self._desk.figures.resolved += 1

    async def _complete(self, work_id: str) -> None:
        request_id = self._session.request_id(work_id, "complete")
        statement = wire.SessionComplete(request_id=request_id, work_id=work_id, reason="answered")
        await self._session.ask(complete=statement)

    async def _end_wrap_up(self, work_id: str) -> None:
        request_id = self._session.request_id(work_id, "wrap-up")
        statement = wire.SessionEndWrapUp(request_id=request_id, work_id=work_id)
        await self._session.ask(end_wrap_up=statement)

    def _presence(self, presence: routing.Presence.ValueType) -> None:
        """Somebody who missed too many offers says that they are back."""
        if presence == routing.PRESENCE_NO_ANSWER:
            request_id = self._session.request_id("back", str(now_ms()))
            statement = wire.SessionPresence(
                request_id=request_id, presence=routing.PRESENCE_AVAILABLE, reason="back"
            )
            self._spawn(self._ask_presence(statement))

    async def _ask_presence(self, statement: wire.SessionPresence) -> None:
        await self._session.ask(set_presence=statement)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._desk.figures.problem(f"agent {type(task.exception()).__name__}")
