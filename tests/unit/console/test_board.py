"""The board: what it shows of what it was told."""

from __future__ import annotations

from services.console.core.board import CLOCKS_MAX, HOUR_MS, LINES_MAX, Board
from services.console.core.model import (
    Agent,
    Clock,
    Line,
    Presence,
    Queue,
    Source,
    SourceState,
    Window,
    Work,
    WorkState,
)

NOW_MS = 1_795_305_600_000
MINUTE_MS = 60_000


def agent(agent_id: str, presence: Presence, *pools: str) -> Agent:
    return Agent(agent_id, agent_id.title(), presence, 0, 100, 0, pools)


def clock(clock_id: str, due_at_ms: int, pool: str = "") -> Clock:
    return Clock(clock_id, due_at_ms, pool, is_running=due_at_ms > 0, payload=None)


def window(start_ms: int, revision: int = 1, pool: str = "", breached: int = 0) -> Window:
    return Window((start_ms, pool, 4), revision, breached, payload=revision)


def board() -> Board:
    found = Board(NOW_MS)
    found.agents_replaced(
        [
            agent("ann", Presence.AVAILABLE, "billing"),
            agent("bob", Presence.BUSY, "billing", "orders"),
            agent("cid", Presence.OFFLINE, "orders"),
        ]
    )
    found.work_replaced(
        ["billing", "orders", "vip"],
        [
            Work("w1", "billing", WorkState.QUEUED, NOW_MS - 9_000),
            Work("w2", "billing", WorkState.OFFERED, NOW_MS - 12_000, "ann"),
            Work("w3", "billing", WorkState.ASSIGNED, NOW_MS - 90_000, "bob"),
        ],
    )
    return found


def test_queues_are_counted_from_work_and_agents() -> None:
    view = board().view(NOW_MS)
    assert view.queues["billing"] == Queue("billing", 1, 1, 1, NOW_MS - 12_000, 1, 2)
    assert view.queues["orders"] == Queue("orders", agents_signed_in=1)
    assert view.queues["vip"] == Queue("vip")
    assert view.agents["bob"].assigned == 1
    assert (view.totals.queued, view.totals.assigned, view.totals.agents_available) == (1, 1, 1)


def test_work_moves_and_ends() -> None:
    found = board()
    found.work_moved("w1", WorkState.ASSIGNED, "ann")
    found.work_ended("w3")
    found.work_seen(Work("w4", "returns", WorkState.QUEUED, NOW_MS))
    queues = found.view(NOW_MS).queues
    assert (queues["billing"].queued, queues["billing"].assigned) == (0, 1)
    assert queues["returns"].queued == 1


def test_what_is_said_of_unknown_work_changes_nothing() -> None:
    found = board()
    version = found.version
    found.work_moved("w9", WorkState.ASSIGNED, "ann")
    found.work_ended("w9")
    found.presence_changed("zoe", Presence.AWAY, NOW_MS)
    found.agent_removed("zoe")
    assert found.version == version


def test_an_agent_who_comes_is_idle_from_then_on() -> None:
    found = board()
    found.presence_changed("cid", Presence.AVAILABLE, NOW_MS)
    found.presence_changed("ann", Presence.AWAY, NOW_MS)
    found.agent_removed("bob")
    agents = found.view(NOW_MS).agents
    assert (agents["cid"].presence, agents["cid"].idle_since_ms) == (Presence.AVAILABLE, NOW_MS)
    assert agents["ann"].idle_since_ms == 0
    assert "bob" not in agents


def test_the_clocks_shown_are_the_next_to_come_due() -> None:
    found = Board(NOW_MS)
    found.clocks_replaced(clock(f"c{at:03}", NOW_MS + at) for at in range(CLOCKS_MAX + 20))
    found.clock_seen(clock("late", NOW_MS - 1), is_open=True)
    found.clock_seen(clock("paused", 0), is_open=True)
    found.clock_seen(clock("c000", NOW_MS), is_open=False)
    view = found.view(NOW_MS)
    assert len(view.clocks) == CLOCKS_MAX
    assert list(view.clocks)[:2] == ["late", "c001"]
    assert "paused" not in view.clocks
    assert view.totals.clocks_running == CLOCKS_MAX + 20


def test_windows_go_after_an_hour_and_an_older_revision_is_no_news() -> None:
    found = Board(NOW_MS)
    found.windows_replaced([window(NOW_MS - MINUTE_MS, revision=5, breached=2)])
    found.window_seen(window(NOW_MS - MINUTE_MS, revision=4, breached=9))
    found.window_seen(window(NOW_MS - HOUR_MS, breached=9))
    view = found.view(NOW_MS)
    assert [shown.payload for shown in view.windows.values()] == [5]
    assert view.totals.clocks_breached == 2
    assert not found.view(NOW_MS + HOUR_MS).windows


def test_the_latest_lines_come_first_and_only_so_many_are_kept() -> None:
    found = Board(NOW_MS)
    for at in range(LINES_MAX + 5):
        found.happened(Line(f"e{at}", NOW_MS + at, "opened", "t"))
    lines = found.view(NOW_MS).lines
    assert (len(lines), lines[0].event_id) == (LINES_MAX, f"e{LINES_MAX + 4}")


def test_open_conversations_are_counted() -> None:
    found = Board(NOW_MS)
    found.conversations_replaced(["a", "b"])
    found.conversation_seen("c", is_open=True)
    found.conversation_seen("c", is_open=True)
    found.conversation_seen("a", is_open=False)
    assert found.view(NOW_MS).totals.open_conversations == 2


def test_a_browser_that_asks_for_pools_sees_those() -> None:
    found = board()
    found.clocks_replaced([clock("c1", NOW_MS, "billing"), clock("c2", NOW_MS, "orders")])
    found.windows_replaced([window(NOW_MS, pool="billing"), window(NOW_MS, pool="orders")])
    view = found.view(NOW_MS, frozenset({"orders"}))
    assert list(view.queues) == ["orders"]
    assert list(view.clocks) == ["c2"]
    assert [shown.pool for shown in view.windows.values()] == ["orders"]
    assert set(view.agents) == {"bob", "cid"}
    assert (view.totals.queued, view.totals.agents_available) == (0, 0)


def test_a_source_is_told_when_it_changes_and_only_then() -> None:
    found = Board(NOW_MS)
    found.source_changed(Source("kpis", SourceState.LIVE, NOW_MS + 1))
    version = found.version
    found.source_changed(Source("kpis", SourceState.LIVE, NOW_MS + 2))
    assert found.version == version
    assert found.view(NOW_MS).sources["kpis"].since_ms == NOW_MS + 1
    assert found.view(NOW_MS).sources["queues"].state is SourceState.CONNECTING
