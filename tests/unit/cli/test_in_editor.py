"""What a user wrote in the editor is never lost."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from gapscan_cli import own_lists


def test_who_breaks_off_keeps_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def aborted(*_: object, **__: object) -> bool:
        raise typer.Abort

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(own_lists, "in_editor", lambda _part: "what I wrote")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", aborted)
    with pytest.raises(typer.Abort):
        own_lists.in_editor_until(lambda _part: None, "", Path("lists.toml"))
    (kept,) = tmp_path.iterdir()
    assert kept.read_text() == "what I wrote"
    assert str(kept) in capsys.readouterr().err.replace("\n", "")
