"""Modules that are loaded when something of them is used, if it ever is: for a command, most of the time is loading."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module until something of it is asked for. (Importing what importlib's LazyLoader made loads it.)"""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def load_later(name: str) -> None:
    """Let `import name` load the module at its first use only. One that is loaded stays so."""
    sys.modules.setdefault(name, _Later(name))
