"""The page and its connection: no list is called live that is not, and every break is mended without a snapshot."""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.async_api import Page, expect

from gapscan.bus.stage_times import Lateness
from gapscan.config import Config, as_environment
from gapscan.supervisor import ports
from tests.browser.proxy import proxied
from tests.browser.stage import LIST, Stage, some_row
from tests.browser.watching import Watched, watch
from tests.browser.wire import Message, Rewrite, Wire
from tests.support.until import PATIENCE, until

_ROWS = [some_row(f"S{number}") for number in range(20)]
_OFFLINE_SECONDS = float(os.environ.get("GAPSCAN_TEST_OFFLINE", "5"))


async def _opened(watched: Watched, stage: Stage) -> None:
    await watched.open()
    await watched.at(await stage.feed.publish(_ROWS))
    await watched.word("Live")


# Why there is no connection.


async def test_a_page_whose_origin_is_not_allowed_says_so(page: Page, stage: Stage) -> None:
    await stage.close()
    await stage.open(origins=["https://scanner.example.org"])
    watched = await watch(page, stage.url)
    await watched.open()
    await watched.until("gapscan.status().text.includes('its origin http://127.0.0.1:')")
    assert await watched.page.is_visible("text=is not allowed")


async def test_a_proxy_that_passes_no_websocket_is_named(watched: Watched, stage: Stage) -> None:
    await watched.page.route_web_socket("**/ws", lambda socket: socket.close(code=1006 - 5))
    await watched.open()
    await watched.until("gapscan.status().text.includes('must pass on the headers Upgrade and Connection')")


# Pages that are left and come back.


async def test_a_page_that_comes_back_connects_at_once_and_resumes(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    before = await watched.value("gapscan.counts()")
    await watched.value("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    await until(lambda: stage.clients() == 0, "the bridge's letting it go")
    last = await stage.feed.shuffle(random.Random(3), 4)
    await watched.value("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    await watched.at(last)
    await watched.word("Live")
    counts = await watched.value("gapscan.counts()")
    assert (counts["connects"], counts["snapshots"]) == (before["connects"] + 1, before["snapshots"])


async def test_a_page_that_is_shown_does_not_wait_for_its_timer(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    snapshots = await watched.value("gapscan.counts().snapshots")
    await stage.close()
    for _ in range(6):  # attempts that fail: the next one is seconds away
        await watched.until("gapscan.status().phase === 'waiting'")
        await watched.value("document.dispatchEvent(new Event('visibilitychange'))")
    await stage.open()  # an attempt that is under way may find the bridge there at once
    await watched.until("['waiting', 'open'].includes(gapscan.status().phase)")
    await watched.value("document.dispatchEvent(new Event('visibilitychange'))")
    await watched.word("Live")
    assert await watched.value("gapscan.counts().snapshots") == snapshots


# Staleness. The page promises three seconds; a loaded machine may take longer.


# What the page says as it says it first: it counts on.
_NOTICES = """() => {
  window.notices = [];
  const notice = document.getElementById("notice");
  new MutationObserver(() => notices.push(notice.textContent)).observe(notice, {childList: true, subtree: true});
}"""


async def test_standing_market_time_is_not_called_live(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    await watched.value(_NOTICES)
    stage.feed.frozen = True
    await watched.word("No new data")
    text = await watched.value("notices[0]")  # by the page's own clock: how long it waited
    assert text.startswith(("Market data stood still for 2s", "Market data stood still for 3s")), text
    assert "old" in str(await watched.page.get_attribute("#grid", "class"))
    stage.feed.frozen = False
    await watched.word("Live")
    assert not await watched.page.is_visible("#notice")


async def test_a_silent_line_is_not_called_live(watched: Watched, stage: Stage) -> None:
    async with proxied(stage.port) as proxy:
        watched.url = proxy.url
        await _opened(watched, stage)
        proxy.stalled = True
        await watched.word("No heartbeat")
        await watched.word("Disconnected", "Connecting")
        proxy.stalled = False
        await watched.word("Live")
        await watched.at(await stage.feed.shuffle(random.Random(1), 3))
        await watched.assert_exact(stage.feed.truth)


async def test_the_servers_own_doubt_is_shown(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    stage.feed.state = "closed"
    await watched.word("Closed")
    assert await watched.page.is_visible("#notice")
    stage.feed.state = "stale"
    await watched.word("Stale")
    stage.feed.state = "live"
    await watched.word("Live")


async def test_delayed_data_are_never_called_live(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    stage.feed.lateness = Lateness(902_000, 40, 900_000)
    stage.feed.state = "delayed"
    await watched.word("Delayed")
    notice = watched.page.locator("#notice")
    assert (await notice.inner_text()).startswith("All prices are about 15 minutes old: the data plan is delayed.")
    stage.feed.state, stage.feed.lateness = "live", Lateness()
    await watched.word("Live")
    assert not await watched.page.is_visible("#notice")


async def test_how_late_prices_are_is_on_the_page(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    late = watched.page.locator("#lateness")
    assert await late.inner_text() == "", "nobody says"
    stage.feed.lateness = Lateness(2_040, 30)
    await watched.at(await stage.feed.shuffle(random.Random(2), 3))
    said = re.compile(r"^prices ([0-9]+\.[0-9]) s behind the exchange; ([0-9]+\.[0-9]{2}) s of it ours$")
    await expect(late).to_have_text(said, timeout=PATIENCE * 1000)
    found = said.match(await late.inner_text())
    assert found is not None
    whole, own = map(float, found.groups())
    assert own >= 0.03, "the ranker's own part is in it"
    assert whole - own == pytest.approx(2.04, abs=0.056), "the rest is the feed's, as it was said: both are rounded"


async def test_a_ranker_that_is_gone_is_noticed(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    stage.feed.beating = False
    await watched.word("Stale", "No new data")
    await watched.word("Stale")


# Breaks.


async def test_resume_after_the_bridge_was_restarted(watched: Watched, stage: Stage) -> None:
    dice = random.Random(3)
    await _opened(watched, stage)
    await stage.close()
    await watched.word("Disconnected", "Connecting")
    await stage.feed.shuffle(dice, 5)
    assert len(await watched.shown()) == len(_ROWS), "the rows stay, marked as old"
    await stage.open()
    await watched.at(stage.feed.publisher.sequence)
    await watched.word("Live")
    await watched.at(await stage.feed.shuffle(dice, 5))
    await watched.assert_exact(stage.feed.truth)


@contextmanager
def _bridge_process(config: Config) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "gapscan.supervisor.run_service", "bridge"]
    process = subprocess.Popen(command, env={**os.environ, **as_environment(config)}, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(20):
        while ports.is_free(port):
            await asyncio.sleep(0.02)


async def test_resume_after_the_bridge_was_killed(watched: Watched, stage: Stage) -> None:
    dice = random.Random(4)
    await stage.close()
    with _bridge_process(stage.config()) as process:
        await _listening(stage.port)
        await _opened(watched, stage)
        process.kill()
        await watched.word("Disconnected", "Connecting")
    await stage.feed.shuffle(dice, 5)
    with _bridge_process(stage.config()):
        await watched.at(stage.feed.publisher.sequence)
        await watched.word("Live")
        await watched.at(await stage.feed.shuffle(dice, 5))
        await watched.assert_exact(stage.feed.truth)


async def test_nats_restarted_is_no_break_for_the_page(watched: Watched, stage: Stage) -> None:
    dice = random.Random(5)
    await _opened(watched, stage)
    await stage.nats.restart(0.5)
    await watched.at(await stage.feed.shuffle(dice, 5))
    await watched.word("Live")
    await watched.assert_exact(stage.feed.truth)
    counts = await watched.counts()
    assert counts["connects"] == 1
    assert counts["snapshots"] <= 2, "the first ones: of the empty list, and of the list"


async def test_resume_after_being_offline(watched: Watched, stage: Stage) -> None:
    dice = random.Random(6)
    await _opened(watched, stage)
    before = await watched.counts()
    await watched.page.context.set_offline(True)
    await watched.word("Offline")
    await stage.feed.shuffle(dice, 5, pause=_OFFLINE_SECONDS / 5)
    await watched.page.context.set_offline(False)
    await watched.at(stage.feed.publisher.sequence)
    await watched.word("Live")
    assert (await watched.counts())["snapshots"] == before["snapshots"], "the difference is enough"
    await watched.assert_exact(stage.feed.truth)


async def test_bad_line(watched: Watched, stage: Stage) -> None:
    """Delays, resets in the middle of a frame, stalls: whatever the page draws is what the server had."""
    dice = random.Random(7)
    async with proxied(stage.port, seed=7) as proxy:
        watched.url = proxy.url
        await _opened(watched, stage)
        proxy.delay, proxy.cut_chance = 0.004, 0.004
        for turn in range(8):
            await stage.feed.shuffle(dice, 12, pause=0.04)
            proxy.stalled = turn % 3 == 1
            if turn % 3 == 2:
                await proxy.cut()
        proxy.stalled, proxy.delay, proxy.cut_chance = False, 0.0, 0.0
        await proxy.cut()
        await watched.at(stage.feed.publisher.sequence)
        await watched.word("Live")
        counts = await watched.counts()
        assert counts["connects"] > 2
        assert len({drawn["sequence"] for drawn in await watched.drawn()}) > 5
        await watched.assert_exact(stage.feed.truth)


# What a healthy bridge does not do.


async def test_a_lost_delta_is_noticed_and_made_up_for(watched: Watched, stage: Stage, wire: Wire) -> None:
    await _opened(watched, stage)
    lost: list[Message] = []
    wire.rewrite = _without_the_first_delta(lost)
    await stage.feed.publish(_ROWS[1:])
    await until(lambda: lost, "the first delta")
    await watched.at(await stage.feed.publish(_ROWS[2:]))
    counts = await watched.counts()
    assert counts["resyncs"] >= 1, "more, where the answer takes seconds"
    assert counts["mismatches"] == 0
    await watched.assert_exact(stage.feed.truth)


async def test_a_lost_last_delta_is_noticed_by_the_heartbeat(watched: Watched, stage: Stage, wire: Wire) -> None:
    await _opened(watched, stage)
    lost: list[Message] = []
    wire.rewrite = _without_the_first_delta(lost)
    await watched.at(await stage.feed.publish(_ROWS[1:]))
    assert lost
    assert (await watched.counts())["resyncs"] >= 1


def _without_the_first_delta(lost: list[Message]) -> Rewrite:
    def rewrite(message: Message) -> Message | None:
        if message["type"] == "delta" and not lost:
            lost.append(message)
            return None
        return message

    return rewrite


async def test_a_wrong_delta_is_not_shown(watched: Watched, stage: Stage, wire: Wire) -> None:
    await _opened(watched, stage)

    def spoil(message: Message) -> Message:
        return {**message, "checksum": 1} if message["type"] == "delta" else message

    wire.rewrite = spoil
    await watched.at(await stage.feed.publish(_ROWS[::-1]))
    assert (await watched.counts())["mismatches"] >= 1
    await watched.assert_exact(stage.feed.truth)


async def test_a_new_epoch_is_taken_up(watched: Watched, stage: Stage, wire: Wire) -> None:
    def of_another_epoch(message: Message) -> Message:
        return {**message, "epoch": "other"} if message["type"] in ("snapshot", "delta") else message

    await _opened(watched, stage)
    wire.rewrite = of_another_epoch
    await watched.at(await stage.feed.publish(_ROWS[::-1]))
    assert (await watched.copy(LIST))["epoch"] == "other"
    assert (await watched.counts())["resyncs"] >= 1


async def test_what_cannot_be_understood_is_passed_over(watched: Watched, stage: Stage, wire: Wire) -> None:
    await _opened(watched, stage)
    for odd in ({"type": "of_tomorrow"}, {"type": "delta", "list": "not_ours"}, {}):
        wire.send(odd)
    await watched.at(await stage.feed.publish(_ROWS[::-1]))
    await watched.word("Live")


async def test_close_codes_say_whether_to_come_back(watched: Watched, stage: Stage, wire: Wire) -> None:
    await _opened(watched, stage)
    await wire.close(4001, "slow")
    await watched.until("gapscan.counts().connects === 2")
    await watched.word("Live")
    connects = wire.connects
    await wire.close(4503, "too_many")
    await watched.word("Refused")
    assert "4503: too_many" in await watched.text("#notice")
    await watched.page.wait_for_timeout(1500)
    assert wire.connects == connects


# A bridge with a token, and lists that are none.


async def test_a_token_is_asked_for_until_it_is_right(watched: Watched, stage: Stage) -> None:
    await stage.close()
    await stage.open(token="open sesame")
    sequence = await stage.feed.publish(_ROWS)
    await watched.open()
    for token in ("wrong", "open sesame"):
        await watched.page.wait_for_selector("#token-dialog[open]")
        await watched.page.fill("#token", token)
        await watched.page.click("#token-form button")
    await watched.at(sequence)
    await watched.page.reload()
    await watched.at(sequence)
    assert not await watched.page.is_visible("#token-dialog"), "it is known until the tab is closed"
    assert "sesame" not in await watched.value("location.href")


async def test_an_address_of_no_list_leads_to_the_first_one(watched: Watched, stage: Stage) -> None:
    sequence = await stage.feed.publish(_ROWS)
    await watched.open("#no_such_list")
    await watched.at(sequence)
    assert await watched.value("gapscan.list()") == LIST


async def test_two_pages_side_by_side(watched: Watched, stage: Stage) -> None:
    await _opened(watched, stage)
    other = await watch(await watched.page.context.new_page(), stage.url)
    await other.open()
    sequence = await stage.feed.shuffle(random.Random(8), 4)
    await watched.page.bring_to_front()
    await watched.at(sequence)
    await other.page.bring_to_front()
    await other.at(sequence)
    assert await other.copy(LIST) == await watched.copy(LIST)
