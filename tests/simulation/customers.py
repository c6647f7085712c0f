"""Customers: they write on three channels, some of it twice, and answer surveys."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from switchboard.intake.v1.commands_pb2 import IntakeInput, UpsertCustomer

from services.feedback.shell.answers import Answers, Given
from services.feedback.shell.rows import survey_of
from services.intake.core.account import Account
from services.intake.core.commands import ReceiveMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.model import Channel, Tier
from services.intake.shell.channels.protocol import Arrived, Item
from services.intake.shell.channels.twilio_sms import MessageHook
from services.intake.shell.channels.web_form import FormHook
from services.intake.shell.topics import INPUTS
from services.intake.shell.wire import inputs, names
from tests.simulation.doors import posted

if TYPE_CHECKING:
    from tests.simulation.world import World

TEXTS = ("Where is my parcel?", "It came broken.", "Thank you!", "Hello?")
LANGUAGES = ("en", "de", "sv-SE", "")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with one address."""

    account: Account
    address: str
    language: str

    @property
    def home_id(self) -> str:
        """Where their inputs go."""
        return home_id(self.account.tenant_id, self.account.channel, self.address)


@dataclass(frozen=True, slots=True)
class Written:
    """A message as its sender knows it: it was put on the bus, at least once."""

    message_id: str
    home_id: str
    text: str


@dataclass(slots=True)
class Customers:
    """Everybody who writes, and the ledger of what was taken from them."""

    world: World
    people: list[Person] = field(default_factory=list)
    accepted: dict[str, Written] = field(default_factory=dict)
    _said: list[IntakeInput] = field(default_factory=list)
    _numbers: int = 0

    async def act(self) -> str:
        """Somebody writes, writes again, becomes better known, or answers a survey."""
        dice, weather = self.world.dice, self.world.weather
        if self._said and dice.random() < weather.repeats:
            return await self._put(dice.choice(self._said), "is repeated")
        if self.people and dice.random() < 0.08:
            return await self._upgrade(dice.choice(self.people))
        return await self._write(self._somebody())

    async def answer_survey(self) -> str:
        """Somebody answers a survey that was sent, perhaps again, perhaps too late."""
        dice = self.world.dice
        found = await self.world.stores["feedback"].rows.select("survey")
        sent = [row for row in found if row["sent_at_ms"] is not None]
        if not sent:
            return "no survey to answer"
        survey = survey_of(dice.choice(sent))
        given = Given(
            score=dice.randint(1, 5),
            comment="",
            source="link",
            request_id=f"answer-{survey.survey_id}-{dice.randint(1, 2)}",
            actor=f"customer/{survey.recipient.customer_id}",
        )
        answers = Answers(self.world.edge, now_ms=self.world.clock)
        await self.world.attempt(answers.submit(survey, given))
        return f"survey {survey.survey_id[:8]} is answered with {given.score}"

    def _somebody(self) -> Person:
        dice = self.world.dice
        if self.people and dice.random() < 0.7:
            return dice.choice(self.people)
        of_texts = dice.random() < 0.6
        fitting = [
            a for a in self.world.known_accounts.values() if (a.channel is Channel.SMS) == of_texts
        ]
        account = dice.choice(fitting)
        number = len(self.people)
        address = {
            Channel.SMS: f"+46701740{605 + number}",
            Channel.FORM: f"kim{number}@mail.example",
        }.get(account.channel, f"user-{number}")
        person = Person(account, address, dice.choice(LANGUAGES))
        self.people.append(person)
        return person

    async def _write(self, person: Person) -> str:
        self._numbers += 1
        item = self._item(person, f"{self._numbers:08d}", self.world.dice.choice(TEXTS))
        assert isinstance(item, Arrived)
        said = inputs.received(item.message, client_message_id=item.client_message_id)
        self._said.append(said)
        return await self._put(said, "writes")

    async def _put(self, said: IntakeInput, how: str) -> str:
        """Put it on the bus. A sender who is not told that it was taken tries again later."""
        message = said.inbound_message
        before = self.world.edge.taken
        await self.world.put(INPUTS, said.home_id, said)
        if self.world.edge.taken > before:
            written = Written(message.message_id, said.home_id, message.text)
            self.accepted[message.message_id] = written
        return f"{message.from_address} {how} ({message.message_id[:8]})"

    def _item(self, person: Person, name: str, text: str) -> Item:
        """What the door of the account makes of it."""
        account, now_ms = person.account, self.world.clock()
        if account.channel is Channel.SMS:
            sms = {"MessageSid": f"SM{name}", "From": person.address, "To": account.address}
            return MessageHook().parse(posted(now_ms, sms | {"Body": text}), account)[0]
        if account.channel is Channel.FORM:
            form = {"email": person.address, "text": text, "message_id": name}
            form["language"] = person.language
            return FormHook().parse(posted(now_ms, form), account)[0]
        return Arrived(self._submitted(person, name, text, now_ms), name)

    def _submitted(self, person: Person, name: str, text: str, now_ms: int) -> ReceiveMessage:
        """As a program submits it: with a tier, and its own word on when it was written."""
        dice, account = self.world.dice, person.account
        is_skewed = dice.random() < self.world.weather.skew
        skew_ms = dice.choice((-3_600_000, -60_000, -1_000, 60_000)) if is_skewed else 0
        return ReceiveMessage(
            tenant_id=account.tenant_id,
            home_id=person.home_id,
            account_id=account.account_id,
            channel=account.channel,
            from_address=person.address,
            to_address=account.address,
            message_id=inbound_message_id(account.account_id, name),
            provider_message_id="",
            text=text,
            occurred_at_ms=now_ms + skew_ms,
            received_at_ms=now_ms,
            new_conversation_id="",
            language=person.language,
            tier=dice.choice((None, *Tier)),
        )

    async def _upgrade(self, person: Person) -> str:
        """Somebody's tier is stated, as by CustomerService."""
        tier = self.world.dice.choice(list(Tier))
        self._numbers += 1
        said = IntakeInput(
            tenant_id=person.account.tenant_id,
            request_id=f"upsert-{self._numbers}",
            actor="service/crm",
            home_id=person.home_id,
            received_at_ms=self.world.clock(),
            upsert_customer=UpsertCustomer(fields=["tier"]),
        )
        customer = said.upsert_customer.customer
        customer.tier = names.TIERS.to_wire(tier)
        customer.identities.add(
            channel=names.CHANNELS.to_wire(person.account.channel), address=person.address
        )
        await self.world.put(INPUTS, said.home_id, said)
        return f"{person.address} is {tier} now"
