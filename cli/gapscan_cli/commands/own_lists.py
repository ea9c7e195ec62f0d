"""Commands about lists of one's own: add, edit, remove, check."""

from __future__ import annotations

from typing import Annotated

import typer

from gapscan_cli.completion import own_names
from gapscan_cli.options import ConfigFile, DataDir, NatsContext, NatsUrl

ListsFile = Annotated[
    str | None,
    typer.Option("--lists-file", metavar="FILE", help="Where your own lists are kept, instead of the usual place."),
]


def _complete_own(incomplete: str) -> list[str]:
    return [name for name in own_names() if name.startswith(incomplete)]


def add(
    file: Annotated[str, typer.Argument(metavar="FILE", help="TOML file with the lists; - reads them from the input.")],
    replace: Annotated[bool, typer.Option("--replace", help="Take the new one of a list that is there.")] = False,
    lists_file: ListsFile = None,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> int:
    """Add the lists of a file to your own.

    They are checked against the real fields, kept, and ranked at once where gapscan runs. A list is a few lines of
    TOML; `gapscan lists --shipped` shows expressions to begin with.

    \b
    Examples:
      gapscan lists add my_lists.toml
      gapscan lists add --replace - < my_lists.toml
    """
    from gapscan_cli.own_lists import OwnLists, add_lists

    return add_lists(OwnLists.of(lists_file, nats, data, config_file, context), file, replace)


def edit(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="Only this list; without it the whole file.", autocompletion=_complete_own
        ),
    ] = None,
    lists_file: ListsFile = None,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> int:
    """Edit your own lists in $EDITOR.

    What you leave is checked before it takes the place of what was there; what differs is ranked at once.

    \b
    Example:
      gapscan lists edit
    """
    from gapscan_cli.own_lists import OwnLists, edit_lists

    return edit_lists(OwnLists.of(lists_file, nats, data, config_file, context), name)


def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the list.", autocompletion=_complete_own)],
    lists_file: ListsFile = None,
    nats: NatsUrl = None,
    context: NatsContext = None,
    data: DataDir = None,
    config_file: ConfigFile = None,
) -> int:
    """Remove one of your own lists.

    Its definition, its stream and its snapshot go; nothing of it is left.

    \b
    Example:
      gapscan lists remove cheap_movers
    """
    from gapscan_cli.own_lists import OwnLists, remove_own

    return remove_own(OwnLists.of(lists_file, nats, data, config_file, context), name)


def check(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="TOML file with lists; without it your own; - reads the input."),
    ] = None,
    lists_file: ListsFile = None,
    config_file: ConfigFile = None,
) -> int:
    """Check lists without adding them.

    What is wrong is said with the list, the key and the place, and what was probably meant.

    \b
    Example:
      gapscan lists check my_lists.toml
    """
    from gapscan_cli.own_lists import OwnLists, check_lists

    return check_lists(OwnLists.of(lists_file, None, None, config_file), file)
