"""The command table, and the one place where errors become exit codes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Annotated

import typer

from gapscan import __version__
from gapscan.errors import GapscanError
from gapscan_cli import exits, output
from gapscan_cli.commands import agents, alerts, backtest, checks, history, lists, own_lists, services
from gapscan_cli.parsing import command_for

# Plain help: the decorated one takes longer to load than most commands take to run.
app = typer.Typer(name="gapscan", rich_markup_mode=None, pretty_exceptions_enable=False)
lists_app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
alerts_app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
history_app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
config_app = typer.Typer(rich_markup_mode=None, help="Check and explain the settings.")

app.command()(services.up)
app.command(help=services.RUN_HELP)(services.run)
app.command()(services.sim)
app.command()(services.record)
app.command()(lists.watch)
app.command()(lists.top)
app.command()(lists.tail)
app.command()(lists.why)
app.command()(lists.near)
app.command()(agents.mcp)
lists_app.callback()(lists.show_lists)
lists_app.command("add")(own_lists.add)
lists_app.command("edit")(own_lists.edit)
lists_app.command("remove")(own_lists.remove)
lists_app.command("check")(own_lists.check)
app.add_typer(lists_app, name="lists")
app.command()(backtest.backtest)
alerts_app.callback()(alerts.show_alerts)
alerts_app.command("add")(alerts.add)
alerts_app.command("edit")(alerts.edit)
alerts_app.command("remove")(alerts.remove)
alerts_app.command("check")(alerts.check)
alerts_app.command("test")(alerts.try_)
app.add_typer(alerts_app, name="alerts")
app.command()(history.when)
history_app.callback()(history.history)
history_app.command("verify")(history.verify)
history_app.command("export")(history.export)
app.add_typer(history_app, name="history")
app.command()(checks.status)
app.command()(checks.schema)
config_app.command("check")(checks.config_check)
config_app.command("example")(checks.config_example)
app.add_typer(config_app, name="config")


def _version(wanted: bool) -> None:
    if wanted:
        output.say(f"gapscan {__version__}")
        raise typer.Exit


@app.callback()
def gapscan(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Ranked lists of the US stock market, exact at every moment.

    \b
    Start everything on this machine:   gapscan up
    Then, in another terminal:          gapscan watch gappers_up
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. Expected errors end in one line on stderr."""
    # Services set up their log; the other commands say themselves what matters.
    logging.getLogger("gapscan").addHandler(logging.NullHandler())
    wanted = list(arguments) or ["--help"]
    try:
        result = command_for(app, wanted).main(wanted, prog_name="gapscan", standalone_mode=False)
    except GapscanError as error:
        output.note(exits.line_of(error))
        return exits.code_of(error)
    except typer.TyperException as error:
        output.note(exits.usage_line(error))
        return exits.USER
    except typer.Abort:
        return exits.WORLD
    return result if isinstance(result, int) else exits.OK
