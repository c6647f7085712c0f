"""WatchConversations: a snapshot, then every change, and on again from a token."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from switchboard.intake.v1 import conversation_service_pb2, model_pb2

from tests.component.intake.house import Visit, fresh_number, method

WATCH = method("ConversationService.WatchConversations")
RESOLVED = model_pb2.CONVERSATION_STATUS_RESOLVED


def watch(visit: Visit, *, token: str = "", filter_text: str = "") -> Any:
    ask = conversation_service_pb2.WatchConversationsRequest(resume_token=token, filter=filter_text)
    return visit.door.begin(WATCH, ask, token=visit.house.token("agent"), seconds=30)


async def snapshot(stream: Any) -> tuple[dict[str, Any], str]:
    """The conversations of a snapshot, and the token that leads on."""
    found: dict[str, Any] = {}
    while True:
        response = await stream.read()
        assert response.HasField("snapshot"), response
        found |= {item.ref.conversation_id: item for item in response.snapshot.conversations}
        if response.snapshot.complete:
            return found, response.resume_token


async def changes(stream: Any, conversation_id: str, count: int) -> list[Any]:
    """The next changes of one conversation."""
    found: list[Any] = []
    while len(found) < count:
        response = await stream.read()
        if response.change.conversation.conversation_id == conversation_id:
            found.append(response)
    return found


async def test_a_watch_shows_what_is_and_then_what_happens(visit: Visit) -> None:
    address = fresh_number()
    before = await visit.submit(address)
    stream = watch(visit)
    found, _ = await snapshot(stream)
    assert found[before["conversation_id"]].message_count == 1
    await visit.submit(address, "Hello?")
    (added,) = await changes(stream, before["conversation_id"], 1)
    assert added.change.message_added.message.text == "Hello?"
    stream.cancel()


async def test_a_token_leads_on_without_gap_or_repeat(visit: Visit) -> None:
    address = fresh_number()
    conversation_id = (await visit.submit(address))["conversation_id"]
    stream = watch(visit)
    await snapshot(stream)
    await visit.submit(address, "one")
    (seen,) = await changes(stream, conversation_id, 1)
    stream.cancel()
    await visit.submit(address, "two")
    await visit.submit(address, "three")
    again = watch(visit, token=seen.resume_token)
    missed = await changes(again, conversation_id, 2)
    texts = [response.change.message_added.message.text for response in missed]
    assert texts == ["two", "three"]
    again.cancel()


async def test_a_filter_tells_also_of_what_leaves_it(visit: Visit) -> None:
    conversation_id = (await visit.submit(fresh_number()))["conversation_id"]
    stream = watch(visit, filter_text="status = OPEN")
    found, _ = await snapshot(stream)
    assert conversation_id in found
    move = conversation_service_pb2.SetStatusRequest(
        request_id=str(uuid4()), conversation_id=conversation_id, status=RESOLVED
    )
    await visit.get("ConversationService.SetStatus", move)
    (left,) = await changes(stream, conversation_id, 1)
    assert left.change.status_changed.to_status == RESOLVED
    stream.cancel()


async def test_another_tenant_sees_nothing(visit: Visit) -> None:
    await visit.submit(fresh_number())
    ask = conversation_service_pb2.WatchConversationsRequest()
    token = visit.house.token("agent", tenant="rival")
    stream = visit.door.begin(WATCH, ask, token=token, seconds=30)
    found, _ = await snapshot(stream)
    assert found == {}
    stream.cancel()
