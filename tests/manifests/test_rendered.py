"""Every kustomization renders, and what it renders is valid and safe to run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from docs.generator.built import load_settings
from services.chassis.bus import topics as registry
from services.chassis.settings import SECRETS_DIR
from tests.architecture.tree import SERVICES
from tests.manifests.schemas import check
from tests.support.kustomize import render

ROOTS = ("base", "overlays/dev", "overlays/prod")
DRAIN_SECONDS_MAX = 20
PROBES = ("startup", "readiness", "liveness")
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


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("root", ROOTS)
def test_a_service_boots_on_what_its_overlay_gives(root: str, service: str) -> None:
    pod = of_kind(root, "Deployment")[service]["spec"]["template"]["spec"]
    maps = of_kind(root, "ConfigMap")
    given: dict[str, str] = {}
    for each in pod["containers"][0]["envFrom"]:
        given |= maps[each["configMapRef"]["name"]].get("data", {})
    settings = load_settings(service, given)
    ports = {port["name"]: port["containerPort"] for port in pod["containers"][0]["ports"]}
    assert ports == {"http": settings.http_port, "grpc": settings.grpc_port}
    mounted = {each["mountPath"] for each in pod["containers"][0]["volumeMounts"]}
    assert given[SECRETS_DIR] in mounted


@pytest.mark.parametrize("root", ROOTS)
def test_probes_and_doors_are_on_ports_that_are_listened_to(root: str) -> None:
    for service in SERVICES:
        pod = of_kind(root, "Deployment")[service]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        listening = {port["containerPort"] for port in container["ports"]}
        probes = [container[f"{kind}Probe"]["grpc"] for kind in PROBES]
        assert {probe["port"] for probe in probes} <= listening
        assert {probe["service"] for probe in probes} == {"liveness", "readiness"}
        doors = of_kind(root, "Service")[service]["spec"]["ports"]
        assert {door["targetPort"] for door in doors} == {
            port["name"] for port in container["ports"]
        }


def test_the_topic_operator_owns_every_topic_of_the_registry() -> None:
    topics = {each["spec"]["topicName"] for each in of_kind("overlays/prod", "KafkaTopic").values()}
    assert topics == set(registry.load())
    job = of_kind("overlays/prod", "Job")["provision"]["spec"]["template"]["spec"]
    given = {each["name"]: each["value"] for each in job["containers"][0]["env"]}
    assert given["SWITCHBOARD_MAKE_TOPICS"] == "false"


@pytest.mark.parametrize("root", ROOTS)
def test_no_autoscaler_exceeds_the_partitions(root: str) -> None:
    (shared,) = (
        each["data"]
        for name, each in of_kind(root, "ConfigMap").items()
        if name.startswith("switchboard-")
    )
    partitions = int(shared["SWITCHBOARD_PARTITIONS"])
    for each in of_kind(root, "HorizontalPodAutoscaler").values():
        assert each["spec"]["maxReplicas"] <= partitions
    for each in of_kind(root, "ScaledObject").values():
        assert each["spec"]["maxReplicaCount"] <= partitions
