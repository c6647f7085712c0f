"""Puts all checks together: facts in, report out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from local.verify.checks import agents, effects, lives, log, messages, tables, work
from local.verify.finding import Finding, Report, report
from local.verify.holding import Replay
from local.verify.ledgers import Ledgers
from local.verify.world import World

SURVEY = "SURVEY"
LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Tables:
    """What the services' tables say, as far as it is compared."""

    timers: Mapping[str, lives.Timers] = field(default_factory=dict)
    """By service."""
    work: Mapping[str, str] | None = None
    """State of open work by id; None leaves it out."""
    rows: Mapping[str, tables.Values] = field(default_factory=dict)
    """By table's name: what each row says of what the log says too."""


def judge(ledgers: Ledgers, world: World, stored: Tables) -> Report:
    """Run every check."""
    replayed = {domain: work.replay(facts) for domain, facts in world.routing.items()}
    states = [state for state, _ in replayed.values()]
    findings = [finding for _, wrong in replayed.values() for finding in wrong]
    findings += log.check(world)
    findings += _intake(ledgers, world)
    findings += _routing(ledgers, world, states, stored)
    findings += _lives(ledgers, world, states, stored)
    findings += tables.check(stored.rows, world, states)
    return report(findings, _looked_at(ledgers, world, states))


def _intake(ledgers: Ledgers, world: World) -> Iterator[Finding]:
    yield from messages.check(ledgers.sent, world)
    yield from messages.check_log(world)
    yield from effects.check(ledgers.effects, world)
    yield from effects.check_answers(ledgers.answers, world)
    yield from effects.check_log(world)


def _routing(
    ledgers: Ledgers, world: World, states: list[Replay], stored: Tables
) -> Iterator[Finding]:
    for state in states:
        yield from work.check_holding(state)
    yield from work.check_open(world, states)
    yield from agents.check_offers(ledgers.offers, states)
    yield from agents.check_accepts(ledgers.accepts, states)
    if stored.work is not None:
        yield from work.check_table(states, stored.work)


def _lives(
    ledgers: Ledgers, world: World, states: list[Replay], stored: Tables
) -> Iterator[Finding]:
    nothing = lives.Timers({}, 0)
    yield from lives.check_offers(states, stored.timers.get("routing", nothing))
    yield from lives.check_clocks(world, stored.timers.get("sla", nothing))
    yield from lives.check_surveys(world, stored.timers.get("feedback", nothing))
    yield from lives.check_answers(_surveys_of_links(ledgers, world), world)


def _surveys_of_links(ledgers: Ledgers, world: World) -> dict[str, str]:
    """Give the survey that each answered link was sent for: it is in that survey's message."""
    asked = {
        link: facts[0].source_id
        for facts in world.replies.values()
        if facts[0].purpose == SURVEY
        for link in LINK.findall(facts[0].text)
    }
    return {each.link: asked.get(each.link, "") for each in ledgers.scores}


def _looked_at(ledgers: Ledgers, world: World, states: list[Replay]) -> dict[str, int]:
    return {
        "records": world.records,
        "repeats": world.repeats,
        "sent": len(ledgers.sent),
        "effects": len(ledgers.effects),
        "conversations": len(world.conversations),
        "replies": len(world.replies),
        "work": sum(len(state.work) for state in states),
        "offers": sum(len(state.offers) for state in states),
        "clocks": len(world.clocks),
        "surveys": len(world.surveys),
    }
