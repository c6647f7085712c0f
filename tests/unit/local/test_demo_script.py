"""The traffic is what was asked for: about three messages a conversation, a fifth of them new."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from random import Random

import pytest

from local.demo import canaries
from local.demo.order import Order, doors_of
from local.demo.people import (
    DOORS,
    LANGUAGES,
    TIERS,
    Door,
    Person,
    address_at,
    planted_at,
    strangers,
)
from local.demo.script import Script, Utterance, known_wanted
from local.errors import StackError
from services.intake.core.model import Channel
from services.intake.shell.addresses import normalise

RATE, MESSAGES = 50.0, 6_000


def played(seed: int) -> tuple[list[Utterance], set[Person]]:
    random = Random(seed)
    people = strangers(random)
    planted = list(islice(people, len(canaries.ALL)))
    known = list(islice(people, known_wanted(messages=MESSAGES)))
    script = Script(random, people, known)
    return [script.next(number / RATE) for number in range(MESSAGES)], {*known, *planted}


def test_the_same_seed_plays_the_same_messages() -> None:
    assert played(3)[0] == played(3)[0]
    assert played(3)[0] != played(4)[0]


def test_about_three_messages_a_conversation() -> None:
    utterances, _ = played(1)
    conversations = sum(each.turn == 0 for each in utterances)
    assert 2.7 < MESSAGES / conversations < 3.3


def test_a_fifth_comes_from_new_customers() -> None:
    utterances, known = played(1)
    new = sum(each.person not in known for each in utterances)
    assert 0.17 < new / MESSAGES < 0.23


def test_a_conversation_s_messages_come_in_order_and_apart() -> None:
    utterances, _ = played(1)
    turns: dict[str, list[int]] = {}
    for each in utterances:
        turns.setdefault(each.person.address, []).append(each.turn)
    for spoken in turns.values():
        assert all(after in {0, before + 1} for before, after in pairwise(spoken))


def test_there_are_all_tiers_languages_and_doors() -> None:
    people = list(islice(strangers(Random(1)), 2_000))
    assert {each.tier for each in people} == set(TIERS)
    assert {each.language for each in people} == set(LANGUAGES)
    doors = Counter(each.door for each in people)
    assert 900 < doors[Door.TWILIO] < 1_100
    assert doors.keys() == set(Door)
    assert min(doors.values()) > 60
    assert len({each.address for each in people}) == len(people)


def test_the_planted_ones_come_first_and_are_twenty() -> None:
    planted = list(islice(strangers(Random(1)), 20))
    assert {each.address for each in planted[:10]} == set(canaries.ADDRESSES)
    assert {each.secret for each in planted[10:]} == set(canaries.TEXTS)
    assert all(each.secret in each.says(0) for each in planted)
    assert len(set(canaries.ALL)) == 20


def test_people_write_only_where_they_are_asked_to() -> None:
    doors = doors_of(["telegram", "whatsapp"])
    people = list(islice(strangers(Random(1), doors), 200))
    assert {each.door for each in people} == set(doors) == {Door.TELEGRAM, Door.WHATSAPP}
    planted = [each for each in people if each.secret or each.address in canaries.ADDRESSES]
    assert len(planted) == planted_at(doors) == 20
    assert planted_at(doors_of(["line", "form"])) == len(canaries.TEXTS)
    assert doors_of([]) == DOORS


def test_a_channel_that_the_demo_lacks_is_refused_with_the_list() -> None:
    with pytest.raises(StackError, match=r"takes sms, whatsapp.*, not voice"):
        doors_of(["sms", "voice"])


@pytest.mark.parametrize("door", Door)
def test_an_address_is_what_its_channel_takes_it_for(door: Door) -> None:
    medium = Channel(door.channel.upper())
    address = address_at(door, 2_345_678)
    assert normalise(medium, address) == address


@pytest.mark.parametrize(
    ("rate", "seconds", "messages", "agents"), [(20, 60, 1200, 16), (100, 60, 6000, 80)]
)
def test_an_order_says_how_much_there_is_to_do(
    rate: float, seconds: float, messages: int, agents: int
) -> None:
    order = Order(rate=rate, seconds=seconds)
    assert (order.messages, order.agents) == (messages, agents)
