"""The JavaScript copy of a list does exactly what Python's does, message by message."""

from __future__ import annotations

import json
import shutil
import subprocess
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser.modules import STATIC, at_home
from tests.browser.traces import Step, trace

TRACES = 400

# Offers each message of each trace to a new copy, and says what became of it.
_REPLAY = """
function replay(module, traces) {
  const offer = (view, message) => {
    if (message.type === "delta") return view.take(message).fit;
    try {
      view.load(message);
      return "loaded";
    } catch (error) {
      if (error instanceof module.DeltaError) return "refused";
      throw error;
    }
  };
  return traces.map((messages) => {
    const view = new module.ListView();
    return messages.map((message) => {
      const fit = offer(view, message);
      const {epoch, sequence, asOf: as_of, checksum, rows} = view;
      return {fit, epoch, sequence, as_of, checksum, rows};
    });
  });
}
"""


@pytest.fixture(scope="module")
def traces() -> list[list[Step]]:
    return [trace(seed) for seed in range(TRACES)]


def _messages(traces: list[list[Step]]) -> list[list[Any]]:
    return [[step["message"] for step in steps] for steps in traces]


def _expected(traces: list[list[Step]]) -> list[list[Step]]:
    return [[{key: value for key, value in step.items() if key != "message"} for step in steps] for steps in traces]


def test_traces_hold_every_outcome(traces: list[list[Step]]) -> None:
    outcomes = Counter(step["fit"] for steps in traces for step in steps)
    assert set(outcomes) == {"loaded", "refused", "applied", "old", "hole", "other epoch", "mismatch"}
    assert min(outcomes.values()) > 20, outcomes


async def test_chromium_does_what_python_does(page: Page, traces: list[list[Step]]) -> None:
    await at_home(page)
    module = "await import('/listview.js')"
    script = f"async (traces) => {{ {_REPLAY} return JSON.stringify(replay({module}, JSON.parse(traces))); }}"
    assert json.loads(await page.evaluate(script, json.dumps(_messages(traces)))) == _expected(traces)


async def test_a_row_that_nobody_touched_stays_the_same_object(page: Page, traces: list[list[Step]]) -> None:
    await at_home(page)
    script = """async (traces) => {
      const {ListView} = await import("/listview.js");
      let wrong = 0;
      for (const messages of JSON.parse(traces)) {
        const view = new ListView();
        for (const message of messages) {
          const before = new Map(view.rows.map((row) => [row.symbol, row]));
          if (message.type !== "delta" || view.take(message).fit !== "applied") {
            try { if (message.type === "snapshot") view.load(message); } catch {}
            continue;
          }
          const touched = new Set(message.changes.filter(({action}) => action !== "rerank").map(({symbol}) => symbol));
          wrong += view.rows.filter((row) => !touched.has(row.symbol) && before.get(row.symbol) !== row).length;
        }
      }
      return wrong;
    }"""
    assert await page.evaluate(script, json.dumps(_messages(traces))) == 0


async def test_checksums_of_any_text(page: Page) -> None:
    await at_home(page)
    texts = ["", "A", "A\nB", "Ω", "BRK.A\n日本\n🚀", "x" * 100_000]
    script = "async (texts) => { const {crc32} = await import('/listview.js'); return texts.map(crc32); }"
    assert await page.evaluate(script, texts) == [zlib.crc32(text.encode()) for text in texts]


def test_node_does_what_python_does(tmp_path: Path, traces: list[list[Step]]) -> None:
    """The module works outside of a page."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node is installed; the module is tested in Chromium")
    shutil.copy(STATIC / "listview.js", tmp_path / "listview.mjs")
    (tmp_path / "traces.json").write_text(json.dumps(_messages(traces)))
    (tmp_path / "run.mjs").write_text(
        "import fs from 'node:fs'; import * as module from './listview.mjs';\n"
        f"{_REPLAY}\n"
        "console.log(JSON.stringify(replay(module, JSON.parse(fs.readFileSync('traces.json', 'utf8')))));\n"
    )
    result = subprocess.run([node, "run.mjs"], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert json.loads(result.stdout) == _expected(traces)
