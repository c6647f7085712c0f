"""What agents say in conversations and where they move them, through ConversationService."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from switchboard.intake.v1 import conversation_service_pb2 as talk
from switchboard.intake.v1 import model_pb2 as intake

from services.chassis.rpc.auth import Caller, set_caller
from services.intake.shell.grpc_api.attachments import Attachments
from services.intake.shell.grpc_api.commands import Commands
from services.intake.shell.grpc_api.conversation_api import ConversationApi
from tests.simulation.doors import Conversations
from tests.support.memory_blobs import MemoryBlobs

if TYPE_CHECKING:
    from tests.simulation.sessions import Agent
    from tests.simulation.world import World

TEXTS = ("It is on its way.", "Sorry about that.", "You are welcome.")
SAME = intake.CONVERSATION_STATUS_UNSPECIFIED

Status: TypeAlias = intake.ConversationStatus.ValueType


class Replies:
    """The calls of all agents. Each has an id of its own, and waits for no outcome."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls = 0
        store = Conversations(world.stores["intake"])
        self._api = ConversationApi(
            store=store,
            commands=Commands(world.edge, world, timeout_s=1.0),
            customers=None,  # type: ignore[arg-type] # nobody reads
            accounts=None,  # type: ignore[arg-type] # nobody writes first
            watch=None,  # type: ignore[arg-type] # nobody watches
            attachments=Attachments(store=store, blobs=MemoryBlobs(), bytes_max=0),
        )

    async def reply(self, agent: Agent, conversation_id: str, status: Status = SAME) -> str:
        """Answer the customer, and perhaps move the conversation with it."""
        request = talk.ReplyRequest(
            request_id=self._call(agent),
            conversation_id=conversation_id,
            text=self._world.dice.choice(TEXTS),
            status=status,
        )
        await self._world.attempt(self._api.Reply(request, None))
        return f"{agent.agent_id} replies in {conversation_id[:8]}"

    async def note(self, agent: Agent, conversation_id: str) -> str:
        """Tell colleagues something."""
        request = talk.AddNoteRequest(
            request_id=self._call(agent), conversation_id=conversation_id, text="A regular."
        )
        await self._world.attempt(self._api.AddNote(request, None))
        return f"{agent.agent_id} notes something in {conversation_id[:8]}"

    async def set_status(self, agent: Agent, conversation_id: str, status: Status) -> str:
        """Move the conversation."""
        request = talk.SetStatusRequest(
            request_id=self._call(agent), conversation_id=conversation_id, status=status
        )
        await self._world.attempt(self._api.SetStatus(request, None))
        name = intake.ConversationStatus.Name(status)
        return f"{agent.agent_id} makes {conversation_id[:8]} {name}"

    def _call(self, agent: Agent) -> str:
        """Speak as `agent`; returns the id of the call."""
        roles = frozenset({"agent"})
        set_caller(Caller(agent.place.tenant_id, agent.agent_id, roles, float("inf")))
        self._calls += 1
        return f"call-{self._calls}"
