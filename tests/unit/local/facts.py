"""Builds the facts of a small, healthy history, for tests that then plant something wrong."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.verify import ledgers
from local.verify.checks.lives import Timers
from local.verify.finding import Kind, Report
from local.verify.judge import Tables, judge
from local.verify.world import (
    ConversationFact,
    LifeFact,
    MessageFact,
    ReplyFact,
    RoutingFact,
    World,
)

DOMAIN = "default/default"
FAR_MS = 10_000_000_000_000


@dataclass
class History:
    """Ledgers, log and tables that agree, until a test changes one of them."""

    ledgers: ledgers.Ledgers = field(default_factory=ledgers.Ledgers)
    world: World = field(default_factory=World)
    timers: dict[str, dict[str, int]] = field(
        default_factory=lambda: {"routing": {}, "sla": {}, "feedback": {}}
    )
    sequence: int = 0

    def judge(self) -> Report:
        """Run every check."""
        timers = {name: Timers(due, 1) for name, due in self.timers.items()}
        return judge(self.ledgers, self.world, Tables(timers=timers))

    def found(self, kind: Kind) -> list[str]:
        """Give what the findings of a kind are about."""
        return [each.what for each in self.judge().findings if each.kind is kind]

    def receive(self, name: str, *, conversation: str = "c1", fate: str = "accepted") -> None:
        """Let a customer's message be accepted and joined to a conversation."""
        self.ledgers.sent.append(ledgers.Sent("twilio", "sms", name, fate, 1))
        self.join(name, conversation=conversation)

    def join(self, name: str, *, conversation: str = "c1") -> None:
        """Let a message join a conversation, whoever sent it."""
        count = len(self.world.messages)
        fact = MessageFact("sms", name, f"m-{name}", conversation, f"conversations/0/{count}")
        self.world.add_message(fact)

    def status(self, status: str, *, conversation: str = "c1") -> None:
        """Let a conversation come to a status."""
        self.sequence += 1
        self.world.add_conversation(ConversationFact(conversation, status, self.sequence, 1))

    def reply(self, name: str, *, delivered: str = "DELIVERED", effects: int = 1) -> None:
        """Let an agent answer, and the provider send it so many times."""
        fact = ReplyFact(name, "c1", "+49", f"text {name}", "REPLY", "", "SMS", f"log/0/{name}")
        self.world.replies[name].append(fact)
        self.world.deliveries[name] = delivered
        self.ledgers.answers.append(ledgers.Answered(f"r-{name}", name, "c1", "a1", 1))
        for number in range(effects):
            self.ledgers.effects.append(
                ledgers.Effect(f"SM{name}{number}", "+49", f"text {name}", 1)
            )

    def route(self, kind: str, *, offer: str = "", agent: str = "", **more: object) -> None:
        """Let routing say something about work `w1` of conversation `c1`."""
        self.sequence += 1
        fields = {"work_id": "w1", "conversation_id": "c1", "cost": 25} | more
        self.world.routing[DOMAIN].append(
            RoutingFact(
                DOMAIN,
                self.sequence,
                kind,
                offer_id=offer,
                agent_id=agent,
                **fields,  # type: ignore[arg-type] # names of the dataclass
            )
        )

    def agent(self, name: str, capacity: int = 100) -> None:
        """Let there be an agent."""
        self.route("agent_changed", agent=name, capacity=capacity, work_id="", conversation_id="")

    def offer(self, name: str, agent: str, **more: object) -> None:
        """Let work be offered, and the agent see it."""
        self.route("offered", offer=name, agent=agent, **more)
        work = str(more.get("work_id", "w1"))
        self.ledgers.offers.append(ledgers.SeenOffer(name, work, "c1", agent, 1))

    def clock(self, step: str, state: str, *, clock: str = "k1") -> None:
        """Let a clock come a step further."""
        self.sequence += 1
        fact = LifeFact(clock, "c1", step, state, f"sla/0/{self.sequence}")
        self.world.clocks[clock].append(fact)

    def survey(self, step: str, state: str, *, survey: str = "s1") -> None:
        """Let a survey come a step further."""
        self.sequence += 1
        fact = LifeFact(survey, "c1", step, state, f"feedback/0/{self.sequence}")
        self.world.surveys[survey].append(fact)


def healthy() -> History:
    """Give one conversation from its first message to the answered survey, all in order."""
    history = History()
    history.agent("a1")
    history.agent("a2")
    history.receive("SM1")
    history.status("OPEN")
    history.route("queued")
    history.clock("started", "RUNNING")
    history.offer("o1", "a1")
    history.route("declined", offer="o1", agent="a1")
    history.route("queued")
    history.offer("o2", "a2")
    history.route("accepted", offer="o2", agent="a2")
    history.route("assigned", offer="o2", agent="a2")
    history.ledgers.accepts.append(ledgers.Accepted("o2", "a2", 1))
    history.reply("r1")
    history.clock("met", "MET")
    history.status("RESOLVED")
    history.route("completed", agent="a2")
    history.survey("scheduled", "SCHEDULED")
    history.survey("sent", "SENT")
    history.survey("answered", "ANSWERED")
    link = "http://127.0.0.1/s/abc"
    asked = ReplyFact(
        "ask", "c1", "+49", f"How was it? {link}", "SURVEY", "s1", "SMS", "conversations/0/9"
    )
    history.world.replies["ask"].append(asked)
    history.world.deliveries["ask"] = "DELIVERED"
    history.ledgers.effects.append(ledgers.Effect("SMask", "+49", asked.text, 1))
    history.ledgers.scores.append(ledgers.Scored(link, 5, 1))
    return history
