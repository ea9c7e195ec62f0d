"""The OpenAPI document says what the bridge does: every route is in it, and requests made from it get what it says."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from gapscan.bridge.http import Web
from gapscan.bus.client import Bus
from gapscan.obs import Tally, logger
from gapscan.protocol.api import PREFIX, PROBLEMS
from gapscan.protocol.openapi import OPENAPI
from gapscan.ranker.previews import Previewer
from gapscan.ranker.questions import answering, answering_previews
from gapscan.ranking.spec import shipped_lists
from tests.support.answers import answer_why
from tests.support.bridge import Served
from tests.support.lists import Published
from tests.support.market import universe_of
from tests.support.symbol_bars import answering_bars, day_of

STREAM = f"{PREFIX}/lists/{{list}}/stream"
TRIAL = f"{PREFIX}/backtest"
PREVIEW = f"{PREFIX}/preview"
EXAMPLES = 40  # of each operation


def test_every_route_is_in_the_document(served: Served) -> None:
    app = Web(served.bridge.bridge, served.bridge.policy()).app()
    routes = {
        (route.resource.canonical, route.method)
        for route in app.router.routes()
        if route.resource is not None and route.resource.canonical.startswith(f"{PREFIX}/")
    }
    paths = {(path, method.upper()) for path, item in OPENAPI["paths"].items() for method in item}
    heads = {(path, "HEAD") for path, method in paths if method == "GET" and path not in (STREAM, TRIAL, PREVIEW)}
    assert routes == paths | heads | {(path, "OPTIONS") for path, _ in paths}


def test_every_problem_is_in_the_document() -> None:
    text = repr(OPENAPI)
    # What no documented request meets is left out.
    assert {code for code in PROBLEMS if f"`{code}`" not in text} == {"not_found", "bad_method"}


def test_the_document_is_one() -> None:
    assert OPENAPI["openapi"].startswith("3.1")
    for schema in OPENAPI["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    names = set(re.findall(r"#/components/schemas/(\w+)", repr(OPENAPI)))
    assert names == OPENAPI["components"]["schemas"].keys()


async def test_requests_made_from_the_document(
    bus: Bus, served: Served, movers: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Right ones and wrong ones: status, type and body of each answer are as the document says."""
    monkeypatch.setattr("gapscan.bridge.api_access.REQUESTS", 1_000_000)
    await served.reached(movers)
    day = day_of(lambda: 1_700_000_000_000)
    tally, previewer = Tally(logger("test")), Previewer(universe_of([]), shipped_lists)
    previews = answering_previews(bus, previewer.answer, tally)
    async with answering(bus, answer_why, tally), previews, answering_bars(bus, day):
        await asyncio.to_thread(_try_all, f"http://127.0.0.1:{served.port}")
    assert not served.counts["http_crashed"]


def _try_all(url: str) -> None:
    schemathesis.serializer.alias("application/toml", "text/plain")
    schema = schemathesis.openapi.from_dict(OPENAPI)
    schema.config.update(base_url=url)
    tried = set()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.path not in (STREAM, TRIAL):  # the one does not end, the other wants TOML that no schema describes
            tried.add(operation.path)
            _try(operation.as_strategy(), [] if operation.method == "get" else [positive_data_acceptance])
    assert tried == OPENAPI["paths"].keys() - {STREAM, TRIAL}


def _try(cases: SearchStrategy[Case[Any]], excluded: list[Any]) -> None:
    """A change may be refused for more than a schema says: what it was made from, and TOML."""

    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(cases)
    def check(case: Case[Any]) -> None:
        case.call_and_validate(excluded_checks=excluded)

    check()
