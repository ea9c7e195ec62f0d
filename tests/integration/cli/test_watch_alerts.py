"""`gapscan watch` marks the rows that an alert told of."""

from __future__ import annotations

import re
from collections.abc import Callable

from gapscan.protocol.alerts import Alert
from gapscan.protocol.codec import encode
from tests.integration.cli.conftest import OwnLists, rows_of
from tests.support.cli import Cli, Terminal
from tests.support.nats import NatsServer


async def test_a_row_that_an_alert_told_of(
    cli: Cli, desk: OwnLists, nats_server: NatsServer, terminal: Callable[[int, int], Terminal]
) -> None:
    await desk.publish(rows_of(AAA=1.0, BBB=2.0, CCC=3.0))
    names = desk.bus.names
    told = [("BBB", "gappers_up", desk.as_of), ("CCC", "winners", desk.as_of), ("AAA", "gappers_up", 1)]
    for symbol, about, as_of in told:
        alert = Alert("mine", about, symbol, "enter", f"{symbol} entered", as_of, "e1", 1, {"price": 2.0})
        await desk.bus.js.publish(names.alert_subject("mine"), encode(alert))
    shown = terminal(100, 20)
    await shown.start(cli, "watch", "gappers_up", "--nats", nats_server.url)
    await shown.until(lambda: marked(shown.frame) == ["BBB"])
    assert all(symbol in shown.frame for symbol in ("AAA", "CCC"))
    assert all(set(marked(frame)) <= {"BBB"} for frame in shown.frames())


def marked(frame: str) -> list[str]:
    """The symbols of the rows with the mark, from top to bottom: it stands behind the rank."""
    return re.findall(r"^ *\d+! +([A-Z]{3}) ", frame, re.MULTILINE)
