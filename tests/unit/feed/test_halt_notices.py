"""The exchanges' list of halts: what is read of it, and what is refused."""

from __future__ import annotations

import datetime as dt
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan.errors import FeedError
from gapscan.feed.halt_notices import HaltNotice, notices_of
from gapscan.market.sessions import epoch_ms, new_york
from gapscan.sim.halt_list import rss
from gapscan.sim.source import HaltRecord, Listing

DAY = dt.date(2026, 11, 20)
HEAD = '<?xml version="1.0" encoding="utf-8"?>'
PULSE = {
    "HaltDate": "11/20/2026",
    "HaltTime": "09:41:25.123",
    "IssueSymbol": "AAA",
    "ReasonCode": "LUDP",
    "ResumptionDate": "",
    "ResumptionTradeTime": "",
}


def at(text: str, ms: int = 0) -> int:
    return epoch_ms(DAY, dt.time.fromisoformat(text)) + ms


def document(*items: dict[str, str]) -> bytes:
    inner = "".join(
        "<item><title>x</title>"
        + "".join(f"<ndaq:{name}>{escape(text)}</ndaq:{name}>" for name, text in item.items())
        + "</item>"
        for item in items
    )
    rss = '<rss version="2.0" xmlns:ndaq="http://www.nasdaqtrader.com/">'
    return f"{HEAD}{rss}<channel><title>t</title>{inner}</channel></rss>".encode()


def test_an_item() -> None:
    over = PULSE | {"ResumptionDate": "11/20/2026", "ResumptionTradeTime": "09:46:25", "IssueSymbol": "BRK B"}
    assert notices_of(document(PULSE, over)).notices == [
        HaltNotice("AAA", at("09:41:25", 123), "LUDP"),
        HaltNotice("BRK.B", at("09:41:25", 123), "LUDP", at("09:46:25")),
    ]
    assert notices_of(document()).notices == []


@pytest.mark.parametrize(
    "change",
    [
        {"HaltDate": "2026-11-20"},
        {"HaltDate": "11/20/0026"},
        {"HaltTime": ""},
        {"HaltTime": "25:00:00"},
        {"HaltTime": "09:41:25.x"},
        {"IssueSymbol": ""},
        {"ResumptionDate": "soon", "ResumptionTradeTime": "09:46:25"},
    ],
)
def test_a_bad_item_costs_itself(change: dict[str, str]) -> None:
    found = notices_of(document(PULSE | change, PULSE))
    assert (len(found.notices), found.bad) == (1, 1)
    assert found.fault
    without = {name: text for name, text in PULSE.items() if name not in change}
    if "ResumptionDate" not in change:
        assert notices_of(document(without)).bad == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "unreadable"),
        (b"<html><body>Busy</body></html>", "none: a document of kind 'html'"),
        (b"{}", "unreadable"),
        (document(PULSE)[:-20], "unreadable"),
        (b'<?xml version="1.0" encoding="no-such"?><rss/>', "unreadable"),
        (f'{HEAD}<!DOCTYPE rss><rss version="2.0"/>'.encode(), "document type declaration"),
        (f'{HEAD}<!DOCTYPE rss [<!ENTITY a "b">]><rss>&a;</rss>'.encode(), "document type declaration"),
    ],
)
def test_what_is_no_list_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(FeedError, match=says):
        notices_of(body)


times = st.integers(at("00:00:00"), at("23:59:59"))


@given(
    st.lists(st.tuples(times, st.none() | times, st.sampled_from(["T1", "LUDP", "H10"])), max_size=5),
    st.text("<>&'\"]] ÄA", max_size=20),
)
def test_the_simulated_market_s_list_says_what_happened(halts: list[tuple[int, int | None, str]], company: str) -> None:
    """Also where a company's name has signs that XML has a meaning for."""
    listings = [Listing(f"S{number}.A", company) for number in range(len(halts))]
    records = [
        HaltRecord(number, begun, reason, ends // 1000 * 1000 if ends else None)
        for number, (begun, ends, reason) in enumerate(halts)
    ]
    now = at("23:59:59") + 1000
    found = notices_of(rss(records, listings, now))
    assert found.bad == 0
    expected = [HaltNotice(listings[one.symbol].symbol, one.at, one.reason, one.resumes_at) for one in records]
    assert sorted(found.notices, key=lambda one: one.symbol) == expected


def test_a_resumption_is_listed_when_it_is_announced() -> None:
    record, listings = HaltRecord(0, at("10:00"), "T1", at("11:00")), [Listing("A", "A")]
    assert [
        [(one.resumes_at is not None) for one in notices_of(rss([record], listings, at(now))).notices]
        for now in ("09:59:59", "10:00", "10:58:59", "10:59", "12:00")
    ] == [[], [False], [False], [True], [True]]
    assert new_york(record.at).date() == DAY
