"""The doors of the services: what a webhook, a gRPC call or an agent's stream puts on the bus.

The real doors are used wherever they need no socket: webhooks are parsed by their hooks, replies go
through ConversationService, agents' statements through those of AgentSession. What is ours here is
the way into Kafka, which may keep to itself whether it has taken a record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any
from urllib.parse import urlencode

from google.protobuf.message import Message
from switchboard.engine.v1.records_pb2 import CommandOutcome

from services.chassis.bus.commands import CommandBus, OutcomeUnknown
from services.chassis.bus.fates import BusUnavailable
from services.intake.core.account import OUTSIDE_WINDOW_ACCOUNT, Account, IfUnseen
from services.intake.core.model import Channel, Conversation
from services.intake.shell import rows
from services.intake.shell.channels.forms import URLENCODED
from services.intake.shell.channels.protocol import Incoming
from services.intake.shell.store import ConversationStore
from tests.support.memory_bus import MemoryBus
from tests.support.memory_store import MemoryStore


class Edge(CommandBus):
    """The way onto the bus. It waits for no outcome: who asks again gets it."""

    def __init__(
        self,
        bus: MemoryBus,
        stores: Mapping[str, MemoryStore],  # by service
        falters: Callable[[], bool],
    ) -> None:
        self._log = bus
        self._stores = stores
        self._falters = falters
        self.taken = 0  # records

    async def publish(
        self,
        topic: str,
        key: str,
        message: Message,
        *,
        subject: str = "",
        partition: int | None = None,
    ) -> None:
        """Append, or fail before or after it. Raises `BusUnavailable`: not known accepted."""
        del subject
        if self._falters():
            raise BusUnavailable("not taken")
        self._log.append(topic, key.encode(), message.SerializeToString(), partition=partition)
        self.taken += 1
        if self._falters():
            raise BusUnavailable("taken, and nobody is told")

    async def submit(
        self, topic: str, key: str, message: Message, *, request_key: str, timeout_s: float
    ) -> CommandOutcome:
        """The outcome where it is known; else `OutcomeUnknown`, as after a timeout."""
        known = await self._stores[topic.partition(".")[0]].outcomes([request_key])
        if request_key in known:
            return CommandOutcome.FromString(known[request_key])
        await self.publish(topic, key, message)
        raise OutcomeUnknown(request_key)


class Conversations(ConversationStore):
    """Reads of conversations from memory."""

    def __init__(self, store: MemoryStore) -> None:
        self._rows = store.rows

    async def conversation(self, tenant_id: str, conversation_id: str) -> Conversation | None:
        """One of the tenant's."""
        found = await self._rows.select(
            "conversation", conversation_id=conversation_id, tenant_id=tenant_id
        )
        return rows.conversation_of(found[0]) if found else None


def accounts(tenant_id: str, dice: Random) -> Mapping[str, Account]:
    """Two numbers, a form and an API of a tenant, by account id.

    What may not be said over the first number is said over the second.
    """
    return {
        f"{tenant_id}-{name}": Account(
            account_id=f"{tenant_id}-{name}",
            tenant_id=tenant_id,
            channel=channel,
            provider=provider,
            address=address,
            display_name="",
            enabled=True,
            language="en",
            pool_hint="",
            tags=(),
            if_unseen=dice.choice(list(IfUnseen)),
            settings={OUTSIDE_WINDOW_ACCOUNT: f"{tenant_id}-other"} if name == "twilio" else {},
            created_at_ms=0,
            updated_at_ms=0,
            version=1,
        )
        for name, provider, channel, address in (
            ("twilio", "twilio", Channel.SMS, "+46701740600"),
            ("other", "twilio", Channel.SMS, "+46701740601"),
            ("web", "web", Channel.FORM, "contact"),
            ("api", "api", Channel.API, "app"),
        )
    }


class Accounts:
    """Where account books read."""

    def __init__(self, known: Mapping[str, Account]) -> None:
        self._known = known

    async def read(self, account_id: str) -> Account | None:
        """An account, or None."""
        return self._known.get(account_id)


def posted(
    now_ms: int, form: Mapping[str, Any], query: Mapping[str, str] | None = None
) -> Incoming:
    """A form as a webhook receives it."""
    return Incoming(
        url="",
        query=query or {},
        headers={"content-type": URLENCODED},
        body=urlencode(form).encode(),
        now_ms=now_ms,
    )
