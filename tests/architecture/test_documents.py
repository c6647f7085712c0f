"""Documents say what the code does: generated pages, links, commands, runbooks."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from docs.generator import pages
from docs.generator.built import build_all
from services.chassis.rpc.planned import planned
from tests.architecture.tree import ROOT, SERVICES, listed

RULES = ROOT / "deploy" / "k8s" / "components" / "monitoring" / "rules.yaml"
RUNBOOKS = ROOT / "docs" / "runbooks"
DOCUMENTS = [path for path in listed(ROOT) if path.endswith(".md")]
ROOT_DOCUMENTS = ("README", "ARCHITECTURE", "CONTRIBUTING", "SECURITY", "CHANGELOG")


@cache
def alerts() -> tuple[dict[str, Any], ...]:
    groups = yaml.safe_load(RULES.read_text())["spec"]["groups"]
    return tuple(rule for group in groups for rule in group["rules"] if "alert" in rule)


@pytest.mark.parametrize("path", pages.PAGES)
def test_a_generated_page_is_what_the_code_says(path: str) -> None:
    assert (ROOT / path).read_text() == pages.PAGES[path](), "run `make docs`"


def test_a_page_that_drifted_is_seen(tmp_path: Path) -> None:
    assert pages.drifted(tmp_path) == list(pages.PAGES)


class FooServicer:
    """As generated code has them."""

    def Old(self) -> None: ...


class Foo(FooServicer):
    """As ours."""

    Named = planned

    def New(self) -> None: ...


def test_what_is_not_built_is_told_from_what_is() -> None:
    assert [pages.is_built(Foo(), name) for name in ("New", "Old", "Named", "Gone")] == (
        [True, False, False, False]
    )


def test_every_service_serves_rpcs_or_pages() -> None:
    assert [each.service for each in build_all()] == list(SERVICES)
    assert sum(len(each.rpcs) for each in build_all()) == len(list(pages.api()))


@pytest.mark.parametrize("name", ROOT_DOCUMENTS)
def test_the_document_is_there(name: str) -> None:
    assert len((ROOT / f"{name}.md").read_text()) > 500


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_between_documents_lead_somewhere(path: str) -> None:
    text = (ROOT / path).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not re.match(r"[a-z]+:", target):
            assert ((ROOT / path).parent / target).exists(), f"{path} links to {target}"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_make_target_that_is_named_exists(path: str) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for named in re.findall(r"`make ([a-z-]+)", (ROOT / path).read_text()):
        assert named in targets, f"{path} names `make {named}`"


def test_help_lists_every_target() -> None:
    done = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    phony = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in " ".join(phony).split():
        assert re.search(rf"^  {target} ", done.stdout, re.MULTILINE), target


def test_every_decision_is_in_the_list() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "adr").glob("0*.md"))
    assert re.findall(r"\]\((0[^)]+)\)", (ROOT / "docs" / "adr" / "README.md").read_text()) == names


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    linked = {alert["annotations"]["runbook_url"].rpartition("/")[2] for alert in alerts()}
    written = {path.name for path in RUNBOOKS.glob("*.md")} - {"README.md"}
    assert linked == written


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_says_what_it_means_and_what_to_do(path: Path) -> None:
    if path.name != "README.md":
        sections = re.findall(r"^## (.+)$", path.read_text(), re.MULTILINE)
        assert sections[:3] == ["What it means", "What to look at", "What to do"]


def asked(expression: str) -> set[str]:
    """Give the metrics of an expression. Raises `ValueError` where it isn't PromQL."""
    names, waiting = set(), [promql_parser.parse(expression)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, promql_parser.VectorSelector):
            names.add(str(node.name))
        waiting += getattr(node, "args", [])
        inner = (getattr(node, part, None) for part in ("lhs", "rhs", "expr", "vector_selector"))
        waiting += [part for part in inner if part is not None]
    return names


def test_alerts_ask_for_metrics_that_exist() -> None:
    known = {each.name for built in build_all() for each in built.catalogue.declarations}
    for alert in alerts():
        names = {name for name in asked(alert["expr"]) if not name.startswith("kube_")}
        bases = {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}
        assert bases <= known, alert["alert"]


def test_a_metric_is_found_in_an_expression() -> None:
    assert asked('sum by (le) (rate(a_bucket{x=~"b.*"}[5m])) > c') == {"a_bucket", "c"}
    with pytest.raises(ValueError, match="unclosed"):
        asked("sum by (")


def test_every_service_has_a_runbook_link() -> None:
    for service in SERVICES:
        assert "docs/runbooks/" in (ROOT / "services" / service / "README.md").read_text(), service
