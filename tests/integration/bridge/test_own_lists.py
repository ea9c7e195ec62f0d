"""Own lists over HTTP: previews, changes of the user's file that the rankers are told of, and who may make them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from gapscan.bridge.limits import GUESSES
from gapscan.bus.client import Bus
from gapscan.bus.definitions import read_entries, write_definition
from gapscan.obs import Tally, logger
from gapscan.ranker.previews import Previewer
from gapscan.ranker.questions import answering_previews
from gapscan.ranking.spec import ListSet, shipped_lists
from gapscan.service.own_lists_file import check
from tests.support.bridge import Served, running_bridge
from tests.support.lists import Published
from tests.support.market import stock, universe_of
from tests.support.nats import NatsServer
from tests.support.proxy import link_to
from tests.support.until import until

MINE = '[lists.mine]\nwhere = "price > 5"\nsort = ["-price"]\n'
NEW = "If-None-Match: *"
STOCKS = [stock("AAA", price=9.0), stock("BBB", price=7.0), stock("CCC", price=0.5)]


async def _ask(
    served: Served, method: str, path: str, *headers: str, body: str = "", host: str = ""
) -> tuple[int, Any]:
    status, _, text = await served.request(method, f"/api/{path}", *headers, body=body, host=host)
    return status, json.loads(text) if text else None


async def _put(served: Served, *headers: str, body: str = MINE, name: str = "mine") -> tuple[int, Any]:
    return await _ask(served, "PUT", f"own-lists/{name}", *headers, body=body)


async def _preview(served: Served, text: str) -> tuple[int, Any]:
    return await _ask(served, "GET", f"preview?definition={quote(text)}")


def _text(file: Path) -> str | None:
    return file.read_text("utf-8") if file.exists() else None


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, "utf-8")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own" / "lists.toml"


async def test_a_preview_says_what_the_list_would_have(served: Served, bus: Bus) -> None:
    lists = ListSet(shipped_lists().gate, ())
    previewer = Previewer(universe_of(STOCKS), lambda: lists)
    async with answering_previews(bus, previewer.answer, Tally(logger("test"))):
        status, answer = await _preview(served, MINE + 'gate = "none"')
        assert (status, answer["faults"]) == (200, [])
        assert answer["preview"]["symbols"] == ["AAA", "BBB"]
        assert answer["preview"]["size"] == 2
        status, answer = await _preview(served, MINE.replace("price >", "prize >"))
        assert (status, answer["preview"]) == (200, None)
        fault = {"key": "where", "at": None, "column": 0, "message": "prize is not a field"}
        assert answer["faults"] == [{**fault, "remedy": "did you mean price?"}]
    assert (await _preview(served, MINE))[1]["code"] == "unavailable"


async def test_a_list_is_added_changed_and_removed(
    movers: Published, bus: Bus, nats_server: NatsServer, file: Path
) -> None:
    async def told() -> dict[str, str]:
        entries = await read_entries(bus) or []
        return {entry.name: entry.definition.where for entry in entries if entry.definition and entry.definition.own}

    async with running_bridge(nats_server.url, lists_file=file) as served:
        await served.knows("movers")
        assert await _ask(served, "GET", "own-lists") == (200, {"lists": []})
        status, added = await _put(served, NEW, body=f"# What I like.\n{MINE}")
        assert (status, added["warnings"]) == (201, [])
        assert _text(file) == f"# What I like.\n{MINE}"
        assert await told() == {"mine": "price > 5"}
        tag = added["list"]["tag"]
        assert (await _ask(served, "GET", "own-lists"))[1] == {"lists": [added["list"]]}
        assert added["list"]["comment"] == "# What I like.\n"

        for headers, code in ((NEW, "exists"), ('If-Match: "another"', "changed"), ("X: y", "bad_request")):
            assert (await _put(served, headers, body=MINE.replace("5", "6")))[1]["code"] == code
        changed = MINE.replace("5", "6") + 'gate = "none"\n'
        status, answer = await _put(served, f'If-Match: "{tag}"', body=changed)
        assert status == 200
        assert answer["list"]["tag"] != tag
        assert await told() == {"mine": "price > 6"}

        gone = f'If-Match: "{tag}"', f'If-Match: "{answer["list"]["tag"]}"'
        assert (await _ask(served, "DELETE", "own-lists/mine", gone[0]))[1]["code"] == "changed"
        assert (await _ask(served, "DELETE", "own-lists/mine"))[1]["code"] == "bad_request"
        assert await _ask(served, "DELETE", "own-lists/mine", gone[1]) == (204, None)
        assert (await _ask(served, "DELETE", "own-lists/mine", gone[1]))[1]["code"] == "unknown_list"
        assert await told() == {}
        assert _text(file) == ""


async def test_what_is_no_list_of_that_name_changes_nothing(
    movers: Published, nats_server: NatsServer, file: Path
) -> None:
    async with running_bridge(nats_server.url, lists_file=file) as served:
        await served.knows("movers")
        wrong = {
            "mine": [MINE.replace("price >", "prize >"), "no TOML", "", MINE + MINE.replace("mine", "other")],
            "other": [MINE],
            "gappers_up": [MINE.replace("mine", "gappers_up")],
        }
        for name, bodies in wrong.items():
            for body in bodies:
                assert (await _put(served, NEW, name=name, body=body))[1]["code"] == "bad_list", body
        assert (await _put(served, NEW, name="movers", body=MINE.replace("mine", "movers")))[1]["code"] == "exists"
        assert _text(file) is None
        _write(file, "what somebody has broken")
        assert (await _put(served, NEW))[1]["code"] == "unavailable"
        assert _text(file) == "what somebody has broken"


async def test_a_list_of_gapscans_own_is_not_removed(
    movers: Published, bus: Bus, nats_server: NatsServer, file: Path
) -> None:
    shipped = shipped_lists().specs[0].definition
    await write_definition(bus, shipped)
    _write(file, MINE.replace("mine", shipped.name))  # by hand: it says nothing of the list that comes with gapscan
    async with running_bridge(nats_server.url, lists_file=file) as served:
        await served.knows("movers")
        tag = (await _ask(served, "GET", "own-lists"))[1]["lists"][0]["tag"]
        assert (await _ask(served, "DELETE", f"own-lists/{shipped.name}", f'If-Match: "{tag}"'))[0] == 204
        assert _text(file) == ""
        assert shipped in [entry.definition for entry in await read_entries(bus) or []]


async def test_only_this_machine_may_change_lists_without_a_token(
    movers: Published, nats_server: NatsServer, file: Path
) -> None:
    async with running_bridge(nats_server.url, lists_file=file, hosts="localhost") as served:
        for header in ("X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "Via: 1.1 proxy"):
            assert (await _put(served, NEW, header))[1]["code"] == "not_allowed"
        elsewhere = await _ask(served, "PUT", "own-lists/mine", NEW, body=MINE, host="scans.lan")
        assert elsewhere[1]["code"] == "not_allowed"
        assert (await _ask(served, "GET", "own-lists", host="scans.lan"))[1]["code"] == "not_allowed"
        assert (await _put(served, NEW, "Origin: https://evil.example"))[1]["code"] == "origin"
        assert (await _ask(served, "PUT", "own-lists/mine", NEW, body=MINE, host="evil.example"))[0] == 421
        assert _text(file) is None
        assert (await _put(served, NEW, f"Origin: http://127.0.0.1:{served.port}"))[0] == 201
    await _pages_that_only_read(nats_server, file)
    for section in (
        {"host": "0.0.0.0"},
        {"hosts": "scans.example"},
        {"edit": False},
        {"edit": False, "edit_token": "x"},
    ):
        async with running_bridge(nats_server.url, lists_file=file, **section) as served:
            assert (await _put(served, NEW, "Authorization: Bearer x"))[1]["code"] == "not_allowed"


async def _pages_that_only_read(nats_server: NatsServer, file: Path) -> None:
    """Pages of other origins, in a browser on this machine."""
    desk, before, other = "https://desk.example", _text(file), MINE.replace("mine", "other")
    for origins, page in ((None, "http://localhost:3000"), ([desk], desk), (["http://localhost"], "http://localhost")):
        async with running_bridge(nats_server.url, lists_file=file, origins=origins) as served:
            await served.knows("movers")
            origin, tag = f"Origin: {page}", 'If-Match: "x"'
            assert (await _ask(served, "GET", "lists", origin))[0] == 200
            assert (await _put(served, NEW, origin, body=other, name="other"))[1]["code"] == "not_allowed"
            assert (await _ask(served, "DELETE", "own-lists/mine", tag, origin))[1]["code"] == "not_allowed"
            assert (await _ask(served, "GET", "own-lists", origin))[1]["code"] == "not_allowed"
    assert _text(file) == before
    async with running_bridge(nats_server.url, lists_file=file, origins=[desk], edit_token="x") as served:
        writing = f"Origin: {desk}", "Authorization: Bearer x"
        assert (await _ask(served, "GET", "own-lists", *writing))[0] == 200


async def test_with_a_token_of_its_own_from_anywhere(movers: Published, nats_server: NatsServer, file: Path) -> None:
    section: dict[str, Any] = {"token": "for reading", "edit_token": "for writing", "host": "0.0.0.0"}
    async with running_bridge(nats_server.url, lists_file=file, **section) as served:
        reading, writing = ("Authorization: Bearer for reading", "Authorization: Bearer for writing")
        assert (await _ask(served, "GET", "lists", writing))[0] != 401
        assert (await _put(served, NEW))[1]["code"] == "no_token"
        assert (await _put(served, NEW, reading))[1]["code"] == "no_token"
        assert _text(file) is None
        assert (await _put(served, NEW, writing))[0] == 201


async def test_who_asks_without_the_token_has_guessed_nothing(
    movers: Published, nats_server: NatsServer, file: Path
) -> None:
    section: dict[str, Any] = {"token": "for reading", "edit_token": "for writing"}
    reading, writing = ("Authorization: Bearer for reading", "Authorization: Bearer for writing")
    async with running_bridge(nats_server.url, lists_file=file, **section) as served:
        await served.knows("movers")
        for _ in range(GUESSES + 1):
            assert (await _ask(served, "GET", "own-lists", reading))[1]["code"] == "no_token"
            assert (await _ask(served, "GET", "own-lists"))[1]["code"] == "no_token"
        assert (await _ask(served, "GET", "lists", reading))[0] == 200
        assert (await _ask(served, "GET", "own-lists", writing))[0] == 200
        for _ in range(GUESSES):
            assert (await _ask(served, "GET", "own-lists", "Authorization: Bearer x"))[1]["code"] == "no_token"
        assert (await _ask(served, "GET", "own-lists", writing))[1]["code"] == "rate_limited"
    async with running_bridge(nats_server.url, lists_file=file, edit_token="for writing") as served:
        await served.knows("movers")
        for _ in range(GUESSES + 1):
            assert (await _ask(served, "GET", "own-lists"))[1]["code"] == "no_token"
        assert (await _ask(served, "GET", "own-lists", writing))[0] == 200
    empty: list[dict[str, Any]] = [{}, {"token": "for reading"}, {"token": ""}]
    for others in empty:
        async with running_bridge(nats_server.url, lists_file=file, edit_token="", **others) as served:
            assert (await _put(served, NEW))[1]["code"] == "no_token"
            assert (await _put(served, NEW, reading))[1]["code"] == "no_token"
    assert _text(file) is None


async def test_behind_a_known_proxy_each_client_has_guesses_of_its_own(
    movers: Published, nats_server: NatsServer, file: Path
) -> None:
    right, wrong = "Authorization: Bearer secret", "Authorization: Bearer x"
    mine, other = "X-Forwarded-For: 203.0.113.1", "X-Forwarded-For: 203.0.113.1, 203.0.113.2"
    for proxies, code in ((["127.0.0.1"], 200), ([], 429), (["10.0.0.0/8"], 429)):
        async with running_bridge(nats_server.url, lists_file=file, token="secret", proxies=proxies) as served:
            await served.knows("movers")
            for _ in range(GUESSES):
                assert (await _ask(served, "GET", "lists", mine, wrong))[0] == 401
            assert (await _ask(served, "GET", "lists", mine, right))[0] == 429
            assert (await _ask(served, "GET", "lists", other, right))[0] == code
            assert (await _diagnosed(served, mine), await _diagnosed(served, other)) == (429, code)


async def _diagnosed(served: Served, header: str) -> int:
    return (await served.request("POST", "/ws", header))[0]


async def test_what_comes_of_a_proxy_changes_no_list(movers: Published, nats_server: NatsServer, file: Path) -> None:
    async with running_bridge(nats_server.url, lists_file=file, proxies=["127.0.0.1"]) as served:
        for header in ("X: y", "X-Forwarded-For: 127.0.0.1"):
            assert (await _put(served, NEW, header))[1]["code"] == "not_allowed"
    assert _text(file) is None


async def test_what_no_ranker_was_told_of_is_told_by_asking_again(
    movers: Published, bus: Bus, nats_server: NatsServer, file: Path
) -> None:
    async def told() -> dict[str, str]:
        entries = await read_entries(bus) or []
        return {entry.name: entry.definition.where for entry in entries if entry.definition and entry.definition.own}

    text = "".join(MINE.replace("mine", name) for name in ("gone", "old"))
    _write(file, text)
    for definition in check(text, "test")[0]:
        await write_definition(bus, definition)
    async with link_to(nats_server.port) as link:
        await link.cut()
        async with running_bridge(f"nats://127.0.0.1:{link.port}", lists_file=file) as served:
            (gone, old) = (
                f'If-Match: "{each["tag"]}"' for each in (await _ask(served, "GET", "own-lists"))[1]["lists"]
            )
            newer = MINE.replace("mine", "old").replace("5", "6")

            async def make() -> list[int]:
                """The same changes each time."""
                removed = await _ask(served, "DELETE", "own-lists/gone", gone)
                changed = await _put(served, old, body=newer, name="old")
                return [removed[0], changed[0], (await _put(served, NEW))[0]]

            assert await make() == [503, 503, 503]
            assert (await _put(served, NEW, body=MINE.replace("5", "6")))[1]["code"] == "exists"
            await link.mend()
            await served.knows("movers")
            assert set(await told()) == {"gone", "old"}
            assert await make() == [204, 200, 201]
            assert await told() == {"mine": "price > 5", "old": "price > 6"}
            assert (await _ask(served, "DELETE", "own-lists/gone", gone))[1]["code"] == "unknown_list"
            assert (await _put(served, old, body=newer.replace("6", "7"), name="old"))[1]["code"] == "changed"


async def test_a_list_that_no_ranker_was_told_to_remove_can_be_added_again(
    movers: Published, bus: Bus, nats_server: NatsServer, file: Path
) -> None:
    _write(file, MINE)
    for definition in check(MINE, "test")[0]:
        await write_definition(bus, definition)
    async with link_to(nats_server.port) as link:
        await link.cut()
        async with running_bridge(f"nats://127.0.0.1:{link.port}", lists_file=file) as served:
            tag = (await _ask(served, "GET", "own-lists"))[1]["lists"][0]["tag"]
            assert (await _ask(served, "DELETE", "own-lists/mine", f'If-Match: "{tag}"'))[0] == 503
            await link.mend()
            await until(lambda: "mine" in served.bridge.bridge.versions.histories, "its being ranked still")
            assert (await _put(served, NEW, body=MINE.replace("5", "6")))[0] == 201
            entries = await read_entries(bus) or []
            assert [entry.definition.where for entry in entries if entry.definition and entry.name == "mine"] == [
                "price > 6"
            ]


async def test_a_list_that_no_ranker_was_told_of_is_kept_and_said(file: Path) -> None:
    async with running_bridge("nats://127.0.0.1:9", lists_file=file) as served:
        status, answer = await _put(served, NEW)
        assert (status, answer["code"]) == (503, "unavailable")
        assert "no ranker was told" in answer["detail"]
        assert _text(file) == MINE
