"""The provider through a company's proxy, which asks for a login: requests and the stream."""

from __future__ import annotations

from typing import get_args

import pytest

from gapscan.errors import FeedError
from gapscan.obs import Tally, logger
from gapscan.polygon.library import Library
from tests.integration.polygon.conftest import Start
from tests.support.http_proxy import http_proxy
from tests.support.rig import KEY, market
from tests.support.stack import provider_on


@pytest.mark.parametrize("library", get_args(Library))
async def test_requests_go_through_the_proxy(library: Library) -> None:
    async with market(manual=True, start="10:00") as sim, http_proxy() as proxy:
        provider = provider_on(sim, Tally(logger("feed")), key=KEY, library=library, proxy=proxy.url)
        assert len(await provider.snapshot()) > 50
        assert proxy.passed == ["GET /v2/snapshot/locale/us/markets/stocks/tickers"]


async def test_a_wrong_login_is_a_failed_request_without_the_password() -> None:
    async with market(manual=True, start="10:00") as sim, http_proxy() as proxy:
        wrong = proxy.url.replace("s%40cret", "mistaken")
        provider = provider_on(sim, Tally(logger("feed")), key=KEY, proxy=wrong, retries=0)
        with pytest.raises(FeedError) as raised:
            await provider.snapshot()
        assert proxy.refused >= 1
        assert "mistaken" not in str(raised.value)


async def test_the_stream_goes_through_the_proxy(rig: Start) -> None:
    async with http_proxy() as proxy:
        through = await rig(settings={"proxy": proxy.url})
        assert proxy.passed[0] == f"CONNECT {through.sim.ws_feed}"
        assert not proxy.refused
