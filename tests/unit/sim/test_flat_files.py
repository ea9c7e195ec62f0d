"""Simulated days as flat files: what the command line says is in them, or refused."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from gapscan.errors import ConfigError
from gapscan.sim.flat_files import write_flat_files
from gapscan_cli.commands.services import sim

LAST = dt.date(2024, 3, 8)


def test_scenarios_happen_on_the_last_day(tmp_path: Path) -> None:
    usual, split = tmp_path / "usual", tmp_path / "split"
    write_flat_files(usual, days=1, symbols=60, seed=3, last=LAST)
    sim(write_flatfiles=split, days=1, symbols=60, seed=3, day=str(LAST), scenario="forward_split")
    before, after = [set(next(root.rglob("splits.csv")).read_text().splitlines()) for root in (usual, split)]
    (added,) = after - before
    assert added.split(",")[1:] == [str(LAST), "1", "4"]


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("--speed", {"speed": 2.0}),
        ("--start", {"start": "09:25"}),
        ("--port", {"port": 0}),
        ("--plan", {"plan": "no-trades"}),
        ("--night", {"night": True}),
    ],
)
def test_what_files_cannot_have_is_refused(tmp_path: Path, option: str, given: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=rf"{option} says nothing of the days.*--scenario"):
        sim(write_flatfiles=tmp_path / "files", **given)  # type: ignore[arg-type]
    assert not (tmp_path / "files").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file/days cannot be written: Not a directory"):
        sim(write_flatfiles=tmp_path / "file" / "days", days=1, symbols=60)
