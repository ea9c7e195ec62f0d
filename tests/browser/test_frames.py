"""When panels draw: what comes by itself not too often, all of it together, and what a user does at once."""

from __future__ import annotations

from itertools import pairwise

from playwright.async_api import Page

from tests.browser.modules import at_home

_RUN = """async () => {
  const {Frames} = await import("/frames.js");
  let after = 0;
  const frames = new Frames(() => (after += 1));
  const drawn = {a: [], b: []};
  const [a, b] = ["a", "b"].map((name) => () => drawn[name].push([document.timeline.currentTime, performance.now()]));
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  for (let step = 0; step < 100; step += 1) {
    frames.soon(a);
    frames.soon(b);
    await pause(5);
  }
  await pause(200);
  const busy = { ...structuredClone(drawn), after };
  frames.now(a);
  await new Promise((done) => requestAnimationFrame(done));
  frames.soon(b); // something was drawn just now
  frames.now(a); // and with what is asked for at once comes what waits
  frames.now(a);
  await new Promise((done) => requestAnimationFrame(done));
  const together = {a: drawn.a.slice(busy.a.length), b: drawn.b.slice(busy.b.length)};
  frames.soon(b);
  frames.cancel(b);
  await pause(200);
  const last = drawn.b.length - busy.b.length;
  const before = drawn.a.length;
  frames.settle();
  const idle = drawn.a.length - before;
  frames.now(a);
  frames.settle();
  const settled = drawn.a.length - before;
  await pause(50);
  return {busy, together, last, idle, settled, afterwards: drawn.a.length - before};
}"""


async def test_frames(page: Page) -> None:
    await at_home(page)
    found = await page.evaluate(_RUN)
    busy, together = found["busy"], found["together"]
    assert len(busy["a"]) > 2
    assert len(busy["a"]) == busy["after"], "what comes after it comes once for both"
    assert [frame for frame, _ in busy["a"]] == [frame for frame, _ in busy["b"]], "both with the same frames"
    times = [time for _, time in busy["a"]]
    assert min(after - before for before, after in pairwise(times)) > 40, "a frame is 17; one may be drawn late"
    assert len(together["a"]) == 2, "what was asked for twice is drawn once"
    assert [frame for frame, _ in together["b"]] == [together["a"][1][0]]
    assert found["last"] == 1, "what is taken back is not drawn"
    assert (found["idle"], found["settled"], found["afterwards"]) == (0, 1, 1), "before the next key, and once"


async def test_what_is_gone_keeps_no_element(page: Page) -> None:
    """A row that left is forgotten with its cells that bear a class for a while."""
    await at_home(page)
    script = """async () => {
      const { TimedClasses } = await import("/timed.js");
      const timed = new TimedClasses();
      const [row, cell, other] = ["div", "span", "span"].map((tag) => document.createElement(tag));
      row.append(cell);
      const ended = [];
      const parts = Object.entries({ row, cell, other });
      for (const [name, element] of parts) timed.set(element, "new", 0, () => ended.push(name));
      timed.forget(row);
      await new Promise((done) => setTimeout(done, 1));
      timed.sweep();
      return ended;
    }"""
    assert await page.evaluate(script) == ["other"]
