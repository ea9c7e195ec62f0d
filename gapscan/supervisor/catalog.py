"""The services: each a process of its own, the module `service` of the room that bears its name."""

from typing import Final

# By the name that `gapscan run` takes, with what is said of each.
SERVICES: Final = {
    "feed": "scans the market and publishes what it saw",
    "ranker": "ranks and publishes the lists",
    "hot": "chooses the symbols that come live",
    "events": "stores what the lists' changes mean, each thing once",
    "notify": "delivers alerts to channels",
    "bridge": "serves the lists and the page to browsers",
    "sim": "a simulated market that speaks the provider's protocol",
}
