"""When silence means that the link is dead."""

from gapscan.polygon.watchdog import Watchdog


def test_silence_counts_from_the_last_data() -> None:
    dog = Watchdog(15)
    dog.begin(0)
    assert not dog.is_silent(14, expecting=True)
    dog.data(14)
    assert not dog.is_silent(28, expecting=True)
    assert dog.is_silent(29, expecting=True)


def test_while_nothing_is_expected_no_time_passes() -> None:
    dog = Watchdog(15)
    dog.begin(0)
    dog.data(1)
    assert not dog.is_silent(50_000, expecting=False)  # a night
    assert not dog.is_silent(50_014, expecting=True)
    assert dog.is_silent(50_015, expecting=True)


def test_thin_symbols_do_not_cost_a_session_every_time() -> None:
    dog, now, patience = Watchdog(15), 0.0, []
    for _ in range(7):
        dog.begin(now)
        patience.append(dog.patience)
        now += dog.patience
        assert dog.is_silent(now, expecting=True)
        dog.ended_silent()
    assert patience == [15, 30, 60, 120, 240, 240, 240]
    dog.begin(now)
    dog.data(now)
    assert dog.patience == 15


def test_a_session_that_brought_something_is_not_held_against_the_next() -> None:
    dog = Watchdog(15)
    dog.begin(0)
    dog.data(5)
    assert dog.is_silent(20, expecting=True)
    dog.ended_silent()
    dog.begin(20)
    assert dog.patience == 15
