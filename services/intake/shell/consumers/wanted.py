"""What the inputs of a batch speak of, by the home that they are about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from switchboard.intake.v1 import commands_pb2

from services.chassis.bus.processor import DueTimer, Input
from services.intake.core.commands import CloseExpired
from services.intake.core.delivery.windows import OUTSIDE_WINDOW
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.links import TELEPHONE, siblings
from services.intake.shell.consumers import forgetting
from services.intake.shell.wire import names

_NAMING_CONVERSATIONS: Final = frozenset(
    {
        "reply",
        "add_note",
        "set_status",
        "send_message",
        "tag",
        "unmerge",
        "attachment_stored",
        "note_feedback",
    }
)
_REVISIONS: Final = frozenset({"edit_message", "retract_message", "react_to_message"})


@dataclass(slots=True)
class Wanted:
    """What one customer's inputs in a batch speak of.

    `message_ids` are messages themselves; `sent_ids` and `provider_message_ids` those whose
    delivery is spoken of, `reacted_ids` among them whose text is, too. `comes_too_late`: of one it
    is said that its provider does not take it any more. `references` are what a mail answers and
    `parties` the homes of who wrote it, `neighbours` homes whose customer may be the same person,
    `call_ids` messages that are calls.
    """

    conversation_ids: set[str] = field(default_factory=set)
    message_ids: set[str] = field(default_factory=set)
    sent_ids: set[str] = field(default_factory=set)
    provider_message_ids: set[str] = field(default_factory=set)
    reacted_ids: set[str] = field(default_factory=set)
    comes_too_late: bool = False
    references: set[str] = field(default_factory=set)
    parties: set[str] = field(default_factory=set)
    neighbours: set[str] = field(default_factory=set)
    call_ids: set[str] = field(default_factory=set)


ByHome = Mapping[str, Wanted]


def wanted_by_shard(inputs: Iterable[Input], due: Iterable[DueTimer]) -> Mapping[int, ByHome]:
    """By shard and home."""
    found: dict[int, dict[str, Wanted]] = {}
    for given in inputs:
        said = given.message
        if isinstance(said, commands_pb2.IntakeInput):
            of_shard = found.setdefault(given.record.partition, {})
            _note(of_shard.setdefault(said.home_id, Wanted()), unwrapped(said))
    for timer in due:
        command = forgetting.due(timer.key)
        of_shard = found.setdefault(timer.shard, {})
        want = of_shard.setdefault(command.home_id, Wanted())
        if isinstance(command, CloseExpired):
            want.conversation_ids.add(command.conversation_id)
    return found


def unwrapped(said: commands_pb2.IntakeInput) -> commands_pb2.IntakeInput:
    """What was said at first, if it was forwarded since. Raises `DecodeError`."""
    if not said.HasField("forward"):
        return said
    first = commands_pb2.IntakeInput.FromString(said.forward.envelope)
    if said.forward.conversation_id and first.HasField("inbound_message"):
        first.inbound_message.conversation_hint = said.forward.conversation_id
        del first.inbound_message.in_reply_to[:]
    return first


def _note(want: Wanted, said: commands_pb2.IntakeInput) -> None:
    kind = said.WhichOneof("kind") or ""
    body: Any = getattr(said, kind) if kind else None
    if kind == "inbound_message":
        _note_message(want, said.tenant_id, body)
    elif kind in {"delivery_receipt", "delivery_result"}:
        if body.message_id:
            want.sent_ids.add(body.message_id)
        if body.provider_message_id and (kind == "delivery_result" or not body.message_id):
            want.provider_message_ids.add(body.provider_message_id)
        reason = body.error if kind == "delivery_result" else body.error_code
        want.comes_too_late |= reason == OUTSIDE_WINDOW
    elif kind in _REVISIONS:
        want.message_ids.add(inbound_message_id(body.account_id, body.provider_message_id))
        if kind == "react_to_message":
            want.provider_message_ids.add(body.provider_message_id)
            want.reacted_ids.add(body.provider_message_id)
    elif kind == "call_event":
        call_id = inbound_message_id(body.account_id, body.provider_call_id)
        want.call_ids.add(call_id)
        want.message_ids.add(call_id)
    elif kind in _NAMING_CONVERSATIONS:
        want.conversation_ids.add(body.conversation_id)
        if kind == "attachment_stored":
            want.message_ids.add(body.message_id)
    else:
        _note_regrouping(want, kind, body)


def _note_message(want: Wanted, tenant_id: str, body: commands_pb2.InboundMessage) -> None:
    channel = names.CHANNELS.of_wire(body.channel)
    if body.in_reply_to and channel is not None:
        want.references.update(body.in_reply_to)
        want.parties.add(home_id(tenant_id, channel, body.from_address))
    if body.conversation_hint:
        want.conversation_ids.add(body.conversation_hint)
    if channel in TELEPHONE:
        found = siblings(tenant_id, channel, body.from_address)
        want.neighbours.update(each.home_id for each in found)
    want.neighbours.update(each.home_id for each in body.also_known_as)


def _note_regrouping(want: Wanted, kind: str, body: Any) -> None:
    match kind:
        case "merge":
            want.conversation_ids.update({body.conversation_id, body.source_conversation_id})
        case "split":
            want.conversation_ids.add(body.conversation_id)
            want.message_ids.update(body.message_ids)
        case "hand_over":
            want.conversation_ids.update(body.conversation_ids)
        case "link_identity":
            want.neighbours.add(body.identity.home_id)
