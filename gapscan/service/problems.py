"""What is wrong, in one line each, by what the services report of themselves."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

_MISSED_SCANS: Final = 3
_TAKEOVER_LEASES: Final = 2  # within which a lease lapses, and another feed takes it and says so
_NEEDED: Final = ("feed", "ranker")
_FEW_TOPICS: Final = 50  # on their way from the hot set to the provider at any moment
_RECOVERY_SECONDS: Final = 15  # a session is opened in five, and what it does not answer is asked again after three

Instance = dict[str, Any]  # what one process of a service reports


def leading_feed(feeds: Iterable[Instance]) -> Instance:
    """The feed that leads; one of an earlier version, which says no role, does."""
    return next((feed for feed in feeds if feed.get("role", "leader") == "leader"), {})


def leading_ranker(instances: Iterable[Instance]) -> Instance:
    """The ranker that leads; nothing when none does."""
    return next((instance for instance in instances if instance.get("role") == "leader"), {})


def storage_problems(services: Mapping[str, list[Instance]]) -> list[str]:
    """Where NATS stores nothing, in one line: a full disk fails everywhere, in words that differ by what was done."""
    found = [instance.get("unstored", {}) for instances in services.values() for instance in instances]
    places = {place: fault for unstored in found for place, fault in unstored.items()}
    if not places:
        return []
    longest = max(places.values(), key=lambda fault: float(fault["seconds"]))
    return [f"NATS has stored nothing for {longest['seconds']:.0f} s in {_together(places)}: {longest['why']}"]


def _together(places: Iterable[str]) -> str:
    return ", ".join(sorted(places))


def service_problems(services: Mapping[str, list[Instance]]) -> list[str]:
    """What is wrong with the services, and which of them are not there."""
    hot = leading_feed(services.get("feed", [])).get("link", {}).get("mode") == "hot"
    found = [f"no {name} is running" for name in (*_NEEDED, *(["hot"] if hot else [])) if not services.get(name)]
    for name, instances in services.items():
        found += instance_problems(name, instances)
    return found


def instance_problems(name: str, instances: list[Instance]) -> list[str]:
    """What is wrong with the instances of one service, one line each."""
    if name == "feed":
        feed = leading_feed(instances)
        return feed_problems(feed) if feed else _without_feed(instances)
    if name == "ranker":
        leader = leading_ranker(instances)
        if not leader:
            return ["no ranker leads"]
        return ranker_problems(leader)
    if name == "events":
        return [problem for instance in instances for problem in _events_problems(instance)]
    if name == "notify":
        return [problem for instance in instances for problem in _channel_problems(instance)]
    if name == "recorder":
        return [f"recorder: {each['last_error']}" for each in instances if each.get("last_error")]
    if name == "bridge":
        return [problem for instance in instances for problem in _bridge_problems(instance)]
    return []


def _events_problems(events: Instance) -> list[str]:
    lists = events.get("unsaved", {}).items()
    return [f"events: the position in list {name} cannot be kept: {fault}" for name, fault in lists]


def _channel_problems(notify: Instance) -> list[str]:
    channels = notify.get("channels", {}).items()
    return [f"channel {name} does not deliver: {one['failing']}" for name, one in channels if one.get("failing")]


def _bridge_problems(bridge: Instance) -> list[str]:
    return [f"bridge: list {name} stands still: {fault}" for name, fault in bridge.get("failed", {}).items()]


def ranker_problems(leader: Instance) -> list[str]:
    """What is wrong with the ranker that leads, by its own report."""
    found = [f"the ranker waits for {leader['waiting_for']}"] if leader.get("waiting_for") else []
    if leader.get("last_error"):
        found.append(f"ranker: {leader['last_error']}")
    found += _coverage_problems(leader)
    return [*found, *(f"list {name} is not ranked: {why}" for name, why in leader.get("refused", {}).items())]


def _coverage_problems(leader: Instance) -> list[str]:
    coverage = leader.get("coverage", {})
    blind = leader.get("session") == "regular" and coverage.get("expected") and not coverage.get("fresh")
    return ["no symbol has a price today, though the market is open"] if blind else []


def _without_feed(standbys: Iterable[Instance]) -> list[str]:
    """Feeds stand by and none leads: for as long as a lease takes to lapse and to be taken, that is no problem."""
    late = [feed for feed in standbys if feed.get("unrenewed", 0) > _TAKEOVER_LEASES * feed.get("lease", 0)]
    return [
        f"no feed leads: nothing is heard of {feed.get('leader')} for {feed['unrenewed']:.0f} s" for feed in late[:1]
    ]


def feed_problems(feed: Instance) -> list[str]:
    """What is wrong with a feed, by its own report."""
    found = []
    if feed.get("last_error"):
        found.append(f"feed: {feed['last_error']}")
    if fault := feed.get("clock_fault"):
        found.append(f"feed: the exchange's calendar stands in for the provider's market status: {fault}")
    if error := feed.get("reference", {}).get("last_error"):
        found.append(f"feed: the reference data is not complete: {error}")
    if error := feed.get("halt_list", {}).get("last_error"):
        found.append(f"feed: halts of all listings are not known: {error}")
    if error := feed.get("curves", {}).get("last_error"):
        found.append(f"feed: there are no volume curves of today: {error}")
    if reason := feed.get("lateness", {}).get("reason"):
        found.append(f"feed: the data are stale: {reason}")
    age = time.time() - feed.get("last_scan", 0)
    if feed.get("last_scan") and age > _MISSED_SCANS * feed["interval"] + 5:
        found.append(f"feed: the last scan is {age:.0f} s old")
    return [*found, *link_problems(feed.get("link", {}))]


def link_problems(link: Mapping[str, Any]) -> list[str]:
    """A live link that is down, or that lacks topics, while it is wanted."""
    if link.get("mode", "off") == "off":
        return []
    wanted = not link["settled"] or link["topics"]["desired"]
    if wanted and link.get("last_error") and link.get("state") != "live":
        return [f"feed: the live link is down: {link['last_error']}"]
    if (lack := link.get("none_confirmed_seconds", 0)) > _RECOVERY_SECONDS:
        return [f"feed: of {link['topics']['desired']} live topics none has been confirmed for {lack:.0f} s"]
    missing = 0 if link["settled"] else link["topics"]["desired"] - link["topics"]["confirmed"]
    return [f"feed: {missing} live topics are not confirmed"] if missing > _FEW_TOPICS else []
