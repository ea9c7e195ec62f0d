"""NATS is away for longer than a lease lasts: the term is over, and nothing of it is left when NATS is back."""

from __future__ import annotations

import asyncio
import gc
import weakref

from gapscan.bus.client import Bus, BusOptions, connect
from gapscan.bus.topology import ensure_shared
from gapscan.config import Config, NatsSection, RankerSection
from gapscan.hot.service import Hot
from gapscan.ranker.service import Ranker
from gapscan.ranking.spec import shipped_lists
from gapscan.runtime import end
from gapscan.service.connecting import retention
from tests.support.nats import NatsServer
from tests.support.proxy import link_to
from tests.support.until import until


def subscriptions(bus: Bus) -> int:
    return len(bus.nc._subs)


async def leads(ranker: Ranker, hot: Hot) -> None:
    def both() -> bool:
        lists = hot.report().get("lists", {})
        following = lists.keys() == set(shipped_lists().names) and "waiting" not in lists.values()
        return ranker.report()["role"] == hot.report()["role"] == "leader" and following

    await until(both, "the ranker and the hot manager leading")


async def test_an_outage_leaves_no_subscription_and_no_term_behind(nats_server: NatsServer) -> None:
    async with link_to(nats_server.port) as link:
        url = f"nats://127.0.0.1:{link.port}"
        config = Config(nats=NatsSection(url=url), ranker=RankerSection(lease=1.0))
        async with connect(BusOptions(url), "ranker") as ranked, connect(BusOptions(url), "hot") as hot_bus:
            await ensure_shared(ranked, retention(config))
            ranker, hot = Ranker(ranked, config, shipped_lists()), Hot(hot_bus, config)
            jobs = [asyncio.create_task(ranker.run()), asyncio.create_task(hot.run())]
            try:
                await leads(ranker, hot)
                before = subscriptions(ranked), subscriptions(hot_bus)
                term = ranker.term
                assert term is not None
                universe = weakref.ref(term.universe)
                del term
                await link.cut()
                await until(lambda: ranker.report()["role"] == hot.report()["role"] == "standby", "their terms' end")
                await link.mend()
                await leads(ranker, hot)
                await until(lambda: (subscriptions(ranked), subscriptions(hot_bus)) == before, "as many as before")
                gc.collect()
                assert universe() is None
            finally:
                await end(*jobs)
