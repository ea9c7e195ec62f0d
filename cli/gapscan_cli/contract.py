"""The generated contract as files."""

from __future__ import annotations

from pathlib import Path

from gapscan.errors import ConfigError
from gapscan.protocol import schema
from gapscan_cli import exits, output


def document_text() -> str:
    """The AsyncAPI document."""
    return schema.as_text(schema.asyncapi())


def write(folder: Path) -> int:
    """Write every file of the contract into `folder`."""
    for name, document in schema.documents().items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(schema.as_text(document), "utf-8")
        except OSError as error:
            raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
        output.say(str(path))
    return exits.OK


def compare(folder: Path) -> int:
    """Say which files in `folder` are not what the types say."""
    differing = [name for name, document in schema.documents().items() if not _same(folder / name, document)]
    for name in differing:
        output.note(f"{folder / name} differs from the message types (write it with `gapscan schema --out {folder}`)")
    return exits.WORLD if differing else exits.OK


def _same(path: Path, document: schema.Document) -> bool:
    return path.is_file() and path.read_text("utf-8") == schema.as_text(document)
