"""Where alerts go: channels in a TOML file, their addresses in files or in the environment, never in NATS."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from gapscan.config import Config, expanded, user_config_dir
from gapscan.errors import ConfigError
from gapscan.protocol.names import check_list_name

FILE_NAME: Final = "channels.toml"
MAX_CHANNELS: Final = 50

Count = Annotated[float, Meta(gt=0, le=600)]


class _ChannelTable(Struct, forbid_unknown_fields=True):
    url_env: str = ""
    url_file: str = ""
    webhook: str = ""
    webhook_env: str = ""
    webhook_file: str = ""
    secret_env: str = ""
    secret_file: str = ""
    per_minute: Count = 20.0
    lines: Annotated[int, Meta(ge=1, le=100)] = 5


class _ChannelsFile(Struct, forbid_unknown_fields=True):
    channels: dict[str, dict[str, Any]] = {}


class Channel(Struct, frozen=True):
    """One way out. Its `address` is apprise's, or a web hook's, whose messages are signed with the `secret`.

    It is sent to `per_minute` times at most; a text has so many `lines` and the number of the others.
    """

    name: str
    address: str
    is_webhook: bool
    secret: str
    per_minute: float
    lines: int


def channels_file(config: Config) -> Path:
    """Where the channels are. Raises ConfigError when nothing says it, and the user has no home."""
    given = config.notify.channels_file
    return expanded(given) if given else user_config_dir() / FILE_NAME


def channel_names(config: Config) -> list[str]:
    """The names of all channels, whether they can be used or not. Raises ConfigError."""
    return list(_tables(channels_file(config), named=config.notify.channels_file is not None))


def read_channels(config: Config, env: Mapping[str, str] = os.environ) -> list[Channel]:
    """All channels; none when there is no file. Raises ConfigError, which shows no address."""
    path = channels_file(config)
    tables = _tables(path, named=config.notify.channels_file is not None)
    return [_channel(path, name, values, env) for name, values in tables.items()]


def _tables(path: Path, *, named: bool) -> dict[str, dict[str, Any]]:
    """The channels as they are written; one that settings name must be there. Raises ConfigError."""
    try:
        tables = msgspec.convert(tomllib.loads(path.read_text("utf-8-sig")), _ChannelsFile).channels
    except FileNotFoundError:
        if named:
            raise ConfigError(f"{path} does not exist", remedy="channels_file in [notify] names it") from None
        return {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if len(tables) > MAX_CHANNELS:
        raise ConfigError(f"{path}: {len(tables)} channels are too many", remedy=f"at most {MAX_CHANNELS}")
    return tables


def _channel(path: Path, name: str, values: Mapping[str, Any], env: Mapping[str, str]) -> Channel:
    where = f"{path}: channel {name}"
    try:
        check_list_name(name)
        table = msgspec.convert(values, _ChannelTable)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}", remedy="one of " + ", ".join(_ChannelTable.__struct_fields__)) from None
    url = _secret(where, "url", table.url_env, table.url_file, env)
    hook = table.webhook or _secret(where, "webhook", table.webhook_env, table.webhook_file, env)
    if bool(url) == bool(hook):
        raise ConfigError(f"{where} has no address, or two", remedy="give url_env, url_file, or a webhook")
    if hook and urlsplit(hook).scheme not in ("http", "https"):
        raise ConfigError(f"{where}: its web hook is no http or https URL")
    secret = _secret(where, "secret", table.secret_env, table.secret_file, env)
    return Channel(name, url or hook, bool(hook), secret, table.per_minute, table.lines)


def _secret(where: str, key: str, variable: str, file: str, env: Mapping[str, str]) -> str:
    """What a variable or a file says, without its line end; empty when neither is named."""
    if variable and file:
        raise ConfigError(f"{where}: {key}_env and {key}_file are both given", remedy="give one")
    if variable:
        if not (found := env.get(variable, "").strip()):
            raise ConfigError(f"{where}: {variable} is not set", remedy=f"it has the {key}")
        return found
    if not file:
        return ""
    try:
        found = expanded(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{where}: {file} cannot be read: {why}") from None
    if not found:
        raise ConfigError(f"{where}: {file} is empty", remedy=f"it has the {key}")
    return found
