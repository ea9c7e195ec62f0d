"""Options and arguments that several commands share, each said once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gapscan_cli.completion import complete_list


def _as_setting(section: str, key: str) -> Callable[[Any], Any]:
    """A check that what is given could stand in the settings too: these alone say what a value may be."""

    def check(value: Any) -> Any:
        if value is not None:
            from gapscan.config import check_values
            from gapscan.errors import ConfigError

            try:
                check_values(section, **{key: value})
            except ConfigError as error:
                raise typer.BadParameter(error.message) from None
        return value

    return check


def check_url(text: str | None) -> str | None:
    """What is given as a NATS URL. Raises typer.BadParameter."""
    if text is not None and not text.startswith(("nats://", "tls://", "ws://", "wss://")):
        raise typer.BadParameter(f"{text!r} is not a NATS URL; write it as nats://host:4222")
    return text


ListName = Annotated[
    str, typer.Argument(metavar="LIST", help="Name of the list.", autocompletion=complete_list, show_default=False)
]
NatsUrl = Annotated[
    str | None,
    typer.Option(
        "--nats",
        metavar="URL",
        callback=check_url,
        help="Where NATS is. Without it: the settings, else what `gapscan up` runs, else nats://127.0.0.1:4222.",
    ),
]
NatsContext = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="NAME",
        help="A context of the nats command: where NATS is, and how to be let in. Without it: NATS_CONTEXT.",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings file. Without it: ./gapscan.toml, else gapscan/gapscan.toml in the user's config directory.",
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", file_okay=False, help="Data directory of the `gapscan up` to look for."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Replay = Annotated[
    Path | None,
    typer.Option(
        "--replay",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Play a real day from this directory of flat files instead of the synthetic market.",
    ),
]
Recording = Annotated[
    Path | None,
    typer.Option(
        "--recording",
        metavar="DIR",
        exists=True,
        file_okay=False,
        help="Play what `gapscan record` kept in this directory.",
    ),
]
Day = Annotated[
    str | None,
    typer.Option(
        "--day", metavar="DATE", callback=_as_setting("sim", "day"), help="The day to play, such as 2024-07-01."
    ),
]
Speed = Annotated[
    float | None,
    typer.Option(
        "--speed",
        metavar="X",
        callback=_as_setting("sim", "speed"),
        help="How many times faster than real the day runs.",
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--start",
        metavar="HH:MM",
        callback=_as_setting("sim", "start"),
        help="New York time at which the day starts.",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        callback=_as_setting("sim", "seed"),
        help="Seed of the synthetic market: the same one, the same day.",
    ),
]
Scenario = Annotated[
    str | None,
    typer.Option(
        "--scenario",
        metavar="NAMES",
        callback=_as_setting("sim", "scenarios"),
        help="What happens to symbols of the synthetic market on its day: reverse_split, forward_split, "
        "special_dividend, spin_off, ipo, rename, overnight_halt, with commas between them; or all.",
    ),
]
Plan = Annotated[
    str | None,
    typer.Option(
        "--plan",
        metavar="LIMITS",
        callback=_as_setting("sim", "plan"),
        help="What the account of the simulated market lacks: delayed, no-quotes, no-trades, no-luld, with commas.",
    ),
]
Night = Annotated[
    bool,
    typer.Option("--night", help="Let some symbols of the synthetic market trade in the nights too."),
]
Symbols = Annotated[
    int | None,
    typer.Option("--symbols", callback=_as_setting("sim", "symbols"), help="Number of stocks in the synthetic market."),
]
