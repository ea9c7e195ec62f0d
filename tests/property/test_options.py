"""A login in a URL is what it was before it was written into one."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from gapscan.bus.options import BusOptions, servers, shown

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(user=TEXTS, password=TEXTS)
def test_user_and_password(user: str, password: str) -> None:
    url = f"nats://{quote(user, safe='')}:{quote(password, safe='')}@127.0.0.1:4222"
    access = BusOptions(url).completed()
    assert access.login_at("127.0.0.1", 4222) == (user, password, None)
    assert servers(shown(url)) == ["nats://127.0.0.1:4222"]


@given(token=TEXTS)
def test_a_token(token: str) -> None:
    access = BusOptions(f"nats://{quote(token, safe='')}@127.0.0.1").completed()
    assert access.login_at("127.0.0.1", 4222) == (None, None, token)


@given(logins=st.lists(st.tuples(TEXTS, TEXTS), min_size=2, max_size=4), user=TEXTS)
def test_each_server_has_its_own_and_one_that_is_discovered_the_first(logins: list[tuple[str, str]], user: str) -> None:
    urls = [
        f"nats://{quote(name, safe='')}:{quote(word, safe='')}@127.0.0.1:{port}"
        for port, (name, word) in enumerate(logins, 1)
    ]
    access = BusOptions(",".join(urls), user, "other").completed()
    for port, (name, word) in enumerate(logins, 1):
        assert access.login_at("127.0.0.1", port) == (name, word, None)
    assert access.login_at("127.0.0.9", 4222) == (*logins[0], None)
