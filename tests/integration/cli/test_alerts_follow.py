"""`gapscan alerts --follow`: each alert once, from the first one of a new set on, and of a log that was made anew."""

from __future__ import annotations

from gapscan.bus.client import Bus
from gapscan.bus.topology import Retention, ensure_shared
from gapscan.protocol import names
from gapscan.protocol.alerts import Alert
from gapscan.protocol.codec import encode
from gapscan_cli.telling import Following


async def publish(bus: Bus, *numbers: int, name: str = "mine") -> None:
    for number in numbers:
        alert = Alert(name, "movers", f"S{number}", "enter", "came", 1_795_366_800_000, "e1", number, {})
        await bus.js.publish(names.DEFAULT.alert_subject(name), encode(alert))


async def looked(following: Following, times: int = 1) -> list[str]:
    found: list[str] = []
    for _ in range(times):
        found += [alert.symbol for alert in await following.look()]
    return found


async def test_the_first_alert_of_a_new_set_is_shown_and_rings(bus: Bus) -> None:
    following = Following(bus, "*", 20)
    assert await looked(following) == []  # there is no log yet
    await ensure_shared(bus, Retention())
    assert await looked(following, 2) == []
    await publish(bus, 1)
    assert await looked(following) == ["S1"]
    assert following.rings
    await publish(bus, 2, 3)
    assert await looked(following, 3) == ["S2", "S3"]
    assert not following.rings


async def test_what_was_there_does_not_ring(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    await publish(bus, *range(5))
    following = Following(bus, "*", 2)
    assert await looked(following) == ["S3", "S4"]
    assert not following.rings


async def test_a_log_made_anew_is_shown_from_its_start(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    await publish(bus, *range(5))
    following = Following(bus, "mine", 20)
    await publish(bus, 7, name="another")
    await looked(following)
    await bus.js.delete_stream(names.DEFAULT.stream_alerts)
    await ensure_shared(bus, Retention())
    await publish(bus, 20, 21)
    assert await looked(following, 4) == ["S20", "S21"]
    assert following.rings is False
    await publish(bus, 22)
    assert await looked(following) == ["S22"]


async def test_one_that_is_asked_for_by_name_begins_with_its_first(bus: Bus) -> None:
    await ensure_shared(bus, Retention())
    await publish(bus, 1, 2, name="another")
    following = Following(bus, "mine", 20)
    assert await looked(following) == []
    await publish(bus, 3)
    assert await looked(following, 2) == ["S3"]
