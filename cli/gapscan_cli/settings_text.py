"""Settings as text, without their secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from msgspec.structs import asdict

from gapscan import providers
from gapscan.config import SECRET_KEYS, Config
from gapscan.obs import MASK


def settings_text(config: Config, *, has_key: bool) -> str:
    """All settings in the form of a gapscan.toml; what is not set is a comment."""
    sections = [_section(name, asdict(section)) for name, section in asdict(config).items()]
    variable = providers.key_variable(config.provider)
    key = [f"# {variable}: {_set(has_key)}"] if variable else []
    return "\n\n".join([*sections, *key])


def _section(name: str, values: dict[str, Any]) -> str:
    return "\n".join([f"[{name}]", *_lines(values)])


def _lines(values: dict[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        if key in SECRET_KEYS:
            yield f"# {key}: {_set(value is not None)}"
        elif value is None:
            yield f"# {key}: not set"
        else:
            yield f"{key} = {_value(value)}"


def _set(given: bool) -> str:
    return "set" if given else "not set"


def _value(value: object) -> str:
    # A JSON string, number or boolean is TOML too.
    return json.dumps(_without_login(value) if isinstance(value, str) else value, ensure_ascii=False)


def _without_login(text: str) -> str:
    """A URL, or several, without users and passwords; any other text as it is."""
    return ",".join(_bare(one) for one in text.split(",")) if "://" in text else text


def _bare(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    login, at, host = rest.rpartition("@")
    return f"{scheme}{mark}{MASK if login else ''}{at}{host}"
