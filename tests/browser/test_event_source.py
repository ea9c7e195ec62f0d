"""A browser's own EventSource, and listview.js: exact over a bridge that goes and comes back, by Last-Event-ID."""

from __future__ import annotations

import random
from typing import Any

from playwright.async_api import Page

from gapscan.lists.wish import Wish
from tests.browser.stage import LIST, Stage, some_row
from tests.support.until import PATIENCE

# As docs/protocol.md, section 17, has it: what comes is applied; a copy that proves wrong would show in `faults`.
_FOLLOW = """async (path) => {
  const { ListView, Fit } = await import("/static/listview.js");
  const view = new ListView();
  window.followed = { view, snapshots: 0, faults: [], opened: 0, steps: [] };
  const stream = new EventSource(path);
  stream.onopen = () => window.followed.opened += 1;
  stream.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "snapshot") {
      view.load(message);
      window.followed.snapshots += 1;
    } else if (message.type === "delta") {
      const { fit } = view.take(message);
      if (fit !== Fit.APPLIED && fit !== Fit.OLD) window.followed.faults.push(fit);
    } else return;
    window.followed.steps.push([view.sequence, view.rows]);
  };
}"""


async def _at(page: Page, rows: list[Any]) -> None:
    expected = "(rows) => JSON.stringify(window.followed.view.rows) === JSON.stringify(rows)"
    await page.wait_for_function(expected, arg=rows, timeout=PATIENCE * 1000)


async def test_a_browser_resumes_by_itself(page: Page, stage: Stage) -> None:
    wish, dice = Wish.of(15, ["price", "name"]), random.Random(4)
    rows = [some_row(f"S{number}") for number in range(30)]
    await stage.feed.publish(rows)
    await page.goto(f"{stage.url}healthz")  # a document of the bridge's own origin
    await page.evaluate(_FOLLOW, f"/api/lists/{LIST}/stream?limit=15&fields=price,name")
    await _at(page, wish.rows(rows))
    last = await stage.feed.shuffle(dice, 10, 0.05)
    await _at(page, wish.rows(stage.feed.truth[last]))
    await stage.close()
    last = await stage.feed.shuffle(dice, 3)
    await stage.open()
    await _at(page, wish.rows(stage.feed.truth[last]))
    last = await stage.feed.shuffle(dice, 5)
    await _at(page, wish.rows(stage.feed.truth[last]))
    followed = await page.evaluate("({...window.followed, view: null})")
    assert followed["faults"] == []
    assert followed["opened"] >= 2
    for sequence, shown in followed["steps"]:
        assert shown == wish.rows(stage.feed.truth[sequence]), sequence
