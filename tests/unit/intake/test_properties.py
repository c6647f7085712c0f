"""What holds for every history: repeats are harmless, one conversation is live."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.core.commands import (
    CloseExpired,
    Command,
    EditMessage,
    ForgetEarly,
    RetractMessage,
)
from services.intake.core.decide import decide
from services.intake.core.evolve import evolve
from services.intake.core.model import Dossier, Kind, Progress, Status, Tier
from services.intake.core.refusals import Rejection
from tests.unit.intake.given import (
    ACCOUNT,
    CONVERSATION,
    HOME,
    NOON_MS,
    POLICY,
    TENANT,
    empty,
    inbound,
    progress,
    say,
    set_status,
    upsert,
)

DAY_MS = 86_400_000
ids = st.integers(0, 5).map(str)
times = st.integers(NOON_MS - DAY_MS, NOON_MS + 8 * DAY_MS)
conversations = st.sampled_from([CONVERSATION, "c-0", "c-1", "c-2", "c-3"])


def named(number: str, at_ms: int) -> dict[str, Any]:
    """A revision of a message of the customer's."""
    of_message = {"provider_message_id": f"SMin-{number}", "message_id": f"in-{number}"}
    home = {"tenant_id": TENANT, "home_id": HOME, "account_id": ACCOUNT}
    return home | of_message | {"occurred_at_ms": at_ms}


commands = st.one_of(
    st.builds(lambda i, at: inbound(f"in-{i}", at_ms=at, conversation_id=f"c-{i}"), ids, times),
    st.builds(
        lambda i, c, kind, then: say(f"out-{i}", conversation_id=c, kind=kind, then=then),
        ids,
        conversations,
        st.sampled_from([Kind.REPLY, Kind.NOTE, Kind.SURVEY]),
        st.sampled_from([None, *Status]),
    ),
    st.builds(
        lambda s, at, c: set_status(s, at_ms=at, conversation_id=c),
        st.sampled_from(Status),
        times,
        conversations,
    ),
    st.builds(lambda c: CloseExpired(TENANT, HOME, c), conversations),
    st.builds(
        lambda told, i, named: progress(
            told, message_id=f"out-{i}" if named else "", provider_message_id=f"SM-{i}"
        ),
        st.sampled_from(Progress),
        ids,
        st.booleans(),
    ),
    st.builds(
        lambda tier, name: replace(upsert(), tier=tier, display_name=name),
        st.sampled_from([None, *Tier]),
        st.sampled_from([None, "", "Grete"]),
    ),
    st.builds(lambda i, at, text: EditMessage(**named(i, at), text=text), ids, times, ids),
    st.builds(lambda i, at: RetractMessage(**named(i, at)), ids, times),
    st.just(ForgetEarly(TENANT, HOME)),
)
histories = st.lists(st.tuples(commands, st.integers(0, 2 * DAY_MS)), max_size=25)


def play(history: list[tuple[Command, int]]) -> list[tuple[Dossier, int]]:
    """Each state of a history with its log time; refusals change nothing."""
    dossier, now_ms = empty(), NOON_MS
    states = [(dossier, now_ms)]
    for command, passed_ms in history:
        now_ms += passed_ms
        decision = decide(dossier, command, now_ms=now_ms, policy=POLICY)
        dossier = dossier if isinstance(decision, Rejection) else reduce(evolve, decision, dossier)
        states.append((dossier, now_ms))
    return states


@given(histories, commands)
def test_repeating_a_command_yields_nothing(
    history: list[tuple[Command, int]], command: Command
) -> None:
    dossier, now_ms = play(history)[-1]
    decision = decide(dossier, command, now_ms=now_ms, policy=POLICY)
    if isinstance(decision, Rejection):
        return
    after = reduce(evolve, decision, dossier)
    again = decide(after, command, now_ms=now_ms, policy=POLICY)
    assert again == () or isinstance(again, Rejection)
    if isinstance(again, Rejection):  # only a stale name may be refused the second time
        assert decision == ()


@given(histories)
def test_a_customer_has_at_most_one_live_conversation(history: list[tuple[Command, int]]) -> None:
    for dossier, _ in play(history):
        assert sum(c.is_live for c in dossier.conversations.values()) <= 1


@given(histories)
def test_what_is_known_of_a_delivery_never_becomes_less(history: list[tuple[Command, int]]) -> None:
    order = list(Progress)
    states = [dossier for dossier, _ in play(history)]
    for before, after in pairwise(states):
        for message_id, known in before.deliveries.items():
            later = after.deliveries[message_id]
            assert order.index(later.progress) >= order.index(known.progress)


@given(histories)
def test_a_closed_conversation_stays_closed(history: list[tuple[Command, int]]) -> None:
    closed: set[str] = set()
    for dossier, _ in play(history):
        now = {k for k, c in dossier.conversations.items() if c.status is Status.CLOSED}
        assert closed <= now
        closed = now


@settings(max_examples=50)
@given(histories)
def test_the_same_history_ends_in_the_same_state(history: list[tuple[Command, int]]) -> None:
    assert play(history)[-1] == play(history)[-1]


@given(histories)
def test_what_was_taken_back_is_never_read_again(history: list[tuple[Command, int]]) -> None:
    for dossier, _ in play(history):
        for message in dossier.messages.values():
            assert not (message.retracted_at_ms and message.text)


@given(histories)
def test_nothing_waits_for_a_message_that_is_there(history: list[tuple[Command, int]]) -> None:
    for dossier, _ in play(history):
        assert not {early.message_id for early in dossier.early} & dossier.messages.keys()
