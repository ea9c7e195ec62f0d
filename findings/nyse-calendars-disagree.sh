#!/usr/bin/env bash
# Three calendars of the New York Stock Exchange, three histories; Christmas 1969 is a session in one of them.
#
# Holds for: exchange_calendars 4.13.2, pandas_market_calendars 5.5.0, holidays 0.109, with pandas 3.1.1.
# Behaviour, 1, the days: in exchange_calendars' XNYS no regular holiday is one before 1970, although it has rules for
#     the years before (one from 1848): it gives the rules to pandas' CustomBusinessDay, which asks an
#     AbstractHolidayCalendar without bounds, and that begins in 1970. 86 weekdays of 1960-1969 on which the other two
#     have it closed are sessions. On 1970-05-29 it was closed for holidays, open for the other two; then they agree.
# Behaviour, 2, the hours: until 1985-09-27 the day began at 10:00. exchange_calendars says 9:30 for all times;
#     pandas_market_calendars changes at 1985-01-01, nine months early. In the weeks after the crash of 1987 trading
#     ended at 14:00 and later for two of them; exchange_calendars says 16:00. Since 1990 they disagree on five ends, on
#     1999-12-31 in the other direction (13:00 for two, 16:00 for pandas_market_calendars); then they agree.
# Expected: that a calendar refuses what it does not know, or is right. It matters to a backtest over old daily bars:
#     holidays become sessions without data, "the last hour" of such a day is empty, "from the open" begins too early.
# Seen: exchange_calendars / pandas_market_calendars / holidays:
#     1969-12-25 session / closed / closed; 1980-06-02 from 9:30 / 10:00 / -; 1985-06-03 from 9:30 / 9:30 / -;
#     1987-10-26 to 16:00 / 14:00 / 2:00pm; 1994-02-11 to 16:00 / 14:30 / 2:30pm; 1996-01-08 to 16:00 / 14:00 / -;
#     1997-10-27 to 16:00 / 15:30 / -; 1999-12-31 to 13:00 / 16:00 / 1:00pm; 2005-06-01 to 16:00 / 15:56 / -.
# Date: 2026-11-30
# Source: gerrymanoim/exchange_calendars, issue 440 (further back, holidays are less likely accurate);
#     quantopian/trading_calendars, issue 162; pandas documentation, AbstractHolidayCalendar.holidays (default start);
#     Los Angeles Times, 1985-07-11, "NYSE Votes to Extend Trading, Open at 9:30" (from September 30).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check \
  'exchange_calendars==4.13.2' 'pandas_market_calendars==5.5.0' 'holidays==0.109' 'pandas==3.1.1'

venv/bin/python - <<'PYTHON'
import warnings

import exchange_calendars
import holidays
import pandas as pd
import pandas_market_calendars

warnings.simplefilter("ignore")
START, END = "1960-01-04", "2027-12-31"
ZONE = "America/New_York"
versions = [f"{lib.__name__} {lib.__version__}" for lib in (exchange_calendars, pandas_market_calendars, holidays, pd)]
print(*versions, sep=", ")

xnys = exchange_calendars.get_calendar("XNYS", start=START, end=END)
nyse = pandas_market_calendars.get_calendar("NYSE").schedule(START, END)
years = range(1960, 2028)
closed = holidays.financial_holidays("XNYS", years=years)
halves = holidays.financial_holidays("XNYS", years=years, categories=("half_day",))

days = set(pd.bdate_range(START, END).date)
sessions = {
    "exchange_calendars": set(xnys.sessions.date),
    "pandas_market_calendars": set(nyse.index.date),
    "holidays": days - set(closed),
}
ours, theirs, third = sessions.values()
wrong = sorted(ours - (theirs | third))
print("sessions for exchange_calendars only:", len(wrong), "first", wrong[0], "last", wrong[-1])
print("1969-12-25, Christmas:", {name: pd.Timestamp("1969-12-25").date() in found for name, found in sessions.items()})


def hour(moment):
    return moment.tz_convert(ZONE).strftime("%H:%M")


seen = {}
for day, what in {"1980-06-02": "opens", "1985-06-03": "opens", "1987-10-26": "closes"}.items():
    row = nyse.loc[day]
    one, two = (xnys.opens, row.market_open) if what == "opens" else (xnys.closes, row.market_close)
    seen[day] = (hour(one[day]), hour(two))
    print(day, what, dict(zip(sessions, [*seen[day], halves.get(day, "no word")])))

ends = {}
for day in sorted(ours & theirs):
    one, two, known = hour(xnys.closes[str(day)]), hour(nyse.market_close[str(day)]), halves.get(day)
    if day.year >= 1990 and (one != two or (one < "16:00") != (known is not None)):
        ends[str(day)] = (one, two, known is not None)
        print(day, "closes", dict(zip(sessions, [one, two, known or "no word"])))

assert pd.Timestamp("1969-12-25").date() in ours and all(day.year < 1970 for day in wrong) and len(wrong) == 86
assert {str(day) for found in (ours, theirs) for day in found ^ third if day.year >= 1970} == {"1970-05-29"}
assert seen == {
    "1980-06-02": ("09:30", "10:00"),
    "1985-06-03": ("09:30", "09:30"),
    "1987-10-26": ("16:00", "14:00"),
}
assert ends == {
    "1994-02-11": ("16:00", "14:30", True),
    "1996-01-08": ("16:00", "14:00", False),
    "1997-10-27": ("16:00", "15:30", False),
    "1999-12-31": ("13:00", "16:00", True),
    "2005-06-01": ("16:00", "15:56", False),
}
PYTHON
