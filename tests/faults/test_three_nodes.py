"""Three nodes, two rankers, and what may happen to them: lists move again, and nothing is lost or taken back.

Each test says what it measured: `pytest -s tests/faults/test_three_nodes.py`. How long a list is silent depends on the
machine; here only what never happens takes as long as it is waited for.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.cluster import Node
from tests.support.cluster_rig import LEASE, Place, Rig, cluster_rig

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def first(nodes: list[Node]) -> Node:
    return nodes[0]


def second(nodes: list[Node]) -> Node:
    return nodes[1]


async def killed(rig: Rig) -> None:
    rig.nodes[0].kill()
    await rig.moves()
    rig.nodes[0].start()


async def frozen(rig: Rig, seconds: float) -> None:
    rig.nodes[0].freeze()
    try:
        await asyncio.sleep(seconds)
        await rig.moves()
    finally:
        rig.nodes[0].thaw()


async def frozen_15_s(rig: Rig) -> None:
    await frozen(rig, 15)


async def frozen_30_s(rig: Rig) -> None:
    await frozen(rig, 30)


async def cut_off(rig: Rig) -> None:
    rig.nodes[0].cut_off()
    try:
        await asyncio.sleep(20)
        await rig.moves()
    finally:
        rig.nodes[0].join_again()


async def rolling_restart(rig: Rig) -> None:
    for node in rig.nodes:
        await asyncio.to_thread(node.leave_in_order)
        await asyncio.sleep(3)  # its clients go, and then it is stopped, as an operator does
        await asyncio.to_thread(node.kill)
        node.start()
        await rig.whole()
        await rig.moves()


async def zombie(rig: Rig) -> None:
    """The ranker that leads stands still for longer than its lease lasts, and wakes."""
    ranker = await rig.leading_ranker()
    ranker.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(LEASE + 2)
        await rig.moves()
    finally:
        ranker.send_signal(signal.SIGCONT)
    await rig.moves(20)


Fault = Callable[[Rig], Awaitable[None]]
FAULTS: list[tuple[Fault, Place]] = [
    (killed, first),
    (frozen_15_s, first),
    (frozen_30_s, second),
    (cut_off, second),
    (cut_off, first),
    (rolling_restart, first),
    (zombie, second),
]


@pytest.mark.parametrize(("fault", "rankers_on"), FAULTS, ids=lambda one: one.__name__)
async def test_lists_move_again(fault: Fault, rankers_on: Place, tmp_path: Path) -> None:
    """The first node leads all streams, and it is the one that something happens to."""
    async with cluster_rig(tmp_path, rankers_on) as rig:
        began = time.monotonic()
        await fault(rig)
        await rig.whole()
        await rig.moves()
        silent, refused, after = rig.timeline.silence(began)
        print(f"\n{fault.__name__}, rankers on the {rankers_on.__name__} node: NATS took nothing for {refused:.1f} s")
        print(f"the list was silent for {silent:.1f} s, and moved {after:.1f} s after NATS took something")
        print(f"to a client on the first node it was silent for {rig.near.still(began):.1f} s", flush=True)
        await rig.check()
