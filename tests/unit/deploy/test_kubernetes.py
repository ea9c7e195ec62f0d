"""The Kubernetes manifests: valid by Kubernetes' own schemas, with few rights, and in agreement with each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest

from gapscan.supervisor.catalog import SERVICES
from tests.support.deploy import COMPOSE, KUBERNETES, PINNED, documents, setting_variables

OBJECTS = [found for path in sorted(KUBERNETES.glob("*.yaml")) for found in documents(path)]
IDS = [f"{found['kind']}/{found['metadata']['name']}" for found in OBJECTS]
WORKLOADS = [found for found in OBJECTS if found["kind"] in ("Deployment", "StatefulSet")]
DEPLOYMENTS = [found for found in WORKLOADS if found["kind"] == "Deployment"]
VERSIONS = ("1.29", kubernetes_validate.latest_version())
SECRETS = {"password", "reader-password", "system-password", "bridge-token", "edit-token", "polygon-api-key"}


def pod(workload: Any) -> Any:
    return workload["spec"]["template"]["spec"]


def container(workload: Any) -> Any:
    (only,) = pod(workload)["containers"]
    return only


def named(kind: str, name: str) -> Any:
    (found,) = [one for one in OBJECTS if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("found", OBJECTS, ids=IDS)
def test_valid(found: Any, version: str) -> None:
    kubernetes_validate.validate(found, version, strict=True)


def test_what_is_wrong_is_found() -> None:
    wrong = documents(KUBERNETES / "services.yaml")[0]
    container(wrong)["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


@pytest.mark.parametrize("found", WORKLOADS, ids=lambda found: found["metadata"]["name"])
def test_pods_have_few_rights(found: Any) -> None:
    of_pod, of_container = pod(found)["securityContext"], container(found)["securityContext"]
    assert of_pod["runAsNonRoot"] is True
    assert of_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(found)["automountServiceAccountToken"] is False
    assert of_container == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert container(found)["resources"].keys() == {"requests", "limits"}
    assert PINNED.fullmatch(container(found)["image"])


def test_the_services_are_those_of_compose() -> None:
    wanted = SERVICES.keys() - {"sim"}
    assert {
        container(found)["name"]: container(found)["args"] for found in WORKLOADS if found["kind"] == "Deployment"
    } == {name: ["run", name] for name in wanted}
    compose = documents(COMPOSE)[0]["services"]
    assert container(named("StatefulSet", "gapscan-nats"))["image"] == compose["nats"]["image"]
    feed = named("Deployment", "gapscan-feed")
    assert (feed["spec"]["replicas"], feed["spec"]["strategy"]) == (1, {"type": "Recreate"})


def test_settings_and_secrets_exist() -> None:
    known = setting_variables()
    for found in WORKLOADS:
        if found["kind"] == "Deployment":
            assert {one["name"] for one in container(found)["env"]} <= known
    asked = [
        one["valueFrom"]["secretKeyRef"] for found in WORKLOADS for one in container(found)["env"] if "valueFrom" in one
    ]
    assert {one["name"] for one in asked} == {"gapscan"}
    assert {one["key"] for one in asked} == SECRETS


def test_own_lists_can_be_kept() -> None:
    """All bridges write one file, on storage that their user may write."""
    bridge = named("Deployment", "gapscan-bridge")
    env = {one["name"]: one.get("value") for one in container(bridge)["env"]}
    mounts = {one["name"]: one["mountPath"] for one in container(bridge)["volumeMounts"]}
    volumes = {one["name"]: one for one in pod(bridge)["volumes"]}
    assert env["GAPSCAN_RANKER_LISTS_FILE"] == f"{mounts['lists']}/lists.toml"
    assert volumes["lists"]["persistentVolumeClaim"] == {"claimName": "gapscan-lists"}
    assert named("PersistentVolumeClaim", "gapscan-lists")["spec"]["accessModes"] == ["ReadWriteMany"]
    assert pod(bridge)["securityContext"]["fsGroup"] == pod(bridge)["securityContext"]["runAsUser"]


def test_a_password_reaches_nats_in_quotes() -> None:
    env = {one["name"]: one for one in container(named("StatefulSet", "gapscan-nats"))["env"]}
    quoted = {name: one["value"] for name, one in env.items() if name.endswith("PASSWORD")}
    assert quoted.keys() == set(re.findall(r"^ +[^#\n]*password: \$(\w+)", accounts(), re.MULTILINE))
    for value in quoted.values():
        inner = re.fullmatch(r"'\$\((\w+)\)'", value)
        assert inner
        assert list(env).index(inner[1]) < list(env).index("GAPSCAN_SYSTEM_PASSWORD"), (
            "a variable refers to earlier ones"
        )


def accounts() -> str:
    return (KUBERNETES.parents[1] / "nats" / "accounts.conf").read_text("utf-8")


def test_probes_ask_what_the_services_have() -> None:
    bridge = container(named("Deployment", "gapscan-bridge"))
    assert bridge["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert bridge["readinessProbe"]["httpGet"]["path"] == "/readyz"
    for found in WORKLOADS:
        assert {"startupProbe", "livenessProbe"} <= container(found).keys()
        ports = {port["name"] for port in container(found).get("ports", [])}
        assert set(_asked_ports(container(found))) <= ports


def _asked_ports(found: Any) -> Iterator[str]:
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if probe in found:
            yield found[probe]["httpGet"]["port"]


def test_selectors_find_their_pods() -> None:
    labels = [found["spec"]["template"]["metadata"]["labels"] for found in WORKLOADS]
    for found in OBJECTS:
        spec = found["spec"]
        if found["kind"] == "PersistentVolumeClaim":  # it is of no pods
            continue
        selector = spec.get("podSelector", spec.get("selector", {}))
        wanted = selector.get("matchLabels", selector)
        assert sum(wanted.items() <= each.items() for each in labels) == 1, found["metadata"]["name"]
    policy = named("NetworkPolicy", "gapscan-nats")["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"]
    assert all(policy.items() <= each.items() for each in labels)
