"""Own lists from the command line, with no NATS to tell: the file, the faults, the editor."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gapscan_cli.completion import complete_list
from gapscan_cli.main import run

GOOD = '# mine\n[lists.mine]\nwhere = "price > 1"\nsort = ["price"]\n'
AWAY = ("--nats", "nats://127.0.0.1:1")


class Shell:
    """Runs commands in an empty directory with an empty home."""

    def __init__(self, home: Path, read: Callable[[], tuple[str, str]]) -> None:
        self.own = home / "gapscan" / "lists.toml"
        self._read = read

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = run(("lists", *arguments))
        return code, *self._read()

    def write(self, text: str, name: str = "some.toml") -> str:
        Path(name).write_text(text)
        return name


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("GAPSCAN_NATS_URL", "nats://127.0.0.1:1")
    return Shell(tmp_path / "home", lambda: tuple(capfd.readouterr()))  # type: ignore[arg-type, return-value]


def test_adding_without_a_ranker(lists: Shell) -> None:
    code, out, err = lists("add", lists.write(GOOD))
    assert (code, lists.own.read_text()) == (0, GOOD)
    assert "the next `gapscan up` takes it up" in out
    assert "cannot reach NATS" in err
    assert complete_list("mi") == ["mine"]
    assert lists("add", "some.toml", *AWAY)[0] == 1  # a NATS that the user named did not hear of it
    assert lists("check")[:2] == (0, f"ok: {lists.own}: mine\n")
    code, _, err = lists("add", lists.write(GOOD.replace("> 1", "> 2")))
    assert (code, lists.own.read_text()) == (2, GOOD)
    assert "--replace" in err
    assert lists("add", "some.toml", "--replace")[0] == 0
    assert "price > 2" in lists.own.read_text()
    assert lists("remove", "mine")[0] == 0
    assert lists.own.read_text() == ""


def test_another_place_for_the_file(lists: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lists("add", lists.write(GOOD), "--lists-file", "here.toml")[0] == 0
    assert Path("here.toml").read_text() == GOOD
    monkeypatch.setenv("GAPSCAN_RANKER_LISTS_FILE", "here.toml")
    assert lists("check")[1] == "ok: here.toml: mine\n"
    assert not lists.own.exists()


def test_reading_the_input(lists: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(GOOD.encode())))
    assert lists("add", "-")[0] == 0
    assert lists.own.read_text() == GOOD


def test_faults_are_shown_with_their_place(lists: Shell) -> None:
    code, out, err = lists(
        "check", lists.write(GOOD + '[lists.bad]\nwhere = "price > 1 and volum > 2"\nsort = ["price"]')
    )
    assert (code, out) == (2, "")
    assert err == (
        "error: some.toml: list bad, where: volum is not a field at column 15\n"
        "    price > 1 and volum > 2\n"
        "                  ^\n"
        "  did you mean volume?\n"
    )
    assert lists("add", "some.toml")[0] == 2
    assert not lists.own.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("remove", "most_active"), "comes with gapscan"),
        (("remove", "nothing"), "no list named 'nothing'"),
        (("edit", "nothing"), "no list named 'nothing'"),
        (("add",), "FILE"),
        (("bogus",), "bogus"),
    ],
)
def test_mistakes(lists: Shell, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = lists(*arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_an_empty_file(lists: Shell) -> None:
    code, _, err = lists("add", lists.write("# nothing\n"))
    assert code == 2
    assert "has no lists" in err


def test_nothing_in_a_message_steers_the_terminal(lists: Shell) -> None:
    _, _, err = lists("check", lists.write('[lists.a]\nwhere = "\\u001b[2Jx > 1"\nsort = ["price"]'))
    assert "\x1b" not in err


def test_editing(lists: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    lists("add", lists.write(GOOD))
    monkeypatch.setenv("EDITOR", "true")
    assert "nothing changed" in lists("edit")[1]
    monkeypatch.setenv("EDITOR", "sed -i s/price/volume/")
    assert lists("edit", "mine")[0] == 0
    changed = lists.own.read_text()
    assert "volume > 1" in changed
    monkeypatch.setenv("EDITOR", "sed -i s/volume/volum/")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, _, err = lists("edit")
    assert (code, lists.own.read_text()) == (2, changed)
    kept = Path(err.split()[-1])
    assert "volum > 1" in kept.read_text()
    kept.unlink()
    for editor in ("false", "no-such-editor", "'"):
        monkeypatch.setenv("EDITOR", editor)
        code, _, err = lists("edit")
        assert (code, lists.own.read_text()) == (2, changed)
        assert "EDITOR" in err


def test_what_somebody_else_wrote_meanwhile_stays(
    lists: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lists("add", lists.write(GOOD))
    editor = tmp_path / "editor.sh"
    editor.write_text(f"sed -i s/price/volume/ $1\necho '# theirs' >> {lists.own}\n")
    monkeypatch.setenv("EDITOR", f"sh {editor}")
    code, _, err = lists("edit", "mine")
    assert code != 0
    assert "changed by somebody else" in err
    assert lists.own.read_text() == GOOD + "# theirs\n"
    kept = next(Path(word) for word in err.split() if "gapscan-" in word)
    assert "volume > 1" in kept.read_text()
    kept.unlink()


def test_mending_a_faulty_file(lists: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    lists.own.parent.mkdir(parents=True)
    lists.own.write_text(GOOD.replace("price", "prise"))
    monkeypatch.setenv("EDITOR", "sed -i s/prise/price/")
    assert lists("edit")[0] == 0
    assert lists.own.read_text() == GOOD


def test_one_list_is_mended_beside_another_that_is_faulty(lists: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    both = GOOD + "\n" + GOOD.replace("mine", "other").replace("price", "prise")
    lists.own.parent.mkdir(parents=True)
    lists.own.write_text(both)
    monkeypatch.setenv("EDITOR", "sed -i 's/price > 1/price > 2/'")
    code, _, err = lists("edit", "mine")
    assert (code, lists.own.read_text()) == (0, both.replace("price > 1", "price > 2"))
    assert "prise" in err, "what is wrong with the other one is said"
    monkeypatch.setenv("EDITOR", "sed -i s/prise/price/")
    assert lists("edit", "other")[0] == 0
    assert lists("check")[1] == f"ok: {lists.own}: mine, other\n"


def test_what_the_gate_keeps_out_is_said(lists: Shell) -> None:
    etfs = GOOD.replace("price > 1", "type == 'ETF'")
    code, out, err = lists("check", lists.write(etfs))
    assert (code, out) == (0, "ok: some.toml: mine\n")
    assert "list mine asks for type ETF, which its gate keeps out" in err
    assert "gate keeps out" not in lists("check", lists.write(etfs + 'gate = "none"\n'))[2]
