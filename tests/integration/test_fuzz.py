"""`make fuzz` in small: it finds nothing in what is there, and finds what is put there for it."""

from __future__ import annotations

import random
import sys
import time

import pytest

from gapscan.errors import SpecError
from gapscan.ranking.language.expression import Filter
from tests.fuzz import __main__ as fuzz
from tests.fuzz import door, expressions
from tests.fuzz.findings import Bounds


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["fuzz", "--seed", "7", *arguments])
    return fuzz.main()


def test_all_parts_find_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--expressions", "2000", "--messages", "200", "--requests", "200") == 0
    said = capsys.readouterr().out
    for part in ("expressions: 2,000 tried", "messages: 20", "requests: 20"):
        assert part in said
    assert "FOUND" not in said


def test_a_compiler_that_errs_is_found(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(expressions, "holds", lambda tree, row, relaxed=False: True)
    assert run(monkeypatch, "--expressions", "300", "--messages", "0", "--requests", "0") == 1
    assert "FOUND" in capsys.readouterr().out


def test_an_error_that_is_no_spec_error_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(text: str, fields: object) -> Filter:
        raise SpecError("refused", column=0) if len(text) % 2 else RecursionError("too deep")

    monkeypatch.setattr(expressions, "Filter", faulty)
    report = expressions.fuzz(Bounds(300, time.monotonic() + 60), 7)
    assert any(what.startswith("RecursionError in faulty") for what in report.findings)
    assert report.counts["refused"] > 0


def test_the_time_bounds_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--minutes", "0", "--messages", "0", "--requests", "0") == 0
    assert "only 0 of 500,000" in capsys.readouterr().out


@pytest.mark.parametrize("number", range(20))
def test_the_same_seed_gives_the_same_input(number: int) -> None:
    for make in (expressions.any_text, door.any_message, door.any_request):
        assert make(random.Random(number)) == make(random.Random(number))
