"""Changes between two looks: applied to the first they give the second."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.console.core.looking import difference
from services.console.core.model import (
    Agent,
    Change,
    Clock,
    Line,
    Presence,
    Queue,
    Totals,
    View,
    Window,
)

names = st.sampled_from("abcdef")
numbers = st.integers(0, 3)
views = st.builds(
    View,
    queues=st.dictionaries(names, numbers).map(
        lambda found: {key: Queue(key, number) for key, number in found.items()}
    ),
    agents=st.dictionaries(names, numbers).map(
        lambda found: {
            key: Agent(key, key, Presence.BUSY, number, 9, 0) for key, number in found.items()
        }
    ),
    clocks=st.dictionaries(names, numbers).map(
        lambda found: {
            key: Clock(key, number, "", is_running=True, payload=None)
            for key, number in found.items()
        }
    ),
    windows=st.dictionaries(numbers, numbers).map(
        lambda found: {
            (start, "", 0): Window((start, "", 0), number, 0, None)
            for start, number in found.items()
        }
    ),
    lines=st.lists(names, unique=True).map(lambda ids: tuple(Line(at, 0, "", "") for at in ids)),
    indicators=st.lists(numbers, max_size=2).map(tuple),
    totals=st.builds(Totals, queued=numbers),
)


def applied(view: View, change: Change) -> View:
    """What a browser does with a change; lines and old windows it drops by itself."""
    agents = {key: row for key, row in view.agents.items() if key not in change.removed_agent_ids}
    clocks = {key: row for key, row in view.clocks.items() if key not in change.removed_clock_ids}
    return replace(
        view,
        queues={**view.queues, **{row.pool: row for row in change.queues}},
        agents={**agents, **{row.agent_id: row for row in change.agents}},
        clocks={**clocks, **{row.clock_id: row for row in change.clocks}},
        windows={**view.windows, **{row.key: row for row in change.windows}},
        indicators=change.indicators or view.indicators,
        totals=change.totals or view.totals,
    )


@given(views, views)
def test_a_change_leads_from_one_view_to_the_other(before: View, after: View) -> None:
    change = difference(before, after)
    if change is None:
        assert before == after
        return
    reached = applied(before, change)
    assert reached.agents == after.agents
    assert reached.clocks == after.clocks
    assert {key: reached.queues[key] for key in after.queues} == after.queues
    assert {key: reached.windows[key] for key in after.windows} == after.windows
    assert reached.totals == after.totals
    assert {*before.lines, *change.lines} >= set(after.lines)


@given(views)
def test_nothing_changed_is_no_change(view: View) -> None:
    assert difference(view, replace(view)) is None
