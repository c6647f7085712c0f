"""The commands against a running stack."""

from __future__ import annotations

from tests.e2e.conftest import Result, Stack

SERVICES = {"intake", "routing", "sla", "feedback", "insights", "console"}


def test_up_again_prints_the_same_addresses(stack: Stack) -> None:
    again = stack.run("up", "-o", "json")
    assert again.status == 0
    assert set(again.json["services"]) == SERVICES
    assert again.json["processes"] == {each.name: each.pid for each in stack.state.processes}


def test_status_shows_every_process_ready(stack: Stack) -> None:
    shown = stack.run("status", "-o", "json")
    assert shown.status == 0, shown.out
    assert {row["service"] for row in shown.json["processes"]} == SERVICES | {
        "kafka",
        "postgres",
        "simulator",
    }


def test_the_doctor_finds_nothing(stack: Stack) -> None:
    examined = stack.run("doctor", "-o", "json")
    wrong = [check for check in examined.json["checks"] if check["result"] != "success"]
    assert (examined.status, wrong) == (0, [])


def test_topics_and_schemas_are_up_to_date(stack: Stack) -> None:
    assert stack.run("topics", "check").status == 0
    migrated = stack.run("migrate", "-o", "json")
    assert migrated.json
    assert not any(migrated.json.values())


def test_logs_of_a_service_are_shown(stack: Stack, demo: Result) -> None:
    shown = stack.run("logs", "intake", "-n", "5")
    assert shown.status == 0
    assert '"service":"intake"' in shown.out
    assert stack.run("logs", "no-such-service").status == 1


def test_resident_memory_stays_within_its_limit(demo: Result) -> None:
    too_big = {name: mb for name, mb in demo.json["rss_mb"].items() if mb > 150}
    assert too_big.keys() <= {"kafka"}
