"""Questions of browsers: passed on to what leads, answered in order, bounded, and in nobody's way."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from gapscan.bridge import questions, server
from gapscan.bridge.limits import QUESTIONS
from gapscan.bus.client import Bus
from gapscan.bus.definitions import remove_list, write_definition
from gapscan.obs import Tally, logger
from gapscan.protocol.messages import ListDefinition, Why, WhyRequest
from gapscan.protocol.websocket import Beat, Error, Lists, Sizes
from gapscan.ranker.questions import answering
from gapscan.service import all_lists
from tests.support.answers import answer_why
from tests.support.bridge import Browser, Served, browsing, defined_list
from tests.support.lists import Published
from tests.support.until import until


@pytest.fixture(autouse=True)
def _quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(questions, "SHARED_SECONDS", 0.0)


async def test_an_answer_comes_as_the_ranker_gave_it(bus: Bus, served: Served, movers: Published) -> None:
    async with answering(bus, answer_why, Tally(logger("test"))), browsing(served, movers) as browser:
        await browser.send(action="why", symbol="A", list="movers")
        await browser.send(action="why", symbol="B")
        await browser.gets(Why, 2)
        assert browser.of(Why) == [answer_why(WhyRequest("A", "movers")), answer_why(WhyRequest("B"))]
        await movers.step()
        await browser.reaches(movers)


async def test_nobody_leads(served: Served, movers: Published) -> None:
    async with browsing(served, movers) as browser:
        await browser.send(action="why", symbol="A", list="movers")
        error = await browser.gets(Error)
        assert (error.code, error.retry, error.list, error.symbol) == ("unavailable", True, "movers", "A")
        await movers.step()
        await browser.reaches(movers)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"symbol": "A", "list": "no_such"}, "unknown_list"),
        ({"symbol": "A", "list": "x" * 101}, "bad_message"),
        ({"symbol": ""}, "bad_message"),
        ({"symbol": "A" * 33}, "bad_message"),
        ({"symbol": 5}, "bad_message"),
        ({}, "bad_message"),
    ],
)
async def test_what_is_no_question(served: Served, message: dict[str, object], code: str) -> None:
    async with browsing(served) as browser:
        await browser.send(action="why", **message)
        error = await browser.gets(Error)
        assert (error.code, error.retry) == (code, False)


async def test_a_question_without_an_answer_hurts_nobody_else(bus: Bus, served: Served, movers: Published) -> None:
    async with (
        answering(bus, answer_why, Tally(logger("test"))),
        browsing(served, movers) as bad,
        browsing(served, movers) as good,
    ):
        await bad.send(action="why", symbol="BAD")
        await bad.send(action="why", symbol="A")
        for number, symbol in enumerate("BCDEF", 1):
            await good.send(action="why", symbol=symbol)
            assert (await good.gets(Why, number)).symbol == symbol
            await movers.step()
            await bad.reaches(movers)
        assert not bad.of(Why), "the ranker has not answered the first one"
        assert (await bad.gets(Error)).code == "unavailable"
        assert (await bad.gets(Why)).symbol == "A"


async def test_more_questions_than_may_wait(bus: Bus, served: Served, movers: Published) -> None:
    async with answering(bus, answer_why, Tally(logger("test"))), browsing(served, movers) as browser:
        await browser.send(action="why", symbol="BAD")
        for number in range(QUESTIONS):
            await browser.send(action="why", symbol=f"S{number}")
        error = await browser.gets(Error)
        assert (error.code, error.retry, error.symbol) == ("rate_limited", True, f"S{QUESTIONS - 1}")
        await browser.gets(Why, QUESTIONS - 1)
        await browser.send(action="why", symbol="LATER")
        assert (await browser.gets(Why, QUESTIONS)).symbol == "LATER"


async def test_a_client_that_goes_takes_its_questions_with_it(bus: Bus, served: Served, movers: Published) -> None:
    async with answering(bus, answer_why, Tally(logger("test"))):
        async with browsing(served, movers) as browser:
            await browser.send(action="why", symbol="BAD")
            await browser.send(action="why", symbol="A")
            await browser.reaches(movers)
        await until(lambda: not served.bridge.bridge.sessions, "its going")
        await until(lambda: not any(task.get_name() == "answer a client" for task in asyncio.all_tasks()), "the end")
        assert served.counts["answers"] == 0


async def test_the_same_question_is_asked_once_in_a_while(
    bus: Bus, served: Served, movers: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "SHARED_SECONDS", 3600.0)
    tally = Tally(logger("test"))
    async with answering(bus, answer_why, tally), browsing(served, movers) as first, browsing(served) as second:
        for browser, number in ((first, 1), (second, 1), (second, 2)):
            await browser.send(action="why", symbol="A")
            await browser.gets(Why, number)
        assert tally.counts["why_answered"] == 1


async def test_an_overview_of_all_lists(bus: Bus, served: Served, movers: Published) -> None:
    async with browsing(served, movers) as browser:
        await browser.send(action="overview", on=True)
        rows = len(movers.truth[movers.publisher.sequence])
        await browser.until(
            lambda: browser.of(Sizes) and browser.of(Sizes)[-1].lists["movers"].size == rows, "its size"
        )
        await movers.beat()
        await browser.until(lambda: browser.of(Sizes)[-1].lists["movers"].state == "live", "its state")
        await some_beats(browser)
        assert all(one != other for one, other in pairwise(browser.of(Sizes))), "what has not changed is not sent"
        movers.truth[movers.publisher.sequence + 1] = []
        await movers.publisher.publish([], 99)
        await browser.until(lambda: browser.of(Sizes)[-1].lists["movers"].size == 0, "its emptiness")
        await browser.send(action="overview", on=False)
        await browser.send(action="lists")
        await browser.gets(Lists, 2)
        told = len(browser.of(Sizes))
        await movers.step(2)
        assert movers.truth[movers.publisher.sequence], "its size is another one"
        await browser.reaches(movers)
        await some_beats(browser)
        assert len(browser.of(Sizes)) == told


async def some_beats(browser: Browser) -> None:
    """Wait for heartbeats: an overview that is due is sent with each."""
    await browser.gets(Beat, len(browser.of(Beat)) + 3)


async def test_lists_come_and_go_without_waiting_for_the_next_look(
    bus: Bus, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(all_lists, "REREAD_SECONDS", 3600.0)
    async with browsing(served) as browser:
        await browser.gets(Lists)
        await write_definition(bus, ListDefinition("own", "mine", "price > 0", ["-price"], 10, []))
        await browser.until(lambda: "own" in {info.name for info in browser.of(Lists)[-1].lists}, "the new list")
        await defined_list(bus, "other")
        await remove_list(bus, "own")
        await browser.until(
            lambda: [info.name for info in browser.of(Lists)[-1].lists] == ["movers", "other"], "the end"
        )
