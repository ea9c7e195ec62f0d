"""Settings: one gapscan.toml, overridden by GAPSCAN_* variables, checked as a whole before anything starts.

Looked for in this order: the given path, ./gapscan.toml, gapscan/gapscan.toml in the user's config directory.
`GAPSCAN_NATS_URL=...` overrides `url` in `[nats]`, and so on for every key. The provider's API key is no setting: it
has a variable of its own, and is never part of what is printed or logged.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from gapscan.config.places import user_config_dir
from gapscan.config.renamed import by_new_names
from gapscan.config.sections import Config
from gapscan.config.urls import passwords_in
from gapscan.config.variables import SECRET_KEYS, control_in, is_service_link, named, setting_in
from gapscan.errors import ConfigError
from gapscan.market.sessions import use_hours

FILE_NAME: Final = "gapscan.toml"
ENV_PREFIX: Final = "GAPSCAN_"
_CONTEXT_VARIABLE: Final = "NATS_CONTEXT"  # of the nats command
REMEDY: Final = "`gapscan config example` shows all settings with their meaning"


def shipped_file(name: str, source: str) -> Path:
    """A file that comes with gapscan: in the installed package, or in the folder `source` of the source tree.

    Raises ConfigError.
    """
    package = Path(str(resources.files("gapscan")))
    for path in (package / "_share" / name, package.parent / source / name):
        if path.is_file():
            return path
    raise ConfigError(f"gapscan's {name} is missing", remedy="install gapscan anew")


def example_file() -> Path:
    """All settings with their meaning. Raises ConfigError."""
    return shipped_file(FILE_NAME, "deploy")


class Loaded(Struct, frozen=True):
    """Settings, and the file they were read from (None: defaults and environment only).

    `warning` says what is to be changed about them before the next version; empty for nothing.
    """

    config: Config
    path: Path | None
    warning: str = ""


def find_file() -> Path | None:
    """The settings file that applies when none is named."""
    found = [Path.cwd() / FILE_NAME]
    with suppress(ConfigError):  # who has no home has no file there
        found.append(user_config_dir() / FILE_NAME)
    return next((path for path in found if path.is_file()), None)


def load(path: Path | None = None, env: Mapping[str, str] = os.environ) -> Loaded:
    """Read the settings; the market's hours count for this process from now on.

    Raises ConfigError that names the file or variable, the key and the fault.
    """
    path = path or find_file()
    tables, env, warning = by_new_names(_read(path) if path else {}, env, path)
    config = _convert(tables, str(path))
    for variable, section, key in _variables():
        if variable in env and not is_service_link(variable, env[variable]):
            tables.setdefault(section, {})[key] = _plain(section, key, setting_in(variable, key, env))
            config = _convert(tables, variable)
    if env.get(_CONTEXT_VARIABLE) and not (config.nats.url or config.nats.context):
        tables.setdefault("nats", {})["context"] = env[_CONTEXT_VARIABLE]
        config = _convert(tables, _CONTEXT_VARIABLE)
    use_hours(config.market.hours)
    return Loaded(config, path, warning)


def service_links(env: Mapping[str, str] = os.environ) -> list[str]:
    """Variables with the name of a setting that Kubernetes made of a Service's name: they are passed over."""
    return [name for name, _, _ in _variables() if name in env and is_service_link(name, env[name])]


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file says; a byte order mark before it, as Windows' editors write it, says nothing.

    Raises OSError, TOMLDecodeError or UnicodeDecodeError.
    """
    return tomllib.loads(path.read_text("utf-8-sig"))


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        return read_toml(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", remedy="name another with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def _convert(tables: dict[str, Any], source: str) -> Config:
    try:
        # Not strict: everything in an environment variable is text.
        config = msgspec.convert(tables, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {error}", remedy=REMEDY) from None
    for section, key, text in _texts(config):
        if char := control_in(text):
            raise ConfigError(f"{source}: {key} in [{section}] has {named(char)} in it", remedy="write it without")
        if section == "bridge" and key in SECRET_KEYS and not text.strip():  # whoever says nothing would know it
            raise ConfigError(f"{source}: {key} in [bridge] is empty", remedy="write a secret, or leave the key out")
    return config


def _texts(config: Config) -> Iterator[tuple[str, str, str]]:
    """All texts in the settings: section, key, text."""
    for section, values in msgspec.structs.asdict(config).items():
        for key, value in msgspec.structs.asdict(values).items():
            texts = value if isinstance(value, list) else [value]
            yield from ((section, key, text) for text in texts if isinstance(text, str))


def secrets_of(config: Config) -> Iterator[str]:
    """All in the settings that nobody may see who reads a log or an error."""
    for _, key, text in _texts(config):
        if key in SECRET_KEYS:
            yield text
        elif "://" in text:
            yield from passwords_in(text)


def _variables() -> list[tuple[str, str, str]]:
    """Every environment variable that overrides a key: (variable, section, key)."""
    return [
        (f"{ENV_PREFIX}{section}_{key}".upper(), section, key)
        for section, default in msgspec.structs.asdict(Config()).items()
        for key in msgspec.structs.asdict(default)
    ]


def _plain(section: str, key: str, text: str) -> str | None:
    """Empty means "no value" where a key can have none."""
    return text if text or getattr(getattr(Config(), section), key) == "" else None


def as_environment(config: Config) -> dict[str, str]:
    """Variables that give another process these settings, whatever files it finds."""
    variables: dict[str, str] = {}
    for variable, section, key in _variables():
        value = getattr(getattr(config, section), key)
        variables[variable] = _as_text(value)
    return variables


def _as_text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
