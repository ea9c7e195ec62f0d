"""The user's own file: changed as text, one list at a time, comments kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gapscan.config import Config, RankerSection
from gapscan.errors import ConfigError
from gapscan.ranking.spec import MAX_FILE, MAX_OWN
from gapscan.service import own_lists_file

A = """\
# the first one
[lists.a]   # here
where = "price > 1"  # cheap
sort = ["price"]
"""
B = """\
[lists.b]
where = '''price > 1
and volume > 2'''
sort = [
  "-price",  # high first
]
"""
HEAD = "# my lists\n"


def test_merging_keeps_the_words_of_both() -> None:
    assert own_lists_file.merged("", A, replace=False) == A
    text = own_lists_file.merged(f"{HEAD}\n{A}", B, replace=False)
    assert text == f"{HEAD}\n{A}\n{B}"
    assert own_lists_file.merged(text, B, replace=False) == text
    assert own_lists_file.tables_of(text).keys() == {"a", "b"}


def test_replacing() -> None:
    text = f"{HEAD}\n{A}\n{B}"
    other = A.replace("price > 1", "price > 9")
    with_words = other.replace("# cheap", "# dear")
    with pytest.raises(ConfigError, match="a is there already"):
        own_lists_file.merged(text, other, replace=False)
    assert own_lists_file.merged(text, other, replace=True) == f"{HEAD}\n{other}\n{B}", "it stays where it was"
    assert own_lists_file.merged(text, with_words, replace=True) == f"{HEAD}\n{with_words}\n{B}"


def test_what_is_replaced_keeps_its_comments() -> None:
    plain = '[lists.a]\nwhere = "price > 2"\nsort = ["price"]\n'
    assert own_lists_file.merged(A, plain, replace=True) == A.replace("> 1", "> 2")
    old = """\
[lists.a]  # mine
# whom
where = "price > 1 # 2"  # cheap
limit = 7

# high first
sort = [
  "-price",  # really
]
# the end of it
"""
    new = """\
# another comment
[lists.a]
where = "price > 3"
sort = ["-price"]
gate = "none"
"""
    assert (
        own_lists_file.merged(f"{old}\n{B}", new, replace=True)
        == f"""\
# another comment
[lists.a]  # mine
# whom
where = "price > 3"  # cheap

# high first
sort = [
  "-price",  # really
]
gate = "none"
# the end of it

{B}"""
    )


@pytest.mark.parametrize("edited", [A.replace(" # cheap", ""), A.replace(".a]", ".c]"), B.replace("2", "3"), A + B])
def test_what_was_edited_stands_where_it_stood(edited: str) -> None:
    last = B.replace(".b]", ".z]")
    text = own_lists_file.replaced(f"{HEAD}\n{A}\n{B}\n{last}", "a", edited)
    rest = f"\n{last}" if "[lists.b]" in edited else f"\n{B}\n{last}"
    assert text == f"{HEAD}\n{edited}{rest}"


def test_removing() -> None:
    text = f"{HEAD}\n{A}\n{B}"
    assert own_lists_file.without(text, "a") == f"{HEAD}\n{B}"
    assert own_lists_file.without(text, "b") == f"{HEAD}\n{A}"
    assert own_lists_file.without(A, "a") == ""
    assert own_lists_file.block_of(text, "a").strip() == A.strip()


@pytest.mark.parametrize(
    "text",
    [
        'lists = {a = {where = "price > 1", sort = ["price"]}}',
        '[lists]\na.where = "price > 1"\na.sort = ["price"]\n[lists.b]\nwhere = "price > 1"\nsort = ["price"]',
        '[lists.a]\nwhere = "price > 1"\nsort = ["price"]\ndescription = """\n[lists.b]\n"""',
    ],
)
def test_what_cannot_be_cut_is_left_alone(text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be changed one table at a time"):
        own_lists_file.without(text, "a" if "[lists.b]" not in text[-30:] else "b")
    assert own_lists_file.tables_of(own_lists_file.merged("", text, replace=False)) == own_lists_file.tables_of(text)


def test_values_survive_being_written_anew() -> None:
    text = 'lists = {a = {where = "name == \\"é\\\\u007f😀\\"", sort = ["price"], limit = 7, sessions = ["pre"]}}'
    assert (
        own_lists_file.tables_of(own_lists_file.merged(A.replace(".a]", ".z]"), text, replace=False))["a"]
        == (own_lists_file.tables_of(text)["a"])
    )


def test_checking_names_every_faulty_list() -> None:
    text = A + '[lists.bad]\nwhere = "prise > 1"\nsort = ["price"]\n[lists.Bad]\n[lists.odd]\nwher = 1\n'
    text += '[lists.winners]\nwhere = "price > 1"\nsort = ["price"]'
    good, faults = own_lists_file.check(text, "my.toml")
    assert [(found.name, found.own, found.place >= 1000) for found in good] == [("a", True, True)]
    said = [str(fault) for fault in faults]
    assert all(one.startswith("my.toml: ") for one in said)
    parts = [["list bad, where", "did you mean price?", "^"], ["'Bad' cannot name a list"]]
    parts += [["list odd", "wher", "did you mean where?"], ["winners comes with gapscan"]]
    for one, words in zip(said, parts, strict=True):
        assert all(word in one for word in words), one


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gate = 'price > 1'", "gate"),
        ("lists = 5", "lists"),
        ("a = " + "[" * 50_000, "nested too deeply"),
        ("a = " + "9" * 5_000, "digits"),
        ("#" * (MAX_FILE + 1), "too many"),
        ("\n".join(f"[lists.l{number}]" for number in range(MAX_OWN + 1)), "too many"),
        ("[lists.a", "Expected ']'"),
    ],
)
def test_wrong_files(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        own_lists_file.check(text, "my.toml")


@pytest.mark.parametrize(
    "body",
    [
        "where = 'price > 1'\nsort = [" + "'price'," * 9 + "]",
        f"where = 'price > 1'\nsort = ['price']\ndescription = '{'x' * 501}'",
        f"where = '{'(' * 1999}'\nsort = ['price']",
        "where = 'price > 1'\nsort = ['price.real']",
        f"where = 'price > {'9' * 1900}'\nsort = ['price']",
    ],
)
def test_hostile_lists_are_refused(body: str) -> None:
    good, faults = own_lists_file.check(f"[lists.a]\n{body}", "my.toml")
    assert good == []
    assert len(faults) == 1


def test_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = own_lists_file.own_file(Config())
    assert path == tmp_path / "gapscan" / "lists.toml"
    assert own_lists_file.read_own(path) == ""
    assert own_lists_file.change_own(path, lambda text: text + A) == A
    assert own_lists_file.read_own(path) == A
    assert [found.name for found in path.parent.iterdir()] == ["lists.toml"]
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    own_lists_file.change_own(link, lambda _: B)
    assert link.is_symlink()
    assert path.read_text() == B
    assert own_lists_file.own_file(Config(ranker=RankerSection(lists_file="x.toml"))) == Path("x.toml")
    for bad in (b"\xff", b"x" * (MAX_FILE + 1)):
        path.write_bytes(bad)
        with pytest.raises(ConfigError, match=r"lists\.toml"):
            own_lists_file.read_text(path)
    with pytest.raises(ConfigError, match="cannot be written"):
        own_lists_file.change_own(path / "below" / "lists.toml", lambda _: A)


def test_who_changes_the_file_at_once_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lists.toml"

    def add(number: int) -> None:
        block = A.replace("lists.a", f"lists.a{number}")
        own_lists_file.change_own(path, lambda text: own_lists_file.merged(text, block, replace=False))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(24)))
    assert set(own_lists_file.tables_of(path.read_text())) == {f"a{number}" for number in range(24)}


def test_a_change_that_fails_leaves_the_file_to_others(tmp_path: Path) -> None:
    path = tmp_path / "lists.toml"
    path.write_text(A)
    with pytest.raises(ZeroDivisionError):
        own_lists_file.change_own(path, lambda _: str(1 // 0))
    assert path.read_text() == A
    assert own_lists_file.change_own(path, lambda text: text + B) == A + B


def test_what_changed() -> None:
    before, _ = own_lists_file.check(A + B, "my.toml")
    after, _ = own_lists_file.check(B + A.replace("> 1", "> 2") + B.replace(".b]", ".c]"), "my.toml")
    assert [found.name for found in own_lists_file.changed(before, after)] == ["a", "c"]


def test_a_name_as_alerts_give_their_lists_is_refused() -> None:
    text = '[lists.alert_gapper_in]\nwhere = "price < 20"\nsort = ["-change_percent"]\n'
    good, (fault,) = own_lists_file.check(text, "mine.toml")
    assert good == []
    assert "mine.toml: list alert_gapper_in has a name as alerts give their lists" in str(fault)
