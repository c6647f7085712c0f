"""Every kustomization renders, and what it renders is valid and safe to run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from tests.architecture.tree import SERVICES
from tests.manifests.schemas import check
from tests.support.kustomize import render

ROOTS = ("base", "overlays/dev", "overlays/prod")
DRAIN_SECONDS_MAX = 20
Object = dict[str, Any]


def of_kind(root: str, kind: str) -> dict[str, Object]:
    return {each["metadata"]["name"]: each for each in render(root) if each["kind"] == kind}


def workloads(root: str) -> Iterator[tuple[str, Object]]:
    for kind in ("Deployment", "StatefulSet"):
        for name, each in of_kind(root, kind).items():
            yield name, each["spec"]["template"]["spec"]
    for name, each in of_kind(root, "Job").items():
        yield name, each["spec"]["template"]["spec"]


@pytest.mark.parametrize("root", ROOTS)
def test_every_object_is_valid(root: str) -> None:
    assert len(render(root)) > len(SERVICES)
    for thing in render(root):
        check(thing)


def test_a_wrong_field_is_seen() -> None:
    (policy, *_) = of_kind("base", "NetworkPolicy").values()
    (rule, *_) = of_kind("overlays/prod", "PrometheusRule").values()
    for wrong in (
        {**policy, "spec": {**policy["spec"], "podSelectorz": {}}},
        {**rule, "spec": {**rule["spec"], "groupz": []}},
    ):
        with pytest.raises(jsonschema.ValidationError, match=r"podSelectorz|groupz"):
            check(wrong)


@pytest.mark.parametrize("root", ROOTS)
def test_every_service_has_its_deployment_service_and_budget(root: str) -> None:
    for kind in ("Deployment", "Service", "PodDisruptionBudget"):
        assert set(SERVICES) <= set(of_kind(root, kind)), kind


@pytest.mark.parametrize("root", ROOTS)
def test_every_pod_is_restricted(root: str) -> None:
    for name, pod in workloads(root):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name
            assert "memory" in container["resources"]["limits"], name


@pytest.mark.parametrize("service", SERVICES)
def test_our_pods_write_nowhere_and_drain_in_time(service: str) -> None:
    pod = of_kind("base", "Deployment")[service]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > pause + DRAIN_SECONDS_MAX
    assert container["args"] == [f"services.{service}"]


@pytest.mark.parametrize("root", ROOTS)
def test_what_is_denied_by_default_is_everything(root: str) -> None:
    denied = of_kind(root, "NetworkPolicy")["switchboard-deny"]["spec"]
    assert sorted(denied["policyTypes"]) == ["Egress", "Ingress"]
    for name in SERVICES:
        labels = of_kind(root, "Deployment")[name]["spec"]["template"]["metadata"]["labels"]
        assert denied["podSelector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("root", ROOTS)
def test_every_reference_leads_somewhere(root: str) -> None:
    maps = set(of_kind(root, "ConfigMap"))
    for name, pod in workloads(root):
        for container in pod["containers"]:
            used = {each["configMapRef"]["name"] for each in container.get("envFrom", ())}
            assert used <= maps, name
            mounted = {each["name"] for each in container.get("volumeMounts", ())}
            volumes = {each["name"] for each in pod.get("volumes", ())}
            claims = {"data"} if name in of_kind(root, "StatefulSet") else set()
            assert mounted <= volumes | claims, name


@pytest.mark.parametrize("root", ROOTS)
def test_no_workload_has_two_autoscalers(root: str) -> None:
    targets = [
        each["spec"]["scaleTargetRef"]["name"]
        for kind in ("HorizontalPodAutoscaler", "ScaledObject")
        for each in of_kind(root, kind).values()
    ]
    assert len(targets) == len(set(targets))
