"""Where the exchanges' list of halts is read, and that it is not read unless the settings say so."""

from __future__ import annotations

import pytest

from gapscan.config import Config, FeedSection, ProviderSection
from gapscan.feed.halt_list import HaltListReader
from gapscan.obs import Tally, logger

SIMULATED = "http://127.0.0.1:8700"


def reader(named: str, rest_url: str | None) -> HaltListReader:
    config = Config(provider=ProviderSection(rest_url=rest_url), feed=FeedSection(halts_url=named))
    return HaltListReader(config, Tally(logger("feed")), lambda _notices: None)


@pytest.mark.parametrize(
    ("named", "rest_url", "url"),
    [
        ("", None, ""),
        ("", SIMULATED, ""),
        ("/rss/tradehalts", SIMULATED, f"{SIMULATED}/rss/tradehalts"),
        ("https://host/rss?feed=tradehalts", SIMULATED, "https://host/rss?feed=tradehalts"),
        ("https://host/rss", None, "https://host/rss"),
    ],
)
def test_where_it_is(named: str, rest_url: str | None, url: str) -> None:
    one = reader(named, rest_url)
    assert (one.url, one.wanted, one.report()["state"]) == (url, bool(url), "waiting" if url else "off")


@pytest.mark.parametrize("rest_url", [None, SIMULATED])
async def test_without_one_nothing_is_asked(rest_url: str | None) -> None:
    one = reader("", rest_url)
    await one.run()  # and ends at once
    assert one.report() == {"state": "off", "listed": None, "last_error": ""}
