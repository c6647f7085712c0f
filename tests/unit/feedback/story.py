"""A customer's surveys and cooldown, driven as the engine drives their shards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from services.feedback.core.commands import Command, Expire, Resolve, Send, Settle
from services.feedback.core.decide import decide
from services.feedback.core.events import Event, Rejection, TurnRequested
from services.feedback.core.evolve import evolve
from services.feedback.core.link import Links
from services.feedback.core.model import Case, Contact, Recipient, State, Survey, survey_id_of
from services.feedback.core.patience import take_turn
from services.feedback.core.policies import DAY_MS, Policy

LINKS = Links(keys=(b"k" * 32,), base_url="https://feedback.example")
POLICY = Policy(links=LINKS, delay_ms=2_000, cooldown_ms=0, answer_within_ms=7 * DAY_MS)


def recipient(conversation_id: str = "conv-1", *, channel: str = "SMS") -> Recipient:
    return Recipient(
        tenant_id="default",
        conversation_id=conversation_id,
        customer_id="cust-1",
        home_id="home-1",
        channel=channel,
        account_id="sms-1",
        tier="BASIC",
        language="de",
        agent_id="agent-7",
    )


def resolved(number: int = 1, *, conversation_id: str = "conv-1", channel: str = "SMS") -> Resolve:
    """The `number`th resolution of a conversation."""
    return Resolve(
        recipient=recipient(conversation_id, channel=channel),
        resolution_id=f"resolution-{number}",
        resolved_at_ms=1_000,
    )


def survey_id(number: int = 1, *, conversation_id: str = "conv-1") -> str:
    return survey_id_of(conversation_id, f"resolution-{number}")


@dataclass
class Desk:
    """All cases of one customer with their timers, and the customer's contact."""

    policy: Policy = POLICY
    now_ms: int = 1_000
    cases: dict[str, Case] = field(default_factory=dict)
    contact: Contact = field(default_factory=lambda: Contact("default", "cust-1"))
    said: list[Event] = field(default_factory=list)

    def tell(self, command: Command, *, conversation_id: str = "conv-1") -> list[Event]:
        """Play `command` and whatever turn it asks for; returns the events, none if refused."""
        answer = self.ask(command, conversation_id=conversation_id)
        return [] if isinstance(answer, Rejection) else list(answer)

    def ask(
        self, command: Command, *, conversation_id: str = "conv-1"
    ) -> tuple[Event, ...] | Rejection:
        """As `tell`, but a refusal is returned."""
        case = self.cases.get(conversation_id, Case(conversation_id))
        answer = decide(case, command, self.now_ms, self.policy)
        if isinstance(answer, Rejection):
            return answer
        for event in answer:
            case = evolve(case, event)
        self.cases[conversation_id] = case
        self.said += answer
        return (*answer, *self._turns(answer, conversation_id))

    def _turns(self, events: tuple[Event, ...], conversation_id: str) -> list[Event]:
        followed: list[Event] = []
        for event in events:
            if isinstance(event, TurnRequested):
                asked = event.survey.survey_id
                self.contact, granted = take_turn(
                    self.contact, asked, self.now_ms, self.policy.cooldown_ms
                )
                followed += self.tell(Settle(asked, granted), conversation_id=conversation_id)
        return followed

    def pass_time(self, for_ms: int) -> None:
        """Let time pass and fire every timer of a live survey when it is due."""
        until_ms = self.now_ms + for_ms
        while (due := min(self._timers(), default=None)) is not None and due[0] <= until_ms:
            self.now_ms = max(self.now_ms, due[0])
            self.tell(due[3], conversation_id=due[1])
        self.now_ms = until_ms

    def _timers(self) -> Iterator[tuple[int, str, str, Command]]:
        for conversation_id, case in self.cases.items():
            for survey in case.surveys:
                asked = survey.survey_id
                if survey.state is State.SCHEDULED:
                    yield survey.send_at_ms, conversation_id, asked, Send(asked)
                if survey.state is State.SENT and survey.expires_at_ms is not None:
                    yield survey.expires_at_ms, conversation_id, asked, Expire(asked)

    def survey(self, number: int = 1, *, conversation_id: str = "conv-1") -> Survey:
        """The survey of the `number`th resolution."""
        found = self.cases[conversation_id].survey(
            survey_id(number, conversation_id=conversation_id)
        )
        assert found is not None
        return found
