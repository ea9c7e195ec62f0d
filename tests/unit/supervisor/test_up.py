"""What `gapscan up` makes of the settings when the market is simulated."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from msgspec import structs

from gapscan import providers, runfile
from gapscan.config import Config, ProviderSection, SimSection
from gapscan.errors import ConfigError
from gapscan.supervisor.up import Up, UpOptions


@pytest.fixture(autouse=True)
def no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLYGON_API_KEY", raising=False)


def plan_of(config: Config) -> Config:
    """The settings that the services get, their ports and places aside."""
    planned = Up(config, UpOptions(data=Path("nowhere")), say=lambda _text: None)
    planned._server.close()
    return planned.config


def test_the_library_stays() -> None:
    made = plan_of(Config(provider=ProviderSection(library="massive"), sim=SimSection(port=8700)))
    assert made.provider == ProviderSection(
        library="massive",
        rest_url="http://127.0.0.1:8700",
        websocket_host="127.0.0.1:8700",
        secure_websocket=False,
        simulated=True,
    )


def test_a_day_without_trading_is_said_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match=r"2024-07-04.*closed"):
        plan_of(Config(sim=SimSection(day="2024-07-04")))


def test_the_simulated_market_is_not_asked_for_what_another_provider_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(providers.PACKAGES, "memory", "tests.support.memory_provider")
    section = ProviderSection(name="memory", library="its own", rest_url="four")
    assert plan_of(Config(provider=section)).provider == section, "it needs no key"
    made = plan_of(Config(provider=structs.replace(section, simulated=True), sim=SimSection(port=8700)))
    assert made.provider == ProviderSection(
        rest_url="http://127.0.0.1:8700", websocket_host="127.0.0.1:8700", secure_websocket=False, simulated=True
    )


async def test_what_runs_outlives_a_run_file_that_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "data"
    data.write_text("no directory")  # nothing can be written below it
    up = Up(Config(), UpOptions(data=data), say=lambda _text: None)
    up._server.close()
    process = up._service("feed", up.config)
    process.command = ["sleep", "60"]
    up._processes.append(process)
    with caplog.at_level(logging.WARNING):
        await process.start()
        process.ask_to_end()
        await process.ended(5)
        await process.start()
    said = [record.getMessage() for record in caplog.records if "run.json" in record.getMessage()]
    assert said == [f"{data / 'run.json'} cannot be written: File exists"], "once"
    data.unlink()
    process.ask_to_end()
    await process.ended(5)
    with caplog.at_level(logging.WARNING):
        await process.start()
    again = caplog.records[-1]
    assert (again.getMessage(), again.__dict__["failures"]) == ("run.json is written again", 2)
    found = runfile.read(data)
    assert found is not None
    assert found.services["feed"].pid == process.pid
    process.ask_to_end()
    await process.ended(5)
