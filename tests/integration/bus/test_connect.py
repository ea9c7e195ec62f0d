"""Every way to be let in by a real server, and what is said when it lets nobody in."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nkeys
import pytest

from gapscan.bus import keyvalue
from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.topology import Retention, ensure_list, ensure_shared, list_names
from gapscan.errors import BusError, ConfigError
from gapscan.protocol import names
from gapscan.supervisor import ports
from tests.support.certificates import Authority
from tests.support.jwt import Operator, public, seed
from tests.support.nats import NatsServer
from tests.support.until import until


@contextmanager
def server_with(path: Path, more: str) -> Iterator[NatsServer]:
    server = NatsServer(path / "nats-server", more=more)
    try:
        server.start()
        yield server
    finally:
        server.close()


async def works(options: BusOptions) -> None:
    async with connect(options, "test") as bus:
        assert (await ensure_list(bus, "movers", Retention())).config.name


async def refused(options: BusOptions) -> str:
    with pytest.raises(BusError) as caught:
        async with connect(options, "test"):
            pass
    return str(caught.value)


async def test_a_token(tmp_path: Path) -> None:
    with server_with(tmp_path, "authorization { token: 's3/cr:et' }") as server:
        await works(BusOptions(server.url, token="s3/cr:et"))
        await works(BusOptions(server.url.replace("//", "//s3%2Fcr%3Aet@")))
        assert "refuses these credentials" in await refused(BusOptions(server.url))


async def test_a_password_with_any_signs(tmp_path: Path) -> None:
    with server_with(tmp_path, "authorization { user: 'me@home', password: 'p/s:s w%40' }") as server:
        await works(BusOptions(server.url, "me@home", "p/s:s w%40"))
        await works(BusOptions(server.url.replace("//", "//me%40home:p%2Fs%3As%20w%2540@")))


async def test_an_nkey(tmp_path: Path) -> None:
    key, file = seed(nkeys.PREFIX_BYTE_USER), tmp_path / "user.nk"
    with server_with(tmp_path, f"authorization {{ users = [ {{ nkey: {public(key)} }} ] }}") as server:
        file.write_bytes(key + b"\n")
        await works(BusOptions(server.url, nkey=str(file)))
        file.write_bytes(b"SUnonsense\n")
        assert "holds no nkey seed" in await refused(BusOptions(server.url, nkey=str(file)))


async def test_credentials(tmp_path: Path) -> None:
    operator, creds = Operator(), tmp_path / "user.creds"
    operator.write_creds(creds)
    with server_with(tmp_path, operator.conf) as server:
        await works(BusOptions(server.url, credentials=str(creds)))
        missing = await refused(BusOptions(server.url, credentials=str(tmp_path / "none.creds")))
        assert "none.creds cannot be read: No such file or directory" in missing
        assert "is no file of NATS credentials" in await refused(BusOptions(server.url, credentials=__file__))
        Operator().write_creds(creds)
        assert "refuses these credentials" in await refused(BusOptions(server.url, credentials=str(creds)))


class Tls:
    """A server's configuration, and what a client needs."""

    def __init__(self, path: Path, more: str = "") -> None:
        authority = Authority(path)
        self.ca = str(authority.file)
        cert, key = authority.issue("server", "serverAuth")
        self.conf = f"tls {{ cert_file: '{cert}', key_file: '{key}', ca_file: '{self.ca}', {more} }}"
        self.cert, self.key = authority.issue("client", "clientAuth")


async def test_tls_with_an_authority_of_ones_own(tmp_path: Path) -> None:
    tls = Tls(tmp_path)
    with server_with(tmp_path, tls.conf) as server:
        async with connect(BusOptions(server.url, tls_ca=tls.ca), "test") as bus:
            assert bus.nc.is_encrypted
        said = await refused(BusOptions(server.url))
        assert "its certificate is not trusted: unable to get local issuer certificate" in said
        assert "tls_ca" in said
        assert "cannot be used: No such file" in await refused(BusOptions(server.url, tls_ca="/none.pem"))
        assert "tls_ca: " in await refused(BusOptions(server.url, tls_ca=__file__))


async def test_tls_with_a_certificate_of_the_clients(tmp_path: Path) -> None:
    tls = Tls(tmp_path, "verify: true")
    with server_with(tmp_path, tls.conf) as server:
        await works(BusOptions(server.url, tls_ca=tls.ca, tls_cert=tls.cert, tls_key=tls.key))
        assert "tls_cert" in await refused(BusOptions(server.url, tls_ca=tls.ca))


async def test_tls_before_anything_else(tmp_path: Path) -> None:
    tls = Tls(tmp_path, "handshake_first: true")
    with server_with(tmp_path, tls.conf) as server:
        await works(BusOptions(server.url, tls_ca=tls.ca, tls_first=True))


async def test_tls_where_the_server_only_offers_it(tmp_path: Path) -> None:
    tls = Tls(tmp_path)
    with server_with(tmp_path, f"{tls.conf}\nallow_non_tls: true") as server:
        async with connect(BusOptions(server.url, tls_ca=tls.ca), "test") as bus:
            assert bus.nc.is_encrypted
        async with connect(BusOptions(server.url), "test") as bus:
            assert not bus.nc.is_encrypted


async def test_a_password_is_never_sent_in_the_clear_where_tls_is_asked_for(tmp_path: Path) -> None:
    heard = bytearray()

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"X","version":"2.12.0","headers":true,"max_payload":1048576}\r\n')
        heard.extend(await reader.read(1000))
        writer.close()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        said = await refused(BusOptions(f"tls://127.0.0.1:{port}", "me", "hush"))
        await asyncio.sleep(0.05)
    assert "offers no TLS" in said
    assert not heard


@pytest.mark.parametrize("version", ["2.9.25", "2.10.29"])
async def test_an_older_server_is_named(version: str) -> None:
    async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f'INFO {{"server_id":"X","version":"{version}","headers":true}}\r\n'.encode())
        await reader.read(1000)
        writer.close()

    async with await asyncio.start_server(old, "127.0.0.1", 0) as server:
        said = await refused(BusOptions(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        await asyncio.sleep(0.05)
    assert f"nats-server {version} is too old: gapscan needs 2.11 or newer" in said


@pytest.fixture
def contexts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's contexts."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "nats" / "context"
    folder.mkdir(parents=True)
    return folder


async def test_a_context(tmp_path: Path, contexts: Path) -> None:
    tls = Tls(tmp_path)
    with server_with(tmp_path, f"{tls.conf}\nauthorization {{ user: me, password: hush }}") as server:
        known = {
            "description": "here", "url": server.url, "socks_proxy": "", "token": "", "user": "me", "password": "hush",
            "creds": "", "nkey": "", "cert": "", "key": "", "ca": tls.ca, "nsc": "", "jetstream_domain": "",
            "jetstream_api_prefix": "", "jetstream_event_prefix": "", "inbox_prefix": "_INBOX_me", "user_jwt": "",
        }  # fmt: skip
        (contexts / "here.json").write_text(json.dumps(known))
        options = BusOptions(context="here")
        assert options.url == server.url
        async with connect(options, "test") as bus:
            assert bus.nc.is_encrypted
            assert bus.nc.new_inbox().startswith("_INBOX_me.")
        assert "refuses" in await refused(BusOptions(user="you", password="?", context="here"))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, "there is no NATS context here"),
        ("{", "cannot be read"),
        ('{"user": 7}', "user is 7"),
        ('{"nsc": "nsc://o/a/u"}', "has nsc, which gapscan does not know"),
    ],
)
def test_a_context_that_cannot_be_used(contexts: Path, text: str | None, fault: str) -> None:
    if text is not None:
        (contexts / "here.json").write_text(text)
    with pytest.raises(ConfigError, match=fault):
        BusOptions(context="here")
    with pytest.raises(ConfigError, match="no name"):
        BusOptions(context="../here")


async def test_commands_say_the_cause_and_nothing_else(tmp_path: Path) -> None:
    tls = Tls(tmp_path, "verify: true")
    with server_with(tmp_path, tls.conf) as server:
        for variables, cause in (
            ({}, "its certificate is not trusted"),
            ({"GAPSCAN_NATS_TLS_CA": tls.ca}, "tls_cert"),
        ):
            found = await asyncio.to_thread(
                subprocess.run, [sys.executable, "-m", "gapscan_cli", "lists", "--nats", server.url],
                env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **variables}, cwd=tmp_path, capture_output=True,
            )  # fmt: skip
            lines = found.stderr.decode().splitlines()
            assert found.returncode != 0
            assert cause in lines[0]
            assert len(lines) <= 2, lines


async def test_a_domain_behind_a_leaf_node(tmp_path: Path) -> None:
    leaf_port = ports.free_port()
    hub_conf = f"jetstream {{ domain: hub }}\nleafnodes {{ listen: '127.0.0.1:{leaf_port}' }}"
    with server_with(tmp_path / "hub", hub_conf) as hub:
        remote = f"{{ url: 'nats://127.0.0.1:{leaf_port}' }}"
        leaf_conf = f"jetstream {{ domain: leaf }}\nleafnodes {{ remotes: [ {remote} ] }}"
        with server_with(tmp_path / "leaf", leaf_conf) as leaf:
            await domain_serves(hub, leaf)


async def domain_serves(hub: NatsServer, leaf: NatsServer) -> None:
    async def ready(bus: Bus) -> bool:
        try:
            await ensure_shared(bus, Retention())
        except BusError:
            return False
        return True

    async with connect(BusOptions(leaf.url, jetstream_domain="hub"), "test") as far:
        await until(lambda: ready(far), "the hub's JetStream")
        async with connect(BusOptions(leaf.url), "test") as local:  # the same buckets in the leaf's own domain
            await ensure_shared(local, Retention())
            await keyvalue.put(far, names.DEFAULT.bucket_lists, "one", b"1")
            assert await keyvalue.get(local, names.DEFAULT.bucket_lists, "one") is None
        found = await keyvalue.get(far, names.DEFAULT.bucket_lists, "one")
        assert found is not None
        assert found.data == b"1"
        await ensure_list(far, "movers", Retention())
        assert await list_names(far) == {"movers"}
    async with connect(BusOptions(hub.url), "test") as near:
        assert await list_names(near) == {"movers"}


async def test_a_server_without_jetstream(tmp_path: Path) -> None:
    with server_with(tmp_path, "jetstream: disabled") as server:
        async with connect(BusOptions(server.url), "test") as bus:
            for asking in (ensure_list(bus, "movers", Retention()), list_names(bus)):
                with pytest.raises(BusError, match=r"JetStream does not answer while .*jetstream_domain"):
                    await asking
