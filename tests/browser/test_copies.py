"""When the page asks for a list again: at once for what was lost, and not while the answer is on its way."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page

from tests.browser.modules import at_home

Step = list[Any]

# Offers empty lists to copies of them, by a clock that is set by hand; what is asked of the server after each step,
# and what is said of the list then.
_PLAY = """async (steps) => {
  let now = 0;
  performance.now = () => now;
  const [{Copies}, {healthOf}, {Phase}] = [
    await import("/copies.js"), await import("/health.js"), await import("/connection.js"),
  ];
  const asked = [], counts = {snapshots: 0, deltas: 0, resyncs: 0, mismatches: 0};
  const copies = new Copies(counts, ({action, ...message}) => asked.push(message), () => {});
  const list = "a", epoch = "e", rows = [];
  const connection = {phase: Phase.OPEN, hello: {heartbeat: 1}, beatAt: 0};
  const play = {
    subscribe: (wish) => copies.want(list, wish) && asked.push(copies.request(list)),
    unsubscribe: () => copies.unwant(list),
    snapshot: (sequence, checksum = 0, epoch = "e", as_of = now + 1) =>
      copies.snapshot({list, epoch, sequence, as_of, rows, checksum}),
    delta: (prev, sequence, checksum = 0) =>
      copies.delta({list, epoch, prev, sequence, as_of: now + 1, changes: [], size: 0, checksum}),
    beat(sequence, epoch = "e", as_of = now + 1) {
      copies.beat({a: {epoch, sequence, as_of, state: "live"}}, now);
      connection.beatAt = now;
    },
  };
  return steps.map(([at, kind, ...values]) => {
    now = at;
    play[kind](...values);
    return [asked.splice(0), healthOf(connection, copies.about(list), now).word];
  });
}"""

_ALL = {"list": "a"}


def _from(sequence: int) -> dict[str, Any]:
    return {"list": "a", "epoch": "e", "last_sequence": sequence}


async def _play(page: Page, *steps: Step) -> list[Any]:
    """Each step is its time in milliseconds, its kind, and what goes with it."""
    await at_home(page)
    return list(await page.evaluate(_PLAY, [[0, "subscribe"], [10, "snapshot", 5], *steps]))[2:]


async def test_a_heartbeat_ahead_of_the_copy_is_a_loss(page: Page) -> None:
    assert await _play(page, [900, "beat", 5], [1900, "beat", 6], [1950, "delta", 5, 6], [2900, "beat", 6]) == [
        [[], "Live"],
        [[_from(5)], "Repairing"],
        [[], "Live"],
        [[], "Live"],
    ]


async def test_a_heartbeat_of_another_epoch_is_a_loss_of_the_whole(page: Page) -> None:
    assert await _play(page, [900, "beat", 2, "other"]) == [[[_ALL], "Repairing"]]


async def test_the_market_time_of_another_epoch_counts_though_it_is_earlier(page: Page) -> None:
    """A market that begins anew may be of an earlier day; the same epoch never goes back."""
    assert await _play(
        page,
        [90_000, "beat", 5],
        [91_000, "snapshot", 1, 0, "other", 20_000],
        [94_500, "beat", 1, "other", 24_000],
        [95_500, "beat", 1, "other", 25_000],
        [99_000, "beat", 1, "other", 24_500],
    ) == [[[], "Live"], [[], "Live"], [[], "Live"], [[], "Live"], [[], "No new data"]]


async def test_what_was_asked_for_is_waited_for(page: Page) -> None:
    """What was sent before the answer shows the same loss again. A second answer would not fit what came after it."""
    assert await _play(
        page,
        [900, "delta", 6, 7],
        [1000, "delta", 7, 8],
        [1900, "beat", 8],
        [2900, "beat", 8],
        [3950, "beat", 8],
        [4000, "delta", 5, 9],
        [4950, "beat", 9],
    ) == [
        [[_from(5)], "Repairing"],
        [[], "Repairing"],
        [[], "Repairing"],
        [[], "Repairing"],
        [[_from(5)], "Repairing"],
        [[], "Live"],
        [[], "Live"],
    ]


async def test_the_answer_to_a_subscription_is_waited_for_as_well(page: Page) -> None:
    """A list that is left and taken up again at once: what was sent to the old subscription comes to the new one."""
    steps = [[900, "unsubscribe"], [910, "delta", 5, 6], [920, "subscribe"], [930, "beat", 6], [990, "delta", 5, 7]]
    assert [asked for asked, _ in await _play(page, *steps)] == [[], [], [_from(5)], [], []]


async def test_losses_in_a_row_are_asked_for_once_a_second(page: Page) -> None:
    assert await _play(
        page,
        [900, "beat", 6],
        [950, "delta", 5, 6],
        [1000, "delta", 7, 8],
        [1800, "delta", 8, 9],
        [1950, "beat", 9],
        [1980, "delta", 6, 9],
    ) == [
        [[_from(5)], "Repairing"],
        [[], "Live"],
        [[], "Repairing"],
        [[], "Repairing"],
        [[_from(6)], "Repairing"],
        [[], "Live"],
    ]


async def test_a_wrong_answer_is_asked_for_again_as_a_whole(page: Page) -> None:
    assert await _play(
        page,
        [900, "beat", 6],
        [950, "delta", 5, 6, 1],
        [1950, "beat", 6],
        [1990, "snapshot", 6, 1],
        [2960, "beat", 6],
        [2990, "snapshot", 6],
    ) == [
        [[_from(5)], "Repairing"],
        [[], "Repairing"],
        [[_ALL], "Repairing"],
        [[], "Repairing"],
        [[_ALL], "Repairing"],
        [[], "Live"],
    ]


async def test_what_is_had_of_another_wish_is_nothing_to_go_on_from(page: Page) -> None:
    wish = {"limit": 5, "fields": ["price"]}
    steps: list[Step] = [
        [900, "subscribe", {}],
        [910, "subscribe", wish],
        [920, "delta", 5, 6],
        [930, "snapshot", 7],
        [940, "subscribe", dict(wish)],
        [950, "unsubscribe"],
        [960, "subscribe", wish],
        [970, "delta", 7, 8],
        [980, "subscribe", {}],
    ]
    asked = [sent for sent, _ in await _play(page, *steps)]
    assert asked == [[], [_ALL | wish], [], [], [], [], [_from(7) | wish], [], [_ALL]]
