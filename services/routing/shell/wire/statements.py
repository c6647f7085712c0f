"""What an agent says in a session, as commands to the matcher."""

from __future__ import annotations

from google.protobuf.message import Message
from switchboard.routing.v1 import agent_service_pb2 as pb
from switchboard.routing.v1 import commands_pb2 as asks

from services.routing.shell.sessions.stream import Holder


def command_of(request: pb.AgentSessionRequest, holder: Holder) -> tuple[str, Message]:
    """The name and the message of the command. Raises `ValueError` for what is none."""
    agent_id = holder.agent_id
    match request.WhichOneof("kind"):
        case "set_presence":
            return "set_presence", asks.SetPresence(
                agent_id=agent_id,
                session_id=holder.session_id,
                edge_id=holder.edge_id,
                sequence=request.sequence,
                presence=request.set_presence.presence,
                reason=request.set_presence.reason,
            )
        case "accept":
            offer_id = request.accept.offer_id
            return "accept_offer", asks.AcceptOffer(offer_id=offer_id, agent_id=agent_id)
        case "decline":
            said = request.decline
            return "decline_offer", asks.DeclineOffer(
                offer_id=said.offer_id, agent_id=agent_id, reason=said.reason
            )
        case "complete":
            done = request.complete
            return "complete_assignment", asks.CompleteAssignment(
                work_id=done.work_id, agent_id=agent_id, reason=done.reason
            )
        case "end_wrap_up":
            work_id = request.end_wrap_up.work_id
            return "end_wrap_up", asks.EndWrapUp(work_id=work_id, agent_id=agent_id)
        case kind:
            raise ValueError(f"{kind} is no command")
