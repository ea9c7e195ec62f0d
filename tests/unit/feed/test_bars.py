"""Bars and trades to messages of bounded size."""

from __future__ import annotations

from gapscan.feed.bars import SYMBOLS_A_MESSAGE, bars_messages, trades_messages
from gapscan.market.bar_columns import BAR_NUMBERS
from gapscan.protocol.codec import decode, encode
from gapscan.protocol.values import numbers_in
from gapscan.provider import Bar, BarColumns, Trade

START, END = 1610144868000, 1610144869000


def test_bars_as_a_message() -> None:
    bars = [Bar("SPCE", START, END, 1.0, 3.0, 0.5, 2.0, 200.5, 8642007.0, 1.5, 1.75), Bar("X", START, END, close=5.0)]
    (message,) = bars_messages(BarColumns.of(bars), simulated=True)
    assert decode(encode(message)) == message
    assert message.simulated
    assert (message.symbols, message.start, message.end) == (["SPCE", "X"], [START] * 2, [END] * 2)
    numbers = {name: numbers_in(getattr(message, name)) for name in BAR_NUMBERS}
    assert numbers == {name: [getattr(bar, name) for bar in bars] for name in BAR_NUMBERS}


def test_nothing_makes_no_message() -> None:
    assert list(bars_messages(BarColumns.of(), simulated=False)) == []
    assert list(trades_messages([], simulated=False)) == []


def test_many_bars_are_split_far_below_the_limit_of_a_message() -> None:
    price, volume = 12345.6789, 123456789.0
    bars = [
        Bar(f"LONGER{n}", START, END, price, price, price, price, volume, volume, price, price)
        for n in range(2 * SYMBOLS_A_MESSAGE + 1)
    ]
    messages = list(bars_messages(BarColumns.of(bars), simulated=True))
    assert [len(message.symbols) for message in messages] == [SYMBOLS_A_MESSAGE, SYMBOLS_A_MESSAGE, 1]
    assert max(len(encode(message)) for message in messages) < 512 * 1024


def test_the_newest_trade_of_each_symbol() -> None:
    trades = [
        Trade("A", 10, 1.0),
        Trade("B", 11, 5.0),
        Trade("A", 12, 2.0),
        Trade("A", 11, 3.0),  # reported late
        Trade("A", 12, 4.0),
    ]
    (message,) = trades_messages(trades, simulated=False)
    assert (message.symbols, message.price, message.time) == (["A", "B"], [4.0, 5.0], [12, 11])
