"""Settings: their sections, where they are read from, and what is checked about them."""

from __future__ import annotations

from gapscan.config.checks import check_trading_day, check_values, simulated_day
from gapscan.config.loading import (
    ENV_PREFIX,
    FILE_NAME,
    Loaded,
    as_environment,
    example_file,
    find_file,
    load,
    read_toml,
    secrets_of,
    service_links,
    shipped_file,
)
from gapscan.config.market_section import MarketSection
from gapscan.config.nats_passwords import check_passwords
from gapscan.config.places import directory_of, expanded, user_config_dir, user_data_dir
from gapscan.config.sections import (
    DEFAULT_NATS_URL,
    BridgeSection,
    Config,
    EventsSection,
    FeedSection,
    HistorySection,
    HotSection,
    LogSection,
    NatsSection,
    NotifySection,
    ProviderSection,
    RankerSection,
    ServiceSection,
)
from gapscan.config.sim_section import PLAN_LIMITS, SCENARIOS, SimSection
from gapscan.config.urls import nats_servers, without_login
from gapscan.config.variables import SECRET_KEYS, key_in

__all__ = [
    "DEFAULT_NATS_URL",
    "ENV_PREFIX",
    "FILE_NAME",
    "PLAN_LIMITS",
    "SCENARIOS",
    "SECRET_KEYS",
    "BridgeSection",
    "Config",
    "EventsSection",
    "FeedSection",
    "HistorySection",
    "HotSection",
    "Loaded",
    "LogSection",
    "MarketSection",
    "NatsSection",
    "NotifySection",
    "ProviderSection",
    "RankerSection",
    "ServiceSection",
    "SimSection",
    "as_environment",
    "check_passwords",
    "check_trading_day",
    "check_values",
    "directory_of",
    "example_file",
    "expanded",
    "find_file",
    "key_in",
    "load",
    "nats_servers",
    "read_toml",
    "secrets_of",
    "service_links",
    "shipped_file",
    "simulated_day",
    "user_config_dir",
    "user_data_dir",
    "without_login",
]
