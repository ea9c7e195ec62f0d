"""Commands that show lists: live, once, as deltas, and which there are."""

from __future__ import annotations

from typing import Annotated

import typer

from gapscan_cli.completion import complete_list
from gapscan_cli.options import ConfigFile, DataDir, Json, ListName, NatsContext, NatsUrl

At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help='As it was at a time of the market: 09:31:07, "5m ago", in New York.'),
]
AtDay = Annotated[
    str | None,
    typer.Option("--day", metavar="DAY", help="With --at: the day, such as 2026-11-27; else the newest recorded."),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help='Play its past from a time on: 09:28, "yesterday 15:59", in New York.'),
]
Speed = Annotated[
    float | None,
    typer.Option(
        "--speed", metavar="N", min=0, max=600, help="With --from: seconds of market time in a second; else 1."
    ),
]
Top = Annotated[int | None, typer.Option("--top", metavar="N", min=1, help="Show the first N rows.")]


def watch(
    name: ListName,
    top: Top = None,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="No screen: print the first rows (10, or --top) after a change, once a second."),
    ] = False,
    start: From = None,
    speed: Speed = None,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Show a list live, or with --from its past, played.

    The table fits the terminal; q or Ctrl-C ends it. Arrows mark rows that moved by themselves, colours mark prices
    that rose or fell in the last seconds, ~ marks a gap before the open, and ! a row that an alert told of. When the
    output is no terminal, --plain is taken as given.

    In the past: space pauses, left and right go by ten seconds, up and down by a minute, + and - change the speed, l
    leads to what is live. Where the tape ends, what is recorded next is shown as it comes.

    \b
    Examples:
      gapscan watch gappers_up
      gapscan watch gappers_up --from 09:28 --speed 10
      gapscan watch winners --plain --top 5 | tee winners.log
    """
    from gapscan_cli.connection import find_nats
    from gapscan_cli.following import run_until_stopped
    from gapscan_cli.watching.loop import watch_list
    from gapscan_cli.watching.past import watch_past

    if speed is not None and start is None:
        raise typer.BadParameter("--speed goes with --from")
    options = find_nats(nats, config_file, data, context)
    if start is None:
        run_until_stopped(watch_list(options, name, top, plain))
    else:
        run_until_stopped(watch_past(options, name, start, 1.0 if speed is None else speed, top, plain=plain))


def top(
    name: ListName,
    number: Top = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    at: At = None,
    day: AtDay = None,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Print a list once, as a table, JSON or CSV.

    The table has the first 20 rows, JSON and CSV have all; --top N says otherwise.

    \b
    Examples:
      gapscan top gappers_up --top 5
      gapscan top winners --csv > winners.csv
      gapscan top gappers_up --at 09:31:07 --day yesterday
    """
    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    if day is not None and at is None:
        raise typer.BadParameter("--day goes with --at")
    import asyncio

    from gapscan_cli.connection import find_nats
    from gapscan_cli.oneshot import print_top

    form = "json" if as_json else "csv" if as_csv else "table"
    asyncio.run(print_top(find_nats(nats, config_file, data, context), name, number, form, at, day))


def tail(
    name: ListName,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Print a list as JSON lines: snapshot, then deltas.

    Each delta has its sequence. It goes on until Ctrl-C, or until nobody reads. A new snapshot line
    comes when the list begins a new epoch. Deltas that came while the reader was busy are folded
    into one.

    \b
    Example:
      gapscan tail gappers_up | jq -c '.changes[]?'
    """
    from gapscan_cli.connection import find_nats
    from gapscan_cli.following import run_until_stopped
    from gapscan_cli.tailing import tail_list

    run_until_stopped(tail_list(find_nats(nats, config_file, data, context), name))


def why(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="The symbol.", show_default=False)],
    name: Annotated[
        str | None,
        typer.Argument(metavar="[LIST]", help="Only this list.", autocompletion=complete_list, show_default=False),
    ] = None,
    as_json: Json = False,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Say why a symbol is in a list, or why not.

    Shows each condition with the symbol's value, the threshold, and since when it holds or fails; then the rank, or
    how far it is from the last row. Without LIST, for every list.

    \b
    Examples:
      gapscan why TSLA
      gapscan why TSLA gappers_up --json
    """
    import asyncio

    from gapscan_cli.connection import find_nats
    from gapscan_cli.explaining import print_why

    asyncio.run(print_why(find_nats(nats, config_file, data, context), symbol, name, as_json))


def near(
    name: ListName,
    number: Annotated[int, typer.Option("-n", "--number", min=1, max=200, help="How many.")] = 20,
    as_json: Json = False,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Show which symbols nearly are in a list.

    Those that lack one condition, by no more than a tenth of its threshold, and by how much; the nearest first.

    \b
    Example:
      gapscan near gappers_up
    """
    import asyncio

    from gapscan_cli.connection import find_nats
    from gapscan_cli.explaining import print_near

    asyncio.run(print_near(find_nats(nats, config_file, data, context), name, number, as_json))


def show_lists(
    invocation: typer.Context,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="The lists that come with gapscan; asks no server.")
    ] = False,
    as_json: Json = False,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Print which lists there are, or change your own.

    Says what is in each, when it is ranked, and how many rows it has now. The commands are about lists of your own,
    which are kept in lists.toml beside your own gapscan.toml.

    \b
    Examples:
      gapscan lists
      gapscan lists --shipped
      gapscan lists add my_lists.toml
    """
    if invocation.invoked_subcommand is not None:
        return
    import asyncio

    from gapscan_cli.connection import find_nats
    from gapscan_cli.oneshot import print_lists, print_shipped

    if shipped:
        print_shipped(as_json)
    else:
        asyncio.run(print_lists(find_nats(nats, config_file, data, context), as_json))
