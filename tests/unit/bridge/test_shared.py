"""One answer for all who ask for the same: made once, a few at a time, and not waited for without end."""

from __future__ import annotations

import asyncio

import pytest

from gapscan.bridge.problems import ProblemError
from gapscan.bridge.shared import KEPT, MAKING, Shared
from gapscan.errors import BusError

PATIENCE = 30.0  # seconds, of a test that would wait for ever


class Source:
    """Answers with the number of the question, once `open` is set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.now = 0.0
        self.busy = self.most_busy = 0
        self.fault: Exception | None = None
        self.open = asyncio.Event()

    async def ask(self, key: str) -> str:
        self.asked.append(key)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await self.open.wait()
        finally:
            self.busy -= 1
        if self.fault is not None:
            raise self.fault
        return f"{key}{len(self.asked)}"

    def shared(self, *, together: int = 4, waited: float = PATIENCE) -> Shared[str]:
        return Shared("answers", self.ask, 2.0, lambda: self.now, together=together, waited=waited)


async def _problem(asking: asyncio.Task[str]) -> str:
    with pytest.raises(ProblemError) as caught:
        await asking
    assert (caught.value.code, caught.value.headers) == ("unavailable", {"Retry-After": "1"})
    return caught.value.message


async def _asking(shared: Shared[str], *keys: str) -> list[asyncio.Task[str]]:
    """Who asks, after all had their turn."""
    tasks = [asyncio.create_task(shared.get(key)) for key in keys]
    await asyncio.sleep(0)
    return tasks


async def test_all_who_ask_meanwhile_get_one_answer_and_it_is_kept_for_a_while() -> None:
    source = Source()
    shared = source.shared()
    tasks = await _asking(shared, *["A"] * 20)
    source.open.set()
    assert await asyncio.gather(*tasks) == ["A1"] * 20
    source.now = 1.9
    assert await shared.get("A") == "A1"
    source.now = 2.0
    assert await shared.get("A") == "A2"
    for number in range(KEPT):
        await shared.get(str(number))
    assert await shared.get("A") == f"A{KEPT + 3}", "it was the oldest one"


async def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    source = Source()
    shared = source.shared()
    for source.fault in (BusError("away"), ProblemError("unavailable", "away", Retry_After="1")):
        source.open.clear()
        tasks = await _asking(shared, "A", "A", "A")
        source.open.set()
        assert {await _problem(task) for task in tasks} == {"away"}
    assert source.asked == ["A", "A"]
    source.fault = None
    assert await shared.get("A") == "A3"


async def test_answers_that_are_made_are_limited_and_not_who_waits_for_them() -> None:
    source = Source()
    shared = source.shared(together=3)
    keys = [f"K{number}." for number in range(MAKING)]
    tasks = await _asking(shared, *keys, *keys)
    (refused,) = await _asking(shared, "more")
    assert await _problem(refused) == "too many requests wait for answers"
    source.open.set()
    answers = await asyncio.gather(*tasks)
    assert answers[:MAKING] == answers[MAKING:]
    assert sorted(source.asked) == sorted(keys)
    assert source.most_busy == 3
    assert (await shared.get("more")).startswith("more"), "there is room again"


async def test_nobody_waits_longer_than_is_said_for_its_turn_and_the_answer_together() -> None:
    source = Source()
    shared = source.shared(together=1, waited=0.05)
    async with asyncio.timeout(PATIENCE):
        tasks = await _asking(shared, "A", "B", "C", "B")
        for task in tasks:
            assert await _problem(task) == "answers could not be had within 0.05 s"
    assert source.busy == 0, "what nobody waits for is not asked on"
    source.open.set()
    assert (await shared.get("C")).startswith("C")


async def test_who_goes_takes_no_others_answer() -> None:
    source = Source()
    shared = source.shared()
    first, second, third = await _asking(shared, "A", "A", "A")
    second.cancel()
    await asyncio.sleep(0)
    first.cancel()
    assert await _problem(third) == "answers: who asked first went before there was any"
    source.open.set()
    assert await shared.get("A") == "A2"
