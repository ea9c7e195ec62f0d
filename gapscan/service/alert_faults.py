"""Alerts that will never tell anything, or not where they are to, by what the services report of themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gapscan.service.problems import Instance


def alert_faults(services: Mapping[str, list[Instance]]) -> dict[str, str]:
    """Why, by the alert's name. A fault of a user's definition harms nobody else."""
    alerts = _leading(services, "events").get("alerts", {})
    without = {name: f"there is no list {its}" for name, its in alerts.get("without_list", {}).items()}
    return {**dict(_without_channel(alerts, _leading(services, "notify"))), **without, **alerts.get("refused", {})}


def _without_channel(alerts: Instance, notify: Instance) -> Iterator[tuple[str, str]]:
    for name, channels in alerts.get("channels", {}).items() if notify else ():
        missing = [each for each in channels if each not in notify.get("channels", {})]
        if missing:
            yield name, f"there is no channel {', '.join(missing)}"


def _leading(services: Mapping[str, list[Instance]], name: str) -> Instance:
    return next((each for each in services.get(name, []) if each.get("role") == "leader"), {})
