"""Commands that tell how things are: health, contract, settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gapscan_cli import output
from gapscan_cli.options import ConfigFile, DataDir, Json, NatsContext, NatsUrl, check_url

if TYPE_CHECKING:
    from gapscan.bus.options import BusOptions
    from gapscan.config import Config


def status(
    as_json: Json = False,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> int:
    """Print how services, feed and lists are.

    Covers each service, how many symbols the feed covers, the streams and the lists. The exit code
    is 0 when all is healthy, else 1.

    \b
    Examples:
      gapscan status
      gapscan status --json | jq .coverage
    """
    import asyncio

    from gapscan_cli.connection import find_nats
    from gapscan_cli.health import print_status

    return asyncio.run(print_status(find_nats(nats, config_file, data, context), as_json))


def schema(
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", file_okay=False, help="Write the files here; made if missing."),
    ] = None,
    docs: Annotated[
        Path | None,
        typer.Option(
            "--docs", metavar="DIR", file_okay=False, help="Renew what documents here say of fields and lists."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 when the files in --out or --docs differ.")
    ] = False,
) -> int:
    """Print or write the wire contract.

    It is an AsyncAPI document; --out DIR also writes a JSON Schema for each message. --docs DIR is for those who work
    on gapscan: it renews the generated parts of README.md and docs/.

    \b
    Examples:
      gapscan schema > asyncapi.json
      gapscan schema --out nats --docs . --check
    """
    if check and out is None and docs is None:
        raise typer.BadParameter("--check compares with the files in --out DIR or --docs DIR")
    from gapscan_cli import contract

    if out is None and docs is None:
        output.write(contract.document_text().encode())
        return 0
    return contract.compare(out, docs) if check else contract.write(out, docs)


def config_check(
    show: Annotated[bool, typer.Option("--show", help="Print every setting as it takes effect.")] = False,
    nats: Annotated[
        str | None,
        typer.Option(
            "--nats", metavar="URL", callback=check_url, help="Try on the NATS there all that the services need of it."
        ),
    ] = None,
    context: NatsContext = None,
    config_file: ConfigFile = None,
) -> int:
    """Check gapscan.toml and the GAPSCAN_* variables.

    A mistake is named with its file, its key and the fault. Secrets are shown as set or not set, never
    as they are.

    With --nats or --context, all that the services need is tried there too, with the login and the TLS of the settings:
    a stream is made and taken away again. The exit code is 1 when something is missing.

    \b
    Examples:
      gapscan config check --show
      gapscan config check --nats nats://nats.example:4222
    """
    import os

    from gapscan import config as settings
    from gapscan import providers
    from gapscan.bus.options import options_of
    from gapscan_cli.settings_text import settings_text

    loaded = settings.load(config_file)
    settings.check_passwords(os.environ)
    _check_settings(loaded.config)
    _check_credentials(options := options_of(loaded.config.nats, nats, context))
    if loaded.warning:
        output.note(f"warning: {loaded.warning}")
    output.say(f"ok: {loaded.path}" if loaded.path else "ok: no gapscan.toml, defaults and environment only")
    if show:
        output.say(settings_text(loaded.config, has_key=providers.api_key(loaded.config.provider) is not None))
    if nats is None and context is None:
        return 0
    import asyncio

    from gapscan.service.connecting import retention
    from gapscan_cli.trying import try_nats

    return asyncio.run(try_nats(options, retention(loaded.config)))


def _check_settings(config: Config) -> None:
    """What the parts check of their settings when they start. Raises ConfigError."""
    from gapscan import config as settings
    from gapscan import providers
    from gapscan.config.links import links_of
    from gapscan.config.origins import check_origins
    from gapscan.config.proxies import proxies_of
    from gapscan.flatfiles.files import check_setting

    providers.check_provider(config.provider)
    check_origins(config.bridge)
    links_of(config.bridge)
    proxies_of(config.bridge)
    check_setting(config)
    settings.simulated_day(config.sim)
    if config.sim.replay or config.sim.recording:
        from gapscan.sim.service import check_replay

        check_replay(config)


def _check_credentials(options: BusOptions) -> None:
    """Whether the files of the login and of TLS can be used; who has none does not pay for what reads them."""
    access = options.completed()
    if access.credentials or access.nkey or access.user_seed or access.wants_tls:
        from gapscan.bus.credentials import check_files

        check_files(access)


def config_example() -> None:
    """Print all settings with their meaning, as a gapscan.toml to begin with.

    \b
    Example:
      gapscan config example > gapscan.toml
    """
    from gapscan.config import example_file

    output.write(example_file().read_bytes())
