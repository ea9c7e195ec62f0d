"""The bounded queue between socket and reader."""

from __future__ import annotations

import asyncio

import pytest

from gapscan.polygon.framequeue import FrameQueue


async def test_in_order_and_as_many_as_there_are() -> None:
    queue = FrameQueue()
    for number in range(5):
        assert queue.put(1, f"frame {number}") == 0
    assert await queue.get(3) == [(1, "frame 0"), (1, "frame 1"), (1, "frame 2")]
    assert await queue.get(3) == [(1, "frame 3"), (1, "frame 4")]
    assert len(queue) == 0


async def test_a_lone_frame_does_not_wait_for_others() -> None:
    queue = FrameQueue()
    waiting = asyncio.create_task(queue.get(64))
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.put(7, b"frame")
    assert await waiting == [(7, b"frame")]


async def test_the_oldest_go_when_it_is_full() -> None:
    queue = FrameQueue(limit=10)
    assert [queue.put(1, "abcd") for _ in range(3)] == [0, 0, 1]
    assert queue.put(2, "x" * 10) == 2
    assert await queue.get(64) == [(2, "x" * 10)]
    assert queue.put(3, "larger than all of it") == 0  # the newest is never dropped
    assert queue.put(4, "y") == 1
    assert await queue.get(64) == [(4, "y")]


async def test_taken_frames_make_room() -> None:
    queue = FrameQueue(limit=10)
    for _ in range(100):
        assert queue.put(1, "x" * 10) == 0
        await queue.get(1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(1), 0.01)
