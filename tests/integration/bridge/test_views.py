"""Parts of lists over a real socket: what `limit` and `fields` ask for is what comes, resyncs included."""

from __future__ import annotations

from gapscan.bus.client import Bus
from gapscan.lists.wish import Wish
from gapscan.protocol.messages import Row, Snapshot
from gapscan.protocol.websocket import Error
from tests.support.bridge import Browser, Served, browsing, running_bridge, wide_list
from tests.support.nats import NatsServer

WISH = {"limit": 10, "fields": ["price", "none"]}


async def _exact(browser: Browser, wide_truth: dict[int, list[Row]], sequence: int) -> None:
    wish = Wish.of(10, ["price"])
    await browser.until(
        lambda: "wide" in browser.copies and browser.copies["wide"].rows == wish.rows(wide_truth[sequence]),
        f"the part of the list at {sequence}",
    )
    for _, _, at, rows in browser.steps:
        assert rows == wish.rows(wide_truth[at]), at
    browser.steps.clear()


async def test_the_first_rows_with_some_fields(served: Served, bus: Bus) -> None:
    wide = await wide_list(bus)
    await wide.step(3)
    await served.knows("wide")
    async with browsing(served) as browser:
        await browser.send(action="subscribe", lists=[{"list": "wide", **WISH}])
        refusal: Error = await browser.gets(Error)
        assert (refusal.code, refusal.list, refusal.message) == (
            "unknown_field", "wide", "a row has no field 'none': the list comes without it",
        )  # fmt: skip
        await wide.step(30)
        await _exact(browser, wide.truth, 33)
        await browser.send(action="resync", list="wide")
        await browser.gets(Snapshot, 2)
        await wide.step(30)
        await _exact(browser, wide.truth, 63)
        assert all(len(each.rows) == 10 for each in browser.of(Snapshot))


async def test_compressed_for_those_who_offer_it(nats_server: NatsServer, bus: Bus) -> None:
    wide = await wide_list(bus)
    await wide.step(3)
    async with running_bridge(nats_server.url, compress=True) as served:
        await served.knows("wide")
        offers = ("deflate", None)
        browsers = [Browser(served.url, options={"compression": offer}) for offer in offers]
        for browser, offer in zip(browsers, offers, strict=True):
            await browser.open()
            assert browser.ws is not None
            assert len(browser.ws.protocol.extensions) == bool(offer)
            await browser.send(action="subscribe", lists=[{"list": "wide", **WISH}])
        await wide.step(30)
        for browser in browsers:
            await _exact(browser, wide.truth, 33)
        for browser in browsers:
            await browser.close()
    async with running_bridge(nats_server.url) as served, browsing(served, compression="deflate") as browser:
        assert browser.ws is not None
        assert browser.ws.protocol.extensions == [], "nobody asked this bridge for it"


async def test_resumed_with_the_same_wish(served: Served, bus: Bus) -> None:
    wide = await wide_list(bus)
    await wide.step(30)
    await served.knows("wide")
    async with browsing(served) as browser:
        await browser.send(action="subscribe", lists=[{"list": "wide", **WISH}])
        await _exact(browser, wide.truth, 30)
        await browser.close()
        await wide.step(30)
        await browser.open()
        copy = browser.copies["wide"]
        have = {"epoch": copy.epoch, "last_sequence": copy.sequence}
        await browser.send(action="subscribe", lists=[{"list": "wide", **WISH, **have}])
        await _exact(browser, wide.truth, 60)


async def test_a_limit_that_is_none(served: Served) -> None:
    async with browsing(served) as browser:
        for limit in (0, -1, 1.5, "x"):
            await browser.send(action="subscribe", lists=[{"list": "movers", "limit": limit}])
        await browser.gets(Error, 4)
        assert {each.code for each in browser.of(Error)} == {"bad_message"}
