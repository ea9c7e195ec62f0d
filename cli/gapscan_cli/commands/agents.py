"""The command that serves agents."""

from __future__ import annotations

from gapscan_cli.options import ConfigFile, DataDir, NatsContext, NatsUrl


def mcp(
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> None:
    """Serve the lists to agents, by the Model Context Protocol on standard input and output.

    It only reads: which lists there are, the rows of a list now, why a symbol is in a list or not, what alerts said.
    Agents start it themselves. Needs the extra: pip install 'gapscan[mcp]'.

    \b
    Examples, the second of an agent's settings:
      gapscan mcp --nats nats://127.0.0.1:4222
      {"mcpServers": {"gapscan": {"command": "gapscan", "args": ["mcp"]}}}
    """
    from gapscan.errors import ConfigError
    from gapscan_cli.connection import find_nats
    from gapscan_cli.following import run_until_stopped

    try:
        from gapscan_cli.mcp_server import serve
    except ImportError:
        raise ConfigError("the package mcp is not installed", remedy="pip install 'gapscan[mcp]'") from None
    run_until_stopped(serve(find_nats(nats, config_file, data, context)))
