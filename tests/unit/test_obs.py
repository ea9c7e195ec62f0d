"""A secret is in nothing that a process says, whichever way it got there."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapscan import obs
from gapscan.obs import MASK, JsonFormatter, Mask, TextFormatter, hide
from gapscan.polygon.refusals import translated

KEY = "kQ7/x+Zw9 =pL2\\'v"
FORMS = (KEY, quote(KEY, safe=""), quote_plus(KEY), repr(KEY)[1:-1], json.dumps(KEY)[1:-1])


def record(message: str, error: BaseException | None = None, **extra: object) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("gapscan.feed", logging.WARNING, "file", 1, message, (), info)
    vars(made).update(extra)
    return made


@pytest.fixture
def nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process hides what any part of it ever said is secret: here, what other tests did."""
    monkeypatch.setattr(obs._mask, "_forms", set())
    monkeypatch.setattr(obs._mask, "_pattern", None)


@pytest.mark.usefixtures("nothing_hidden")
def test_no_form_of_it_is_in_the_log() -> None:
    hide([KEY])
    for form in FORMS:
        for formatter in (TextFormatter(), JsonFormatter()):
            said = formatter.format(
                record(f"asked with {form}", ValueError(f"b'Bearer {form}'"), url=f"?key={form}&a=1")
            )
            assert said.count(MASK) == 3, said
            assert not any(each in said for each in FORMS)


@pytest.mark.usefixtures("nothing_hidden")
def test_json_stays_json() -> None:
    hide([KEY])
    line = json.loads(JsonFormatter().format(record(f"asked with {KEY}")))
    assert line["message"] == f"asked with {MASK}"


@given(st.text(min_size=4, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_whatever_it_is_and_stands_in(secret: str, before: str, after: str) -> None:
    mask = Mask()
    mask.add([secret])
    said = mask.text(f"{before}{secret}{after}")
    assert secret not in said.replace(MASK, "\0") or secret in MASK


@given(
    st.recursive(
        st.text(max_size=8) | st.integers() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
    )
)
def test_what_has_no_secret_stays_as_it_is(value: object) -> None:
    mask = Mask()
    assert mask.values(value) == value
    mask.add(["no such text is made of eight letters"])
    assert mask.values(value) == value


def test_values_of_all_depths() -> None:
    mask = Mask()
    mask.add(["sesame"])
    said = mask.values({"link": {"last_error": "open sesame", "ledger": ["sesame!", 5]}, "n": (1, "sesame")})
    assert said == {"link": {"last_error": f"open {MASK}", "ledger": [f"{MASK}!", 5]}, "n": [1, MASK]}


def test_short_ones_would_be_in_every_word() -> None:
    mask = Mask()
    mask.add(["", "a", "hot"])
    assert mask.text("the hot set") == "the hot set"


def test_the_provider_s_errors_are_cut_after_it_was_hidden() -> None:
    hide([KEY])
    for length in range(170, 201):
        assert KEY[:6] not in str(translated("the snapshot", ValueError("x" * length + KEY)))


def test_libraries_and_what_nobody_caught() -> None:
    code = (
        "import logging; from gapscan.obs import hide, setup_logging\n"
        "hide(['open-sesame']); setup_logging('info', 'text')\n"
        "logging.getLogger('aiohttp.server').error('of a library: %s', 'open-sesame')\n"
        "raise ValueError('of the end: open-sesame')"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr
    assert f"aiohttp.server of a library: {MASK}" in said
    assert f"ValueError: of the end: {MASK}" in said
    assert "open-sesame" not in said.replace("hide(['open-sesame'])", "")
