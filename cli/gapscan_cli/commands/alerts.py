"""Commands about alerts: what they said, and which there are."""

from __future__ import annotations

from typing import Annotated

import typer

from gapscan_cli.options import ConfigFile, DataDir, Json, NatsContext, NatsUrl

AlertsFile = Annotated[
    str | None,
    typer.Option("--alerts-file", metavar="FILE", help="Where your alerts are kept, instead of the usual place."),
]
AlertName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the alert.")]


def show_alerts(
    context_: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with each one as it comes, and ring.")] = False,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Of this alert only.")] = None,
    number: Annotated[int, typer.Option("-n", "--number", min=1, max=500, help="How many.")] = 20,
    json: Json = False,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Show what alerts said last; add, check, edit, remove and test them.

    \b
    Examples:
      gapscan alerts --follow
      gapscan alerts add my_alerts.toml
    """
    if context_.invoked_subcommand is not None:
        return
    import asyncio

    from gapscan_cli.connection import find_nats
    from gapscan_cli.following import run_until_stopped
    from gapscan_cli.telling import follow_alerts, print_alerts

    options = find_nats(nats, config_file, data, context)
    if follow:
        run_until_stopped(follow_alerts(options, name, number, json))
    else:
        asyncio.run(print_alerts(options, name, number, json))


def add(
    file: Annotated[str, typer.Argument(metavar="FILE", help="TOML file with the alerts; - reads the input.")],
    replace: Annotated[bool, typer.Option("--replace", help="Take the new one of an alert that is there.")] = False,
    alerts_file: AlertsFile = None,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> int:
    """Add the alerts of a file to your own.

    They are checked against the real fields, kept, and watched for at once where gapscan runs.

    \b
    Example:
      gapscan alerts add my_alerts.toml
    """
    from gapscan_cli.own_alerts import OwnAlerts, add_alerts

    return add_alerts(OwnAlerts.of(alerts_file, nats, data, config_file, context), file, replace)


def edit(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this alert; without it, the file.")] = None,
    alerts_file: AlertsFile = None,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> int:
    """Edit your alerts in $EDITOR.

    What you leave is checked before it takes the place of what was there; what differs is watched for at once.

    \b
    Example:
      gapscan alerts edit
    """
    from gapscan_cli.own_alerts import OwnAlerts, edit_alerts

    return edit_alerts(OwnAlerts.of(alerts_file, nats, data, config_file, context), name)


def remove(
    name: AlertName,
    alerts_file: AlertsFile = None,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> int:
    """Remove one of your alerts. What it said stays.

    \b
    Example:
      gapscan alerts remove gapper_in
    """
    from gapscan_cli.own_alerts import OwnAlerts, remove_own

    return remove_own(OwnAlerts.of(alerts_file, nats, data, config_file, context), name)


def check(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="TOML file; without it your own.")] = None,
    alerts_file: AlertsFile = None,
    config_file: ConfigFile = None,
) -> int:
    """Check alerts without adding them.

    What is wrong is said with the alert, the key and the place, and what was probably meant.

    \b
    Example:
      gapscan alerts check my_alerts.toml
    """
    from gapscan_cli.own_alerts import OwnAlerts, check_file

    return check_file(OwnAlerts.of(alerts_file, None, None, config_file), file)


def try_(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", help="TOML file; without it your own.")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="This alert only.")] = None,
    alerts_file: AlertsFile = None,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> int:
    """Try alerts on the lists as they are now.

    Says for each how many rows meet its condition at this moment, and what it would say of the first.

    \b
    Example:
      gapscan alerts test my_alerts.toml
    """
    from gapscan_cli.own_alerts import OwnAlerts
    from gapscan_cli.trying_alerts import try_alerts

    return try_alerts(OwnAlerts.of(alerts_file, nats, data, config_file, context), file, name)
