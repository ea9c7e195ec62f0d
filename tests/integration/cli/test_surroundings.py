"""What a terminal, a locale and an environment may be, and what `gapscan` makes of it."""

from __future__ import annotations

from collections.abc import Callable

from gapscan.bus.client import Bus
from gapscan.obs import Tally, logger
from gapscan.protocol.messages import Condition, ListWhy, Why, WhyRequest
from gapscan.ranker.questions import answering
from tests.integration.cli.conftest import AS_OF, OwnLists, rows_of
from tests.support.cli import Cli, Terminal
from tests.support.nats import NatsServer

MakeTerminal = Callable[[int, int], Terminal]


def explained(request: WhyRequest) -> Why:
    """Two conditions, one of which a symbol fails, on a company of a size that is no time."""
    conditions = [
        Condition("market_cap >= 200_000_000_000", "test", 0, True, True, 3.4e15, 2e11),
        Condition("gap_percent >= 2", "test", 0, False, False, 1.5, 2.0),
    ]
    found = ListWhy("gappers_up", True, False, None, 0, 9, None, False, "-gap_percent", 1.5, 2.0, conditions)
    return Why(request.symbol, True, AS_OF, "regular", True, [], [found], [])


async def test_why_in_a_locale_without_its_marks(cli: Cli, bus: Bus, nats_server: NatsServer) -> None:
    async with answering(bus, explained, Tally(logger("test"))):
        for encoding in ("latin-1", "ascii", "utf-8"):
            env = {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
            result = await cli.run("why", "NVDA", "--nats", nats_server.url, env=env)
            assert (result.code, result.err) == (0, "")
            assert "✓ market_cap" in result.out
            assert "3,400,000,000,000,000" in result.out
            assert "✗ gap_percent" in result.out


async def test_a_terminal_that_does_not_know_its_size(
    cli: Cli, desk: OwnLists, nats_server: NatsServer, terminal: MakeTerminal
) -> None:
    await desk.publish(rows_of(AAPL=190.0, TSLA=250.0))
    screen = terminal(0, 0)
    await screen.start(cli, "watch", "gappers_up", "--nats", nats_server.url)
    await screen.until(lambda: "AAPL" in screen.frame and "TSLA" in screen.frame)
    assert len(screen.frame.splitlines()) == 24
    assert max(map(len, screen.frame.splitlines())) <= 80
    screen.type("q")
    assert await screen.ended() == 0


async def test_a_key_that_is_none_ends_the_feed_and_is_not_shown(cli: Cli, nats_server: NatsServer) -> None:
    env = {"POLYGON_API_KEY": "sesame\nopen", "GAPSCAN_NATS_URL": nats_server.url}
    for command in (("run", "feed"), ("config", "check", "--show")):
        result = await cli.run(*command, env=env)
        assert result.code == 2
        assert "POLYGON_API_KEY has a line feed (U+000A) as character 7" in result.err
        assert "sesame" not in result.out + result.err


async def test_config_check_refuses_what_an_env_file_left_in_quotes(cli: Cli) -> None:
    result = await cli.run("config", "check", env={"GAPSCAN_NATS_URL": '"nats://127.0.0.1:4222"'})
    assert (result.code, result.out) == (2, "")
    assert "GAPSCAN_NATS_URL is in quotes" in result.err


async def test_kubernetes_links_are_said_in_debug_only(cli: Cli) -> None:
    env = {"GAPSCAN_BRIDGE_PORT": "tcp://10.0.0.1:80", "GAPSCAN_NATS_URL": "nats://h:1", "GAPSCAN_SIM_HOST": "no host"}
    for level, times in (("debug", 1), ("info", 0)):
        result = await cli.run("run", "sim", env={**env, "GAPSCAN_LOG_LEVEL": level})
        assert result.err.count("GAPSCAN_BRIDGE_PORT is of Kubernetes") == times, result.err
    assert (await cli.run("config", "check", env=env)).code == 0
