"""The services: each a process of its own, the module `service` of its room."""

from typing import Final

# By the name that `gapscan run` takes, with what is said of each.
SERVICES: Final = {
    "feed": "scans the market and publishes what it saw",
    "ranker": "ranks and publishes the lists",
    "hot": "chooses the symbols that come live",
    "events": "makes events and alerts",
    "notify": "delivers alerts to channels",
    "recorder": "keeps what the lists were",
    "bridge": "serves the lists and the page to browsers",
    "sim": "a simulated market that speaks the provider's protocol",
}
# Rooms that do not bear their service's name.
_ROOMS: Final = {"recorder": "tape"}


def module_of(name: str) -> str:
    """The module that is a service's door."""
    return f"gapscan.{_ROOMS.get(name, name)}.service"
