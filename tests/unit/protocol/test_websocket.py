"""What clients send: read, or refused with a code."""

from __future__ import annotations

import pytest

from gapscan.protocol.websocket import Error, RefusedError, Subscribe, Wanted, decode_action, encode


def test_actions_are_read() -> None:
    text = '{"action":"subscribe","lists":[{"list":"a"},{"list":"b","epoch":"e","last_sequence":3}],"more":1}'
    assert decode_action(text) == Subscribe([Wanted("a"), Wanted("b", "e", 3)])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_json"),
        ("{", "bad_json"),
        ("null", "bad_json"),
        ('"action"', "bad_json"),
        ("[" * 100_000, "bad_json"),
        ("{}", "unknown_action"),
        ('{"action":5}', "unknown_action"),
        ('{"action":"Subscribe"}', "unknown_action"),
        ('{"action":"subscribe"}', "bad_message"),
        ('{"action":"subscribe","lists":{}}', "bad_message"),
        ('{"action":"auth","token":null}', "bad_message"),
        ('{"action":"unsubscribe","lists":["' + "x" * 101 + '"]}', "bad_message"),
        ('{"action":"lists","lists":"\ud800"}', "bad_json"),
    ],
)
def test_what_is_no_action_is_refused(text: str, code: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        decode_action(text)
    assert refusal.value.error.code == code


def test_an_error_names_its_list_only_if_it_is_about_one() -> None:
    assert encode(Error("a", "b", False)) == b'{"type":"error","code":"a","message":"b","retry":false}'
    assert b'"list":"x"' in encode(Error("a", "b", False, "x"))
