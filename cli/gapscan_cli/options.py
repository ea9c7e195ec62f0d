"""Options and arguments that several commands share, each said once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from gapscan_cli.completion import complete_list


def _check_day(text: str | None) -> str | None:
    if text is not None:
        try:
            dt.date.fromisoformat(text)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not a day; write it as 2024-07-01") from None
    return text


def _check_start(text: str | None) -> str | None:
    if text is not None:
        try:
            dt.time.fromisoformat(text)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not a time of day; write it as 09:25") from None
    return text


def _check_url(text: str | None) -> str | None:
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
        callback=_check_url,
        help="Where NATS is. Without it: the settings, else what `gapscan up` runs, else nats://127.0.0.1:4222.",
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
Day = Annotated[
    str | None,
    typer.Option("--day", metavar="DATE", callback=_check_day, help="The day to play, such as 2024-07-01."),
]
Speed = Annotated[
    float | None,
    typer.Option("--speed", metavar="X", min=0.001, max=10_000, help="How many times faster than real the day runs."),
]
Start = Annotated[
    str | None,
    typer.Option("--start", metavar="HH:MM", callback=_check_start, help="New York time at which the day starts."),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the synthetic market: the same one, the same day.")]
Symbols = Annotated[
    int | None, typer.Option("--symbols", min=1, max=20_000, help="Number of stocks in the synthetic market.")
]
