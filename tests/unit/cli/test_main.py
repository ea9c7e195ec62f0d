"""Command lines that need no server: in this process, by the same entry as the real thing."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gapscan.config import load
from gapscan.ranking.spec import shipped_lists
from gapscan.sim import make_server
from gapscan.sim.service import sim_options
from gapscan.supervisor.catalog import SERVICES
from gapscan_cli.main import run
from tests.support.cli import Result, assert_error

ROOT = Path(__file__).parents[3]
SHIPPED = shipped_lists().names


Gapscan = Callable[..., Result]


@pytest.fixture
def gapscan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Gapscan:
    """Runs a command in an empty directory, without any settings of this machine."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("POLYGON_API_KEY", raising=False)

    def command(*arguments: str) -> Result:
        code = run(arguments)
        return Result(code, *capfd.readouterr())

    return command


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("wach", ("wach", "gapscan --help")),
        ("watch", ("LIST", "gapscan watch --help")),
        ("watch gappers_up --tip 3", ("--tip", "gapscan watch --help")),
        ("watch gappers_up --top 0", ("--top",)),
        ("watch Gappers-Up", ("did you mean gappers_up?",)),
        ("top winners --json --csv", ("--json", "--csv")),
        ("top winners --nats localhost", ("--nats", "nats://")),
        ("top No-Such", ("No-Such", "gapscan lists")),
        ("tail ../x", ("../x",)),
        ("schema --check", ("--out",)),
        ("up --day tomorrow", ("--day", "2024-07-01")),
        ("up --start 25:99", ("--start", "09:25")),
        ("up --nats-port 70000", ("--nats-port",)),
        ("sim --replay nowhere", ("--replay", "nowhere")),
        ("sim --speed 0", ("--speed", "0.001")),
        ("sim --symbols 19", ("--symbols", "20")),
        ("up --symbols 20001", ("--symbols", "20000")),
        ("up --day 2024-07-04", ("2024-07-04", "closed", "2024-07-03")),
        ("run nothing", ("nothing", "feed")),
        ("config", ("config --help",)),
        ("config check --config no.toml", ("no.toml", "--config")),
    ],
)
def test_mistakes_of_the_user(gapscan: Gapscan, line: str, words: tuple[str, ...]) -> None:
    assert_error(gapscan(*line.split()), 2, *words)


def test_shipped_lists_need_no_nats(gapscan: Gapscan) -> None:
    assert [entry["name"] for entry in json.loads(gapscan("lists", "--shipped", "--json").out)] == SHIPPED
    text = gapscan("lists", "--shipped").out
    assert all(f"{name}   " in text for name in SHIPPED)


def test_schema(gapscan: Gapscan) -> None:
    assert gapscan("schema").out == (ROOT / "nats" / "asyncapi.json").read_text("utf-8")
    assert "made/schemas/delta.schema.json" in gapscan("schema", "--out", "made").out
    assert gapscan("schema", "--out", "made", "--check").code == 0
    Path("made/schemas/delta.schema.json").write_text("{}")
    result = gapscan("schema", "--out", "made", "--check")
    assert result.code == 1
    assert "delta.schema.json" in result.err
    Path("file").touch()
    assert gapscan("schema", "--out", "file").code == 2


def test_schema_renews_documents(gapscan: Gapscan) -> None:
    page = Path("docs/page.md")
    page.parent.mkdir()
    page.write_text("Flags: <!-- made: flags -->none<!-- end -->.\n\n<!-- made: lists --><!-- end -->\n")
    result = gapscan("schema", "--docs", ".", "--check")
    assert result.code == 1
    assert "page.md" in result.err
    assert "gapscan schema --docs ." in result.err
    assert gapscan("schema", "--docs", ".").out == "docs/page.md\n"
    text = page.read_text()
    assert "`stale`, `test_symbol`, `thin_baseline`<!-- end -->." in text
    assert all(f"| `{name}` |" in text for name in SHIPPED)
    assert gapscan("schema", "--docs", ".", "--check").code == 0
    page.write_text("<!-- made: colours --><!-- end -->")
    assert_error(gapscan("schema", "--docs", "."), 2, "colours", "flags")
    page.unlink()
    assert_error(gapscan("schema", "--docs", "."), 2, "no document")


def test_config_check(gapscan: Gapscan, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no gapscan.toml" in gapscan("config", "check").out
    Path("gapscan.toml").write_text('[nats]\npassword = "hush"\n')
    monkeypatch.setenv("POLYGON_API_KEY", "sesame")
    monkeypatch.setenv("GAPSCAN_SIM_SEED", "11")
    shown = gapscan("config", "check", "--show")
    assert shown.code == 0
    assert "gapscan.toml" in shown.out.splitlines()[0]
    assert "seed = 11" in shown.out
    assert "# password: set" in shown.out
    assert "# POLYGON_API_KEY: set" in shown.out
    assert not {"hush", "sesame"} & set(re.findall(r"\w+", shown.out + shown.err))


def test_names_of_before_are_said_once(gapscan: Gapscan) -> None:
    Path("gapscan.toml").write_text('[polygon]\nlibrary = "massive"\n')
    shown = gapscan("config", "check", "--show")
    assert shown.code == 0
    assert 'library = "massive"' in shown.out
    (warning,) = shown.err.splitlines()
    assert all(word in warning for word in ("warning", "[polygon]", "gapscan.toml", "[provider]"))


@pytest.mark.parametrize(
    ("name", "library", "words"), [("nobody", "", ("nobody", "polygon")), ("polygon", "masive", ("masive", "massive"))]
)
def test_a_provider_that_there_is_not(gapscan: Gapscan, name: str, library: str, words: tuple[str, ...]) -> None:
    text = f'[provider]\nname = "{name}"\n' + (f'library = "{library}"\n' if library else "")
    Path("gapscan.toml").write_text(text)
    assert_error(gapscan("config", "check"), 2, *words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[nats]\nurk = 1\n", ("gapscan.toml", "urk", "nats")),
        ("[nats\n", ("gapscan.toml", "TOML")),
        ("[sim]\nspeed = 0\n", ("gapscan.toml", "speed")),
    ],
)
def test_wrong_settings(gapscan: Gapscan, text: str, words: tuple[str, ...]) -> None:
    Path("gapscan.toml").write_text(text)
    for line in ("config check", "lists", "up", "run feed", "watch gappers_up"):
        assert_error(gapscan(*line.split()), 2, *words)


@pytest.mark.parametrize(
    ("key", "value"),
    [("symbols", "19"), ("symbols", "20001"), ("speed", "0"), ("speed", "10001"), ("start", "noon"), ("seed", "-1"),
     ("day", "soon"), ("day", "2024-07-04")],
)  # fmt: skip
def test_the_check_refuses_what_the_simulated_market_would(
    gapscan: Gapscan, monkeypatch: pytest.MonkeyPatch, key: str, value: str
) -> None:
    monkeypatch.setenv(f"GAPSCAN_SIM_{key.upper()}", value)
    for line in ("config check", "sim"):
        assert_error(gapscan(*line.split()), 2, key)


def test_the_check_refuses_a_replay_of_nothing(gapscan: Gapscan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAPSCAN_SIM_REPLAY", ".")
    for line in ("config check", "sim"):
        assert_error(gapscan(*line.split()), 2, "us_stocks_sip/day_aggs_v1")


def test_the_check_lets_pass_what_the_simulated_market_can(gapscan: Gapscan, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {"symbols": "20000", "speed": "10000", "start": "04:00", "day": "2024-07-03"}.items():
        monkeypatch.setenv(f"GAPSCAN_SIM_{key.upper()}", value)
    loaded = load()
    assert gapscan("config", "check").code == 0
    assert len(make_server(sim_options(loaded.config), today=dt.date(2024, 7, 3)).market.symbols) == 20_000


def test_the_example_of_the_settings(gapscan: Gapscan) -> None:
    assert gapscan("config", "example").out == (ROOT / "deploy" / "gapscan.toml").read_text("utf-8")


def test_run_lists_the_services(gapscan: Gapscan) -> None:
    lines = gapscan("run", "--help").out.splitlines()
    for name, what in SERVICES.items():
        assert f"    {name:<8}{what}" in lines


def test_flat_files_that_are_not_there(gapscan: Gapscan, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("gapscan.toml").write_text('[feed]\nflat_files = "polygon"\n')
    words = ("flat_files", "polygon/us_stocks_sip/minute_aggs_v1", "holds us_stocks_sip")
    assert_error(gapscan("config", "check"), 2, *words)
    Path("polygon/us_stocks_sip/minute_aggs_v1").mkdir(parents=True)
    assert gapscan("config", "check").code == 0
    monkeypatch.setenv("GAPSCAN_FEED_FLAT_FILES", "elsewhere")
    assert_error(gapscan("config", "check"), 2, "elsewhere/us_stocks_sip")
    monkeypatch.setenv("GAPSCAN_FEED_FLAT_FILES", "")
    assert gapscan("config", "check").code == 0


def test_wrong_variable(gapscan: Gapscan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAPSCAN_SIM_PORT", "x")
    assert_error(gapscan("config", "check"), 2, "GAPSCAN_SIM_PORT", "port")
