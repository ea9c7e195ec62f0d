"""The section of the simulated market, and what its texts mean."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal

from msgspec import Meta

from gapscan.config.section import Port, Section

# What one symbol each can have happen to it on the synthetic market's first day; gapscan/sim/scenarios.py has them.
SCENARIOS: Final = (
    "reverse_split", "forward_split", "special_dividend", "spin_off", "ipo", "rename", "overnight_halt",
)  # fmt: skip

# What a plan may lack, as a provider sells it; gapscan/sim/account.py plays it.
PLAN_LIMITS: Final = ("delayed", "no-quotes", "no-trades", "no-luld")
_DELAYED_SECONDS: Final = 900.0

STEPPING_SPEED: Final = 30.0  # from here on a minute of a simulated market takes two seconds at most
STEP_SECONDS: Final = 60.0


def time_of_day(start: str) -> dt.time:
    """What `start` says, in New York. Raises ValueError."""
    try:
        return dt.time.fromisoformat(start)
    except ValueError:
        raise ValueError(f"start is {start!r}, no time of day; write it as 09:25") from None


def date_of(day: str) -> dt.date:
    """What `day` says. Raises ValueError."""
    try:
        return dt.date.fromisoformat(day)
    except ValueError:
        raise ValueError(f"day is {day!r}, no date; write it as 2024-07-01") from None


def scenarios_of(text: str) -> tuple[str, ...]:
    """The scenarios of a text with commas; `all` is all of them. Raises ValueError."""
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in found:
        if name not in (*SCENARIOS, "all"):
            raise ValueError(f"there is no scenario {name!r}; choose of {', '.join(SCENARIOS)}, or all")
    return SCENARIOS if "all" in found else found


def limits_of(text: str) -> frozenset[str]:
    """What a plan lacks, by a text with commas. Raises ValueError."""
    found = frozenset(part.strip() for part in text.split(",") if part.strip())
    if unknown := sorted(found - {*PLAN_LIMITS}):
        raise ValueError(f"there is no plan {unknown[0]!r}; choose of {', '.join(PLAN_LIMITS)}")
    return found


class SimSection(Section, frozen=True):
    """The simulated market. `start` is New York time, `day` YYYY-MM-DD, `replay` a directory of flat files.

    With `follow`, its clock waits for the ranker, minute by minute; from speed 30 on it goes from minute to minute and
    shows itself by scans alone: so a replayed day has the same lists at the same market times, whatever the speed and
    the machine. With `delay`, all data are so many seconds of market time behind its clock, as with a delayed plan.
    `plan` (text with commas) is what the account lacks, of PLAN_LIMITS.
    `origin` is the POSIX time at which market time was `start` (unset: when the market starts): with it, a market
    that is started again goes on where it would be. `scenarios` (text with commas, or `all`) are events of SCENARIOS.
    With `night`, some symbols trade in the nights that `[market]` gives a day, as no provider shows it so far.
    `recording` is a directory that the provider's `record` filled, to be played instead of a market: by the `clock`, at
    `speed`, as it came, or by `requests`, each scan getting the next one.
    """

    start: str = "09:25"
    day: str | None = None
    speed: Annotated[float, Meta(ge=0.001, le=10_000)] = 1.0
    seed: Annotated[int, Meta(ge=0)] = 7
    symbols: Annotated[int, Meta(ge=20, le=20_000)] = 11_000
    replay: str | None = None
    delay: Annotated[float, Meta(ge=0, le=7200)] = 0.0
    plan: str = ""
    follow: bool = False
    host: str = "127.0.0.1"
    port: Port = 0
    origin: float | None = None
    scenarios: str = ""
    night: bool = False
    recording: str = ""
    pace: Literal["clock", "requests"] = "clock"

    @property
    def scenes(self) -> tuple[str, ...]:
        """The scenarios by name, each once."""
        return scenarios_of(self.scenarios)

    @property
    def limits(self) -> frozenset[str]:
        """What the account's plan lacks."""
        return limits_of(self.plan)

    @property
    def behind(self) -> float:
        """Seconds of market time by which all data are behind."""
        return self.delay or ("delayed" in self.limits) * _DELAYED_SECONDS

    def __post_init__(self) -> None:
        """Raises ValueError, which msgspec passes on, for a time, a day or a scenario that is none."""
        time_of_day(self.start)
        scenarios_of(self.scenarios)
        limits_of(self.plan)
        if self.day is not None:
            date_of(self.day)

    @property
    def stepping(self) -> bool:
        """Whether the market goes from minute to minute: so fast a one that waits for the ranker does."""
        return self.follow and self.speed >= STEPPING_SPEED
