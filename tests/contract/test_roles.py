"""Who may call what: every RPC says so, and everything that is to come has its name already."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import MethodDescriptor
from switchboard.options.v1 import roles_pb2

from tests.support import descriptors

KNOWN = {"agent", "supervisor", "admin", "service", "public"}
CUSTOMERS_DOORS: frozenset[str] = frozenset()  # RPCs without a token: none; customers use HTTP
NAMES = {
    "intake.IntakeService": "SubmitMessage SubmitBatch SubmitMessages",
    "intake.ConversationService": "GetConversation ListConversations SearchConversations "
    "GetTimeline StartConversation Reply UploadAttachment DownloadAttachment AddNote SetStatus "
    "MergeConversations UnmergeConversation SplitConversation TagConversation ExplainThreading "
    "WatchConversations",
    "intake.CustomerService": "GetCustomer SearchCustomers UpsertCustomer ImportCustomers "
    "LinkIdentity UnlinkIdentity EraseCustomer GetConsent SetConsent",
    "intake.AccountService": "GetAccount ListAccounts UpsertAccount DeleteAccount "
    "RotateSecret RetireSecret ListSecrets ListParkedItems",
    "routing.RoutingService": "GetQueues ListWork GetWork ExplainDecision WatchQueues Assign "
    "Claim Transfer Escalate Reprioritise Withdraw Simulate",
    "routing.AgentService": "UpsertAgent GetAgent ListAgents SetSkills SetCapacities "
    "RemoveAgent AgentSession",
    "routing.PolicyService": "GetPolicy ListPolicyVersions PutPolicy ActivatePolicyVersion "
    "DryRunPolicy ListPools UpsertPool",
    "sla.SlaService": "GetClocks ListAtRisk WatchSla GetPolicy ListPolicies UpsertPolicy "
    "GetCalendar ListCalendars UpsertCalendar Evaluate BreachForecast",
    "feedback.FeedbackService": "GetSurvey ListSurveys RecordAnswer ExplainSurvey GetScores "
    "GetPolicy ListPolicies UpsertPolicy",
    "insights.InsightsService": "GetKpis WatchKpis ListGoals UpsertGoal DeleteGoal",
    "console.ConsoleService": "WatchWallboard",
}


def roles(method: MethodDescriptor) -> list[str]:
    return list(method.GetOptions().Extensions[roles_pb2.roles])


@pytest.mark.parametrize("method", [*descriptors.methods()], ids=lambda m: m.full_name)
def test_every_rpc_names_who_may_call_it(method: MethodDescriptor) -> None:
    named = roles(method)

    assert named
    assert set(named) <= KNOWN
    assert len(set(named)) == len(named)
    assert ("public" in named) == (method.full_name in CUSTOMERS_DOORS)


def test_what_only_administrators_may_do() -> None:
    alone = {m.full_name.split(".v1.")[1] for m in descriptors.methods() if roles(m) == ["admin"]}

    assert {
        "CustomerService.EraseCustomer",
        "AccountService.RotateSecret",
        "PolicyService.PutPolicy",
        "SlaService.UpsertPolicy",
    } <= alone


def test_every_service_of_the_design_has_its_rpcs() -> None:
    found = {
        service.full_name.removeprefix("switchboard.").replace(".v1.", "."): {
            method.name for method in service.methods
        }
        for service in descriptors.services()
    }

    assert found.keys() == NAMES.keys()
    assert not [name for name in NAMES if not set(NAMES[name].split()) <= found[name]]
