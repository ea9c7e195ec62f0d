"""Commands that run something: the whole set, one service, the simulated market alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from gapscan.supervisor.catalog import SERVICES
from gapscan_cli import output
from gapscan_cli.options import (
    ConfigFile,
    DataDir,
    Day,
    NatsContext,
    NatsUrl,
    Night,
    Plan,
    Recording,
    Replay,
    Scenario,
    Seed,
    Speed,
    Start,
    Symbols,
)

if TYPE_CHECKING:
    from gapscan.config import Config


def _complete_service(incomplete: str) -> list[str]:
    return [name for name in SERVICES if name.startswith(incomplete)]


def _with(config: Config, section: str, **values: Any) -> Config:
    """The settings with those of one section that the command line gives."""
    from msgspec.structs import replace

    given = {key: value for key, value in values.items() if value is not None}
    return replace(config, **{section: replace(getattr(config, section), **given)})


def _load(config_file: Path | None) -> Config:
    from gapscan import config as settings

    loaded = settings.load(config_file)
    if loaded.warning:
        output.note(f"warning: {loaded.warning}")
    return loaded.config


def up(
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="DIR",
            file_okay=False,
            help="Where everything is kept; made if missing. Without it: the user's data directory, on Linux "
            "$XDG_DATA_HOME/gapscan, else ~/.local/share/gapscan.",
        ),
    ] = None,
    nats_port: Annotated[
        int | None,
        typer.Option("--nats-port", metavar="P", min=0, max=65535, help="Port of NATS; 0 takes a free one."),
    ] = None,
    http_port: Annotated[
        int | None,
        typer.Option("--http-port", metavar="P", min=0, max=65535, help="Port for browsers; 0 takes a free one."),
    ] = None,
    replay: Replay = None,
    recording: Recording = None,
    day: Day = None,
    speed: Speed = None,
    start: Start = None,
    seed: Seed = None,
    symbols: Symbols = None,
    scenario: Scenario = None,
    plan: Plan = None,
    night: Night = False,
    config_file: ConfigFile = None,
) -> int:
    """Run everything on this machine: NATS and all services.

    Without POLYGON_API_KEY, or with --replay, the market is simulated, and labelled SIMULATED wherever
    it shows.
    Ctrl-C ends everything. DIR/run.json says what runs where.

    \b
    Examples:
      gapscan up
      gapscan up --replay flatfiles --day 2024-07-01 --start 09:25 --speed 10
    """
    from gapscan.config import user_data_dir
    from gapscan.supervisor.up import UpOptions, run_up

    config = _simulated(_load(config_file), replay, recording, day, speed, start, seed, symbols, scenario, plan, night)
    return run_up(config, UpOptions(data or user_data_dir(), nats_port, http_port), output.say)


def record(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", file_okay=False, help="Where it is kept; made if missing.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="DIR", file_okay=False, help="Where everything else is kept, as of `gapscan up`."
        ),
    ] = None,
    nats_port: Annotated[
        int | None,
        typer.Option("--nats-port", metavar="P", min=0, max=65535, help="Port of NATS; 0 takes a free one."),
    ] = None,
    http_port: Annotated[
        int | None,
        typer.Option("--http-port", metavar="P", min=0, max=65535, help="Port for browsers; 0 takes a free one."),
    ] = None,
    day: Day = None,
    speed: Speed = None,
    start: Start = None,
    seed: Seed = None,
    symbols: Symbols = None,
    scenario: Scenario = None,
    plan: Plan = None,
    night: Night = False,
    config_file: ConfigFile = None,
) -> int:
    """Run everything, as `up` does, and keep all that the provider sends.

    What comes is kept raw and compressed: the stream's frames, and the answers to requests, with their times.
    The API key is in none of it. `gapscan up --recording DIR` plays it again.

    \b
    Examples:
      gapscan record days/today
      gapscan up --recording days/today --speed 60
    """
    from gapscan.config import user_data_dir
    from gapscan.supervisor.up import UpOptions, run_up
    from gapscan_cli.folders import written

    with written(directory, "the recording"):
        pass  # a feed that cannot record goes on, but here a recording is what is wanted
    config = _simulated(_load(config_file), None, None, day, speed, start, seed, symbols, scenario, plan, night)
    config = _with(config, "provider", record=str(directory.resolve()))
    return run_up(config, UpOptions(data or user_data_dir(), nats_port, http_port), output.say)


def run(
    service: Annotated[
        str,
        typer.Argument(metavar="SERVICE", help="Name of the service.", autocompletion=_complete_service),
    ],
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Run one service; RUN_HELP says which there are."""
    from gapscan.supervisor.run_service import run_service
    from gapscan_cli.connection import find_nats

    found = find_nats(nats, config_file, data, context)
    login = {"url": found.url, "user": found.user, "password": found.password, "context": found.context or ""}
    run_service(service, _with(_load(config_file), "nats", **login, prefix=found.prefix or None))


_SERVICE_LINES: Final = "\n".join(f"  {name:<8}{what}" for name, what in SERVICES.items())
RUN_HELP: Final = f"""Run one service.

\b
Services:
{_SERVICE_LINES}

\b
Example:
  gapscan run ranker --nats nats://nats.example:4222
"""


def sim(
    replay: Replay = None,
    recording: Recording = None,
    day: Day = None,
    speed: Speed = None,
    start: Start = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="P", min=0, max=65535, help="Port to serve on; 0 takes a free one."),
    ] = None,
    seed: Seed = None,
    symbols: Symbols = None,
    scenario: Scenario = None,
    plan: Plan = None,
    night: Night = False,
    write_flatfiles: Annotated[
        Path | None,
        typer.Option(
            "--write-flatfiles", metavar="DIR", help="Serve nothing: write simulated days there, as flat files."
        ),
    ] = None,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=60, help="How many days to write, up to --day.")
    ] = 5,
    config_file: ConfigFile = None,
) -> None:
    """Run only the simulated market.

    It speaks Polygon's REST and WebSocket protocols. With --write-flatfiles it writes days instead, which
    `gapscan backtest` goes through; a --scenario happens on the last of them.

    \b
    Examples:
      gapscan sim --port 8700
      gapscan sim --replay flatfiles --day 2024-07-01 --speed 60
      gapscan sim --write-flatfiles flatfiles --days 5 --symbols 2000
    """
    from gapscan.supervisor.run_service import run_service

    config = _simulated(_load(config_file), replay, recording, day, speed, start, seed, symbols, scenario, plan, night)
    if write_flatfiles is not None:
        served = {"--speed": speed, "--start": start, "--port": port, "--plan": plan, "--night": night or None}
        _refuse_of_serving([option for option, value in served.items() if value is not None])
        _write_flat_files(write_flatfiles, days, config)
    else:
        run_service("sim", _with(config, "sim", port=port))


def _refuse_of_serving(given: list[str]) -> None:
    """Files have neither a clock nor an account, and the provider's none of the night. Raises ConfigError."""
    from gapscan.errors import ConfigError

    if given:
        raise ConfigError(
            f"{', '.join(given)} says nothing of the days that --write-flatfiles writes",
            remedy="leave it out; --day, --days, --seed, --symbols and --scenario are for these days",
        )


def _write_flat_files(root: Path, days: int, config: Config) -> None:
    """Simulated days as flat files, by the settings of the simulated market."""
    import datetime as dt

    from gapscan.errors import ConfigError
    from gapscan.market.sessions import new_york, previous_trading_day
    from gapscan.sim.flat_files import write_flat_files
    from gapscan_cli.folders import written

    if config.sim.replay or config.sim.recording:
        raise ConfigError("--write-flatfiles writes the invented market, not a replay", remedy="leave --replay out")
    today = new_york(round(dt.datetime.now(dt.UTC).timestamp() * 1000)).date()
    last = dt.date.fromisoformat(config.sim.day) if config.sim.day else previous_trading_day(today)

    def on_day(date: dt.date) -> None:
        output.note(f"{date} is written")

    sim = config.sim
    with written(root, "--write-flatfiles"):
        dates = write_flat_files(
            root, days=days, symbols=sim.symbols, seed=sim.seed, last=last, scenarios=sim.scenes, on_day=on_day
        )
    output.say(f"gapscan backtest --from {dates[0]} --to {dates[-1]} --flat-files {root}")


def _simulated(
    config: Config,
    replay: Path | None,
    recording: Path | None,
    day: str | None,
    speed: float | None,
    start: str | None,
    seed: int | None,
    symbols: int | None,
    scenario: str | None,
    plan: str | None,
    night: bool,
) -> Config:
    """The settings with what the command line says about the simulated market."""
    folder, recorded = (str(path.resolve()) if path else None for path in (replay, recording))
    invented = {"seed": seed, "symbols": symbols, "scenarios": scenario, "plan": plan, "night": night or None}
    return _with(config, "sim", replay=folder, recording=recorded, day=day, speed=speed, start=start, **invented)
