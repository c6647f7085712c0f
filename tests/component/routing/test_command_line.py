"""`switchboard work`, as far as it talks to the service: what it asks for and what it prints."""

from __future__ import annotations

import grpc
import pytest
from switchboard.routing.v1 import model_pb2 as model
from typer.testing import CliRunner

from local import cli
from local import work as command_line
from local.errors import StackError
from local.intake import Desk
from tests.component.routing.floor import Floor, Tenant
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="package")


def opened(tenant: Tenant) -> command_line.Work:
    """The commands, as an operator of the tenant."""
    token = tenant.token("admin", subject="operator")
    metadata = (("authorization", f"Bearer {token}"),)
    return command_line.Work(Desk(tenant.doors[0].channel, metadata))


async def test_work_is_listed_moved_given_and_explained(floor: Floor) -> None:
    async with floor.tenant() as tenant:
        work = opened(tenant)
        await tenant.define("ann", pools=["sales"])
        busy = model.PRESENCE_BUSY
        async with tenant.signed_in("ann", presence=busy):
            await tenant.writes("parcel")
            [item] = await until(lambda: work.listed("", "", 10), what="work")
            name = item.work_id
            assert command_line.line_of(item).split()[3:] == [
                *("queued", "sms", "support", "l1", "+0"),
            ]
            skills = command_line.skills_of(["billing=2"])
            moved = await work.do("Transfer", work_id=name, pool="sales", skills=skills)
            assert "sales  l1  +0  billing>=2" in command_line.line_of(moved.work)
            level = command_line.level_of("LEAD")
            await work.do("Escalate", work_id=name, level=level, reason="angry")
            await work.do("Reprioritise", work_id=name, priority=50)
            with pytest.raises(grpc.aio.AioRpcError, match="LEVEL_TOO_LOW"):
                await work.do("Assign", work_id=name, agent_id="ann")
            await work.do("Assign", work_id=name, agent_id="ann", override=True)
            found = await work.found(name)
            assert command_line.line_of(found.work).endswith("lead  +50  billing>=2  ann")
            assert not list(command_line.lines_of_offers(found.offers))
            why = await work.explained(name)
            said, ann = command_line.lines_of_decision(why.decision)
            assert said.endswith(
                "manual  assign  ann  by agent/operator  agent_id ann, override True"
            )
            assert ann == "    ann  level (overridden)  25 free"
            _, escalation, *_ = why.earlier_decision_ids
            before = (await work.explained(name, escalation)).decision
            [said] = command_line.lines_of_decision(before)
            assert said.endswith("escalate  nobody  by agent/operator  level LEAD, reason angry")
            await work.do("Withdraw", work_id=name, reason="spam")
            assert not await work.listed("", "", 10)


@pytest.mark.parametrize("text", ["=3", "billing=x"])
async def test_a_skill_that_is_none_is_said_in_a_sentence(text: str) -> None:
    with pytest.raises(StackError, match="billing=3"):
        command_line.skills_of([text])


async def test_a_level_that_is_none_is_said_in_a_sentence() -> None:
    assert command_line.level_of("") == model.SUPPORT_LEVEL_UNSPECIFIED
    with pytest.raises(StackError, match="l1, l2, l3, lead"):
        command_line.level_of("boss")


@pytest.mark.parametrize(
    "command", ["list", "show", "explain", "assign", "transfer", "escalate", "rank", "withdraw"]
)
async def test_each_command_says_what_it_wants(command: str) -> None:
    told = CliRunner().invoke(cli.app, ["work", command, "--help"])
    assert told.exit_code == 0
    assert "--tenant" in told.output
