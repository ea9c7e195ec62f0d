"""What is generated, as files: the wire contract, and parts of the documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gapscan.protocol import schema
from gapscan_cli import documents, exits, output
from gapscan_cli.folders import written


def document_text() -> str:
    """The AsyncAPI document."""
    return schema.as_text(schema.asyncapi())


def write(out: Path | None, docs: Path | None) -> int:
    """Write every file of the contract into `out`, and the generated parts of the documents in `docs`."""
    for path, text in _files(out, docs):
        with written(path.parent, "--out or --docs"):
            path.write_text(text, "utf-8")
        output.say(str(path))
    return exits.OK


def compare(out: Path | None, docs: Path | None) -> int:
    """Say which of these files are not what the types and the field table say."""
    differing = [path for path, text in _files(out, docs) if not path.is_file() or path.read_text("utf-8") != text]
    options = [f"{name} {folder}" for name, folder in (("--out", out), ("--docs", docs)) if folder]
    for path in differing:
        output.note(f"{path} differs from the message types (write it with `gapscan schema {' '.join(options)}`)")
    return exits.WORLD if differing else exits.OK


def _files(out: Path | None, docs: Path | None) -> Iterator[tuple[Path, str]]:
    if out is not None:
        for name, document in schema.documents().items():
            yield out / name, schema.as_text(document)
    if docs is not None:
        yield from documents.documents(docs)
