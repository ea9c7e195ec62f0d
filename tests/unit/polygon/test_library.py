"""The provider's client library, and what is said where it is not installed."""

from __future__ import annotations

import sys
from typing import get_args

import pytest

from gapscan.errors import ConfigError
from gapscan.polygon.library import Library, client_library, library_named


def test_installed() -> None:
    import massive
    import polygon

    assert client_library("polygon") is polygon
    assert client_library("massive") is massive


def test_the_library_of_the_settings() -> None:
    assert library_named(None) == "polygon"
    assert {library_named(name) for name in get_args(Library)} == set(get_args(Library))
    with pytest.raises(ConfigError, match="masive"):
        library_named("masive")


@pytest.mark.parametrize(
    ("name", "remedy"), [("polygon", "pip install polygon-api-client"), ("massive", "pip install 'gapscan[massive]'")]
)
def test_missing(monkeypatch: pytest.MonkeyPatch, name: Library, remedy: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # as import fails where there is none
    with pytest.raises(ConfigError, match=f"{name}.* is not installed") as caught:
        client_library(name)
    assert caught.value.remedy == remedy


def test_every_library_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in get_args(Library):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ConfigError, match="pip install"):
            client_library(name)
