"""Invariants 2, 3, 5, 6: one piece of work, one holder, nobody idle, first come first served."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from traceback import extract_tb

from switchboard.intake.v1.events_pb2 import ConversationEvent
from switchboard.routing.v1 import events_pb2 as pb
from switchboard.routing.v1 import model_pb2 as model

from services.routing.core.domain import Domain
from services.routing.shell.topics import CONVERSATIONS, EVENTS
from tests.simulation.group import Violation
from tests.simulation.judges.reading import check, events, records, rows
from tests.simulation.world import World
from tests.unit.routing import oracle

OPEN_WORK = ["QUEUED", "OFFERED", "ASSIGNED"]
OFFER_ENDS = ("accepted", "declined", "offer_timed_out", "offer_rescinded")


async def judge(world: World) -> None:
    """Work against conversations, the floor by its tables' owner, and its history by its events."""
    await _one_work_each(world)
    for domain, now_ms in floors(world):
        try:
            oracle.check(domain, now_ms)
        except AssertionError as error:
            law = extract_tb(error.__traceback__)[-1].name
            raise Violation(f"the floor of {domain.key}: not {law}") from error
    for floor in _histories(world):
        floor.judge()


async def _one_work_each(world: World) -> None:
    work = Counter(row["conversation_id"] for row in await rows(world, "work", state=OPEN_WORK))
    conversations = {row["conversation_id"]: row for row in await rows(world, "conversation")}
    check(not work.keys() - conversations.keys(), "work for a conversation that does not exist")
    for name, row in conversations.items():
        wanted = 1 if row["status"] == "OPEN" else 0
        if wanted and not work[name] and await _is_put_to_rest(world, name):
            continue
        check(work[name] == wanted, f"{row['status']} conversation {name} has {work[name]} work")


async def _is_put_to_rest(world: World, conversation_id: str) -> bool:
    """Whether a supervisor withdrew its last work, and its customer has not written since."""
    made = await rows(world, "decision", conversation_id=conversation_id)
    withdrawn_ms = max((decision["decided_ms"] for decision in made), default=0)
    last = {decision["reason"] for decision in made if decision["decided_ms"] == withdrawn_ms}
    if "withdraw" not in last:
        return False
    for record in records(world, CONVERSATIONS):
        event = ConversationEvent.FromString(record.value)
        wrote = event.HasField("message_added") and not event.message_added.message.automatic
        if event.conversation.conversation_id == conversation_id and wrote:
            check(record.append_ms < withdrawn_ms, f"{conversation_id} wrote and waits for nobody")
    return True


def floors(world: World) -> Iterator[tuple[Domain, int]]:
    """The domains as their owners hold them, with their log time."""
    for member in world.groups["routing.matcher"].members:
        for shard in member.node.engine.shards.values():
            for domain in shard.state.domains.values():
                yield domain, shard.now_ms


def _histories(world: World) -> Iterator[_Floor]:
    told: dict[tuple[str, str], list[pb.RoutingEvent]] = defaultdict(list)
    for event in events(world, EVENTS, pb.RoutingEvent):
        if event.sequence:
            told[event.tenant_id, event.domain].append(event)
    policy = world.policies.routing
    for key in sorted(told):
        ordered = sorted(told[key], key=lambda event: event.sequence)
        yield _Floor(ordered, policy.decline_cooldown_ms, policy.max_transfers)


@dataclass(slots=True)
class _Floor:
    """One domain, told by its events in their order."""

    events: list[pb.RoutingEvent]
    cooldown_ms: int
    transfers_max: int
    waiting: dict[str, model.WorkItem] = field(default_factory=dict)
    offers: dict[str, model.Offer] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    arrived: dict[str, int] = field(default_factory=dict)
    holder: dict[str, tuple[str, int]] = field(default_factory=dict)  # work: agent, cost
    writing: list[tuple[str, str, int]] = field(default_factory=list)  # work, agent, cost
    numbers: dict[str, int] = field(default_factory=dict)  # work: assignments
    moves: dict[str, int] = field(default_factory=dict)  # work: transfers
    capacity: dict[str, int] = field(default_factory=dict)
    resting: dict[tuple[str, str], int] = field(default_factory=dict)  # work, agent: until

    def judge(self) -> None:
        """Play it all."""
        numbers = [event.sequence for event in self.events]
        check(numbers == list(range(1, len(numbers) + 1)), f"events are numbered {numbers}")
        for event in self.events:
            self._apply(event)

    def _apply(self, event: pb.RoutingEvent) -> None:
        kind = event.WhichOneof("kind") or ""
        if kind in OFFER_ENDS:
            self._offer_ended(event, kind)
        elif kind in _PLAY:
            _PLAY[kind](self, event)

    def _agent_changed(self, event: pb.RoutingEvent) -> None:
        agent = event.agent_changed.agent
        self.capacity[agent.agent_id] = agent.capacity

    def _queued(self, event: pb.RoutingEvent) -> None:
        work = event.queued.work
        self.holder.pop(event.work_id, None)
        self.waiting[event.work_id] = work
        first_ms = self.arrived.setdefault(event.work_id, work.arrived_at_ms)
        check(work.arrived_at_ms == first_ms, f"work {event.work_id} arrived a second time")

    def _updated(self, event: pb.RoutingEvent) -> None:
        if event.work_id in self.waiting:
            self.waiting[event.work_id] = event.work_updated.work

    def _ended(self, event: pb.RoutingEvent) -> None:
        self.waiting.pop(event.work_id, None)
        self._let_go(event.work_id, event.completed.wrap_up_ends_at_ms)

    def _let_go(self, work_id: str, wrap_up_ends_ms: int) -> None:
        """Nobody has it; whoever had it may write up, which takes as much of them."""
        agent_id, cost = self.holder.pop(work_id, ("", 0))
        if wrap_up_ends_ms:
            self.writing.append((work_id, agent_id, cost))

    def _written_up(self, event: pb.RoutingEvent) -> None:
        mine = (event.work_id, event.wrap_up_ended.agent_id)
        self.writing.remove(next(each for each in self.writing if each[:2] == mine))

    def _transferred(self, event: pb.RoutingEvent) -> None:
        said = event.transferred
        self.moves[event.work_id] = self.moves.get(event.work_id, 0) + 1
        check(said.number == self.moves[event.work_id], f"transfers of {event.work_id} are lost")
        check(said.number <= self.transfers_max, f"{event.work_id} is passed on for ever")
        self._moved(event, said.from_agent_id, said.wrap_up_ends_at_ms)

    def _escalated(self, event: pb.RoutingEvent) -> None:
        said = event.escalated
        check(said.from_level <= said.to_level, f"{event.work_id} went down the ladder")
        self._moved(event, said.agent_id, said.wrap_up_ends_at_ms)

    def _moved(self, event: pb.RoutingEvent, gone: str, wrap_up_ends_ms: int) -> None:
        had = self.holder.get(event.work_id, ("", 0))[0]
        check(had == gone, f"{event.work_id} was taken from {gone}, {had} had it")
        self._let_go(event.work_id, wrap_up_ends_ms)
        if gone:
            self.resting[event.work_id, gone] = event.occurred_at_ms + self.cooldown_ms

    def _assigned(self, event: pb.RoutingEvent) -> None:
        given = event.assigned.assignment
        number = self.numbers.get(event.work_id, 0) + 1
        check(event.assigned.number == number, f"assignments of {event.work_id} are lost")
        self.numbers[event.work_id] = number
        self.waiting.pop(event.work_id, None)
        is_new = event.work_id not in self.holder  # else its offer has taken the capacity
        known = self.holder.setdefault(event.work_id, (given.agent_id, given.cost))
        check(known[0] == given.agent_id, f"work {event.work_id} has two agents")
        if is_new and not given.override:
            self._check_capacity(given.agent_id)

    def _check_capacity(self, agent_id: str) -> None:
        taken = [*self.holder.values(), *(each[1:] for each in self.writing)]
        used = sum(cost for name, cost in taken if name == agent_id)
        check(used <= self.capacity[agent_id], f"{agent_id} uses {used} of {self.capacity}")

    def _offered(self, event: pb.RoutingEvent) -> None:
        offer = event.offered.offer
        work = self.waiting.pop(event.work_id, None)
        check(work is not None, f"work {event.work_id} was offered and did not wait")
        assert work is not None
        check(offer.offer_id not in self.offers, f"offer {offer.offer_id} was made twice")
        self.offers[offer.offer_id] = offer
        self._check_turn(work, offer)
        self.holder[event.work_id] = (offer.agent_id, offer.cost)
        self._check_capacity(offer.agent_id)

    def _check_turn(self, work: model.WorkItem, offer: model.Offer) -> None:
        """Nothing like it has waited longer, but for what this agent had just declined."""
        for other in self.waiting.values():
            earlier = (other.arrived_at_ms, other.work_id) < (work.arrived_at_ms, work.work_id)
            rests = self.resting.get((other.work_id, offer.agent_id), 0) > offer.offered_at_ms
            if earlier and not rests and _line(other) == _line(work):
                raise Violation(f"work {work.work_id} was offered before {other.work_id}")

    def _offer_ended(self, event: pb.RoutingEvent, kind: str) -> None:
        said = getattr(event, kind)
        offer = self.offers.get(said.offer_id)
        check(offer is not None, f"offer {said.offer_id} ended and was never made")
        assert offer is not None
        check(offer.offer_id not in self.ended, f"offer {offer.offer_id} ended twice")
        self.ended.add(offer.offer_id)
        if kind == "accepted":
            return
        self.holder.pop(event.work_id, None)
        if kind != "offer_rescinded":
            until_ms = event.occurred_at_ms + self.cooldown_ms
            self.resting[event.work_id, offer.agent_id] = until_ms


_PLAY: Mapping[str, Callable[[_Floor, pb.RoutingEvent], None]] = {
    "agent_changed": _Floor._agent_changed,
    "queued": _Floor._queued,
    "work_updated": _Floor._updated,
    "offered": _Floor._offered,
    "abandoned": _Floor._ended,
    "completed": _Floor._ended,
    "wrap_up_ended": _Floor._written_up,
    "assigned": _Floor._assigned,
    "transferred": _Floor._transferred,
    "escalated": _Floor._escalated,
}


def _line(work: model.WorkItem) -> tuple[object, ...]:
    """What makes two pieces of work take their turns."""
    skills = tuple((skill.name, skill.min_level) for skill in work.skills)
    language = work.language.partition("-")[0].lower()
    return (work.pool, work.channel, language, skills, work.level, work.priority)
