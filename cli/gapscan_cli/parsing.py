"""A command line's way into typer, as short as it can be: only the command that is asked for is made.

To make them all takes longer than most commands run, and so does loading pydantic, with which typer converts values:
it is left to those that are not of their type already.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import typer
from typer.main import get_command


def command_for(app: typer.Typer, arguments: Sequence[str]) -> Any:
    """What runs these arguments: the app with the command alone that they name, or with all."""
    command = get_command(_only(app, arguments[0]) if arguments else app)
    _keep_what_fits(command)
    return command


def _only(app: typer.Typer, name: str) -> typer.Typer:
    commands = [each for each in app.registered_commands if name == _name_of(each)]
    groups = [each for each in app.registered_groups if name == each.name]
    if not commands and not groups:  # an option, or nothing that there is: all are shown, or looked at
        return app
    only = copy(app)
    only.registered_commands, only.registered_groups = commands, groups
    # Of one command alone, typer would make a command without a name.
    only.registered_callback = app.registered_callback
    return only


def _name_of(command: Any) -> str | None:
    return command.name or (command.callback.__name__.replace("_", "-") if command.callback else None)


def _keep_what_fits(command: Any) -> None:
    """Of the command and those in it, have all parameters converted so, that of --help too."""
    for each in getattr(command, "commands", {}).values():
        _keep_what_fits(each)
    given = command.get_params
    command.get_params = lambda ctx: [_with_kept(parameter) for parameter in given(ctx)]


def _with_kept(parameter: Any) -> Any:
    if getattr(parameter, "_runtime_param", parameter) is None:  # else typer has another way, which is left alone
        parameter._runtime_param = _Kept(parameter)
    return parameter


class _Kept:
    """Converts a parameter's values: nothing, and plain texts, stay as they are; typer converts the others."""

    def __init__(self, parameter: Any) -> None:
        self._parameter = parameter

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        kind = self._parameter.type_descriptor
        if value is None and not param.multiple and param.nargs != -1:
            return None
        if type(value) is str and kind.annotation is str and kind.parameter_info.parser is None:
            return value
        self._parameter._runtime_param = None
        return self._parameter.get_runtime_param().coerce(value, param=param, ctx=ctx)
