"""Commands about the past: when a symbol was in lists, what is kept, and the proof of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gapscan_cli.completion import complete_list
from gapscan_cli.options import ConfigFile, DataDir, Json, NatsContext, NatsUrl

PastDay = Annotated[
    str, typer.Option("--day", metavar="DAY", help='The trading day: "today", "yesterday" or such as 2026-11-27.')
]


def when(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="The symbol.", show_default=False)],
    name: Annotated[
        str | None,
        typer.Argument(metavar="[LIST]", help="Only this list.", autocompletion=complete_list, show_default=False),
    ] = None,
    day: PastDay = "today",
    as_json: Json = False,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Say when a symbol was in lists.

    Shows each time that it came in and went: when, at which rank and price, and for how long. Times are of the market,
    in New York. "today" is the newest day that is recorded.

    \b
    Examples:
      gapscan when TSLA
      gapscan when TSLA gappers_up --day yesterday
    """
    import asyncio

    from gapscan_cli.connection import find_nats
    from gapscan_cli.past import print_when

    asyncio.run(print_when(find_nats(nats, config_file, data, context), symbol, name, day, as_json))


def history(
    invocation: typer.Context,
    as_json: Json = False,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Print what is kept of the lists' past: from when to when, and which gaps there are.

    \b
    Examples:
      gapscan history
      gapscan history verify
    """
    if invocation.invoked_subcommand is not None:
        return
    import asyncio

    from gapscan_cli.connection import find_nats
    from gapscan_cli.past import print_history

    asyncio.run(print_history(find_nats(nats, config_file, data, context), as_json))


def verify(
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> int:
    """Prove that what is kept of the past is what was recorded.

    Every message is looked at: its hash, its place in its list's chain, and whether it fits the list. What was
    changed, left out or added is named, and the exit code is 1 then.

    \b
    Example:
      gapscan history verify
    """
    import asyncio

    from gapscan_cli.connection import find_nats
    from gapscan_cli.past import print_verified

    return asyncio.run(print_verified(find_nats(nats, config_file, data, context)))


def export(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", file_okay=False, help="Where the files go.")],
    day: PastDay = "today",
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Write a trading day's past to Parquet files.

    moves.parquet has every entry and exit, lists.parquet every list at each full minute, a line for each row. It needs
    pyarrow: pip install 'gapscan[export]'.

    \b
    Example:
      gapscan history export --day yesterday --out friday
    """
    from gapscan_cli.connection import find_nats
    from gapscan_cli.exporting import export_day

    export_day(find_nats(nats, config_file, data, context), day, out)
