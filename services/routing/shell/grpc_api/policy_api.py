"""PolicyService: the rules in force."""

from __future__ import annotations

from typing import Any

from switchboard.routing.v1 import policy_service_pb2 as pb
from switchboard.routing.v1.policy_service_pb2_grpc import PolicyServiceServicer

from services.chassis.rpc.errors import NotFound
from services.chassis.rpc.planned import planned
from services.routing.core.policies import RoutingPolicy
from services.routing.shell.grpc_api.callers import place
from services.routing.shell.wire.nouns import policy_message


class PolicyApi(PolicyServiceServicer):
    """The servicer. There is one version so far, the one that is built in."""

    def __init__(self, policy: RoutingPolicy) -> None:
        self._policy = policy

    async def GetPolicy(self, request: pb.GetPolicyRequest, _: Any) -> pb.GetPolicyResponse:
        """A version of the rules, by default the one in force."""
        if request.version not in (0, self._policy.version):
            raise NotFound("no such version", reason="POLICY_VERSION_NOT_FOUND")
        domain_id = place(request.domain).domain_id
        return pb.GetPolicyResponse(policy=policy_message(self._policy, domain_id))

    ListPolicyVersions = planned
    PutPolicy = planned
    ActivatePolicyVersion = planned
    DryRunPolicy = planned
    ListPools = planned
    UpsertPool = planned
