"""Alerts on the page: logged and counted, told only as was asked for, by one tab of several, and a way there."""

from __future__ import annotations

import asyncio
import itertools
import re

from playwright.async_api import Page

from gapscan.obs import Tally, logger
from gapscan.protocol import names
from gapscan.protocol.alerts import Alert
from gapscan.protocol.codec import encode
from gapscan.protocol.messages import Condition, Near, NearMiss, NearRequest
from gapscan.ranker.questions import answering
from tests.browser.stage import LIST, OPENED, OTHER, Stage, some_row
from tests.browser.test_timeline import recorded
from tests.browser.watching import Watched, watch
from tests.support.answers import answer_why

_NUMBERS = itertools.count(1)
LACKS = Condition("volume >= 1000", "test", 0, passes=False, stays=True, value=970.0, threshold=1000.0)

_NOTED = """() => {
  globalThis.gapscanNoted = { desktop: [], speech: [] };
  globalThis.Notification = class extends Notification {
    constructor(title, { body }) {
      super(title, { body });
      gapscanNoted.desktop.push([title, body]);
    }
  };
  speechSynthesis.speak = ({ text }) => gapscanNoted.speech.push(text);
}"""


async def tell(
    stage: Stage, symbol: str, name: str = "gapper_in", about: str = LIST, as_of: int = 0, *, odd: bool = False
) -> str:
    """An alert as it is stored; its id. An `odd` one is simulated, and nobody knows when it came true."""
    number = next(_NUMBERS)
    time = as_of or OPENED + number * 1000
    text = f"{symbol} came in {number}"
    alert = Alert(
        name, about, symbol, "enter", text, time, "e1", number, {"price": 1.5}, [LACKS], missed=odd, simulated=odd
    )
    subject, headers = stage.bus.names.alert_subject(name), {names.HEADER_MSG_ID: alert.id}
    await stage.bus.js.publish(subject, encode(alert), headers=headers)
    return alert.id


async def live(watched: Watched, stage: Stage) -> None:
    await stage.feed.publish([some_row("A"), some_row("B")])
    await stage.feeds[OTHER].publish([some_row("V"), some_row("W")])
    await watched.open()
    await watched.word("Live")


async def knows(watched: Watched, key: str) -> None:
    await watched.until("(id) => gapscan.alerts().ids.includes(id)", key)


async def switch(page: Page, *words: str) -> None:
    for word in words:
        await page.locator(".alert-tools").get_by_role("button", name=word, exact=True).click()


async def test_it_is_logged_counted_and_told_by_nothing(watched: Watched, stage: Stage) -> None:
    old = await tell(stage, "A")
    await live(watched, stage)
    await knows(watched, old)
    assert (await watched.value("gapscan.alerts()"))["unread"] == 0, "what was there before is no news"
    for number in (1, 2):
        await knows(watched, await tell(stage, "B"))
        assert await watched.text("#alerts") == f"Alerts {number}"
    await watched.page.click("#alerts")
    first = watched.page.locator(".alert-log li").first
    assert "B came in" in (await first.inner_text())
    assert await first.get_attribute("class") == "fresh"
    assert "volume >= 1000: 970" in str(await first.locator(".alert-go").get_attribute("title"))
    assert await watched.text("#alerts") == "Alerts"
    assert set((await watched.value("gapscan.alerts()"))["told"].values()) == {0}
    await watched.page.keyboard.press("x")  # the panel would be there again, and seen
    await watched.page.reload()
    last = await tell(stage, "A")
    await knows(watched, last)
    assert await watched.text("#alerts") == "Alerts 1", "what was seen is seen after a reload too"


async def test_alerts_of_another_day_say_of_which(watched: Watched, stage: Stage) -> None:
    day = 24 * 3_600_000
    for as_of in (OPENED - 330 * day, OPENED - day, OPENED):
        await tell(stage, "B", as_of=as_of)
    await live(watched, stage)
    await watched.page.keyboard.press("a")
    times = "[...document.querySelectorAll('.alert-log li .moment')].slice(0, 3).map((each) => each.textContent)"
    expected = ["09:30:00", "Sat 21 Nov 09:30:00", "Sat 27 Dec 2025 09:30:00"]
    await watched.until(f"(expected) => JSON.stringify({times}) === JSON.stringify(expected)", expected)


async def test_it_is_told_as_somebody_asked_for_until_muted(watched: Watched, stage: Stage) -> None:
    await live(watched, stage)
    await watched.page.context.grant_permissions(["notifications"])
    await watched.page.keyboard.press("a")
    await switch(watched.page, "Toast", "Desktop", "Sound", "Speech")
    assert await watched.text("#toast") == "Speech on"
    await tell(stage, "B")
    await watched.until("Object.values(gapscan.alerts().told).every((count) => count === 1)")
    await watched.until("document.getElementById('toast').textContent.startsWith('B came in')")
    await switch(watched.page, "Mute")
    muted = await tell(stage, "A")
    await knows(watched, muted)
    await switch(watched.page, "Mute", "Desktop", "Sound", "Speech")
    await tell(stage, "B")
    await watched.until("gapscan.alerts().told.alertToast === 2")
    assert (await watched.value("gapscan.alerts()"))["told"] == {
        "alertToast": 2, "alertDesktop": 1, "alertSound": 1, "alertSpeech": 1,
    }  # fmt: skip


async def test_a_storm_is_told_as_one(watched: Watched, stage: Stage) -> None:
    await live(watched, stage)
    await watched.page.keyboard.press("a")
    await switch(watched.page, "Toast")
    for key in await asyncio.gather(*(tell(stage, "B") for _ in range(12))):  # at once: within what is told as one
        await knows(watched, key)
    await watched.until("gapscan.alerts().told.alertToast === 12")
    await watched.until("/and \\d+ more$/.test(document.getElementById('toast').textContent)")


async def test_everywhere_it_says_that_it_is_simulated_and_of_an_unknown_time(watched: Watched, stage: Stage) -> None:
    await live(watched, stage)
    await watched.page.context.grant_permissions(["notifications"])
    await watched.page.evaluate(_NOTED)
    await watched.page.keyboard.press("a")
    await switch(watched.page, "Toast", "Desktop", "Speech")
    for _ in range(12):
        last = await tell(stage, "B", odd=True)
    await knows(watched, last)
    await watched.until("gapscan.alerts().told.alertDesktop === 12 && gapscan.alerts().told.alertSpeech === 12")
    notes = await watched.value("gapscanNoted")
    assert all(title.startswith("SIMULATED ") for title, _ in notes["desktop"])
    assert any(title.endswith(" alerts") for title, _ in notes["desktop"])
    said = [*(body for _, body in notes["desktop"]), *notes["speech"], await watched.text("#toast")]
    assert all("(at an unknown time before)" in each for each in said), said
    assert "(at an unknown time before)" in await watched.page.locator(".alert-go").first.inner_text()


async def test_of_two_tabs_one_rings(watched: Watched, stage: Stage) -> None:
    await live(watched, stage)
    await watched.page.keyboard.press("a")
    await switch(watched.page, "Toast", "Sound")
    other = await watch(await watched.page.context.new_page(), stage.url)
    await other.open()
    await other.word("Live")
    for number in (1, 2, 3):
        await tell(stage, "B")
        for each in (watched, other):
            await each.until("(number) => gapscan.alerts().told.alertToast === number", number)  # each has its toasts
            await each.one_of_all()
        rung = [await each.value("gapscan.alerts().told.alertSound") for each in (watched, other)]
        assert sum(rung) == number, rung
    assert other.errors == []


async def test_each_alert_has_its_sound(watched: Watched, stage: Stage) -> None:
    await live(watched, stage)
    await knows(watched, await tell(stage, "B", "my_alert"))
    await watched.page.keyboard.press("a")
    await watched.page.click(".alert-sounds summary")
    await watched.page.select_option('select[data-alert="my_alert"]', "low")
    kept = await watched.value("JSON.parse(localStorage.getItem('gapscan.settings')).alertSounds")
    assert kept == {"my_alert": "low"}


async def test_it_leads_to_the_symbol_in_its_list(watched: Watched, stage: Stage) -> None:
    await live(watched, stage)
    await knows(watched, await tell(stage, "W", about=OTHER))
    await watched.page.keyboard.press("a")
    await watched.page.locator(".alert-go").first.click()
    await watched.until("(list) => gapscan.list() === list && gapscan.shown().includes('W')", OTHER)
    await watched.until("document.querySelector('.panel.list .row.selected')?.dataset.symbol === 'W'")
    link = str(await watched.page.locator(".alert-log .moment").first.get_attribute("href"))
    assert re.fullmatch(rf"#{OTHER}@2026-11-22T09:3\d:\d\d", link), link
    await knows(watched, await tell(stage, "GONE", about=OTHER))
    await watched.page.locator(".alert-go").first.click()
    await watched.until("document.getElementById('toast').textContent === 'GONE is not in the list now'")


async def test_it_leads_to_the_moment(watched: Watched, stage: Stage) -> None:
    async with recorded(stage):
        await watched.open(f"#{OTHER}")
        await watched.word("Live")
        moment = stage.feed.as_of() // 1000 * 1000 - 90_000
        await knows(watched, await tell(stage, "B", as_of=moment))
        await watched.page.keyboard.press("a")
        await watched.page.locator(".alert-log .moment").first.click()
        there = "({list, time}) => gapscan.list() === list && gapscan.past()?.settled && gapscan.past().time === time"
        await watched.until(there, {"list": LIST, "time": moment})


async def test_over_a_lost_link_each_comes_once(watched: Watched, stage: Stage) -> None:
    await live(watched, stage)
    await watched.page.keyboard.press("a")
    await switch(watched.page, "Toast")
    keys = [await tell(stage, "B")]
    await knows(watched, keys[0])
    await stage.close()
    keys += [await tell(stage, "A"), await tell(stage, "B")]
    await stage.open()
    await knows(watched, keys[-1])
    await watched.until("gapscan.alerts().told.alertToast === 3")
    ids = (await watched.value("gapscan.alerts()"))["ids"]
    assert ids[-3:] == keys
    assert len(set(ids)) == len(ids)


async def test_who_nearly_is_in_the_list(watched: Watched, stage: Stage) -> None:
    def answer(request: NearRequest) -> Near:
        symbols = [NearMiss("N", LACKS, 3.0, 1.5)] if request.list == LIST else []
        return Near(request.list, OPENED, "regular", False, symbols)

    async with answering(stage.bus, answer_why, Tally(logger("test")), near=answer):
        await live(watched, stage)
        await watched.page.keyboard.press("m")
        row = watched.page.locator("table.near tr")
        await watched.until("document.querySelectorAll('table.near tr').length === 1")
        cells = await row.locator("th, td").all_inner_texts()
        assert (cells[0], cells[1], cells[-1]) == ("N", "1.50", "3.0 %")
        await watched.page.select_option('.panel.near select[aria-label="List"]', OTHER)
        await watched.until("document.querySelector('.panel.near [role=status]').textContent.startsWith('Nobody')")
        panels = await watched.value("gapscan.panels()")
        assert [each["state"]["list"] for each in panels if each["kind"] == "near"] == [OTHER]
