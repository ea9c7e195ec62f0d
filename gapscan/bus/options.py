"""How to reach NATS, as programs and settings say it: addresses, logins, TLS, a context of the nats command."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from gapscan.config import DEFAULT_NATS_URL, NatsSection, nats_servers, without_login
from gapscan.errors import ConfigError
from gapscan.protocol.names import PREFIX, Names, check_prefix

_TLS_SCHEMES: Final = ("tls", "wss")
DEFAULT_INBOX_PREFIX: Final = "_INBOX"
_UNNAMED: Final = "?"  # the context's URL, or the default
_LOGINS: Final = ("user", "password", "credentials", "token", "nkey")
_LOGINS_OF_CONTEXTS: Final = (*_LOGINS, "user_jwt", "user_seed")


@dataclass
class BusOptions:
    """How to reach NATS. What is not given comes from the context, if one is named.

    `url` may be several, with commas between; a login in it comes before `user` and `password`. `credentials` is the
    path of a .creds file, `nkey` that of a file with an nkey seed, the `tls_` ones those of PEM files. `context` is
    one of the nats command's. `prefix` is what the names of the set's subjects and streams begin with, "gapscan" by
    default. Raises ConfigError for a context that cannot be read and for what can be no prefix.
    """

    url: str = _UNNAMED
    user: str | None = None
    password: str | None = None
    credentials: str | None = None
    inbox_prefix: str = ""
    token: str | None = None
    nkey: str | None = None
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_first: bool = False
    context: str | None = None
    jetstream_domain: str | None = None
    jetstream_api_prefix: str | None = None
    prefix: str = ""

    def __post_init__(self) -> None:
        """The URL is settled here: who shows it need not read the context."""
        if self.prefix:
            check_prefix(self.prefix)
        if self.url == _UNNAMED:
            self.url = ""
            self.url = self.completed().url

    def completed(self) -> Access:
        """All that is known now, with files and context read anew. Raises ConfigError."""
        given = {one.name: getattr(self, one.name) for one in fields(BusOptions) if one.name != "context"}
        if self.context:
            from gapscan.bus.contexts import read_context

            known = read_context(self.context)
            if any(given[name] for name in _LOGINS) or "@" in self.url:  # one login, not parts of two
                known = {name: value for name, value in known.items() if name not in _LOGINS_OF_CONTEXTS}
            given = known | {name: value for name, value in given.items() if value}
        return Access(**{name: value for name, value in given.items() if value})


@dataclass(frozen=True, kw_only=True)
class Access:
    """How to reach NATS, in whole: what BusOptions say with what their context says."""

    url: str = DEFAULT_NATS_URL
    user: str | None = None
    password: str | None = None
    credentials: str | None = None
    inbox_prefix: str = DEFAULT_INBOX_PREFIX
    token: str | None = None
    nkey: str | None = None
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_first: bool = False
    jetstream_domain: str | None = None
    jetstream_api_prefix: str | None = None
    user_jwt: str | None = None
    user_seed: str | None = None
    prefix: str = PREFIX

    @property
    def names(self) -> Names:
        """The subjects, streams and buckets of the set that is meant."""
        return Names(self.prefix)

    @property
    def wants_tls(self) -> bool:
        """Whether nothing but an encrypted link will do."""
        by_url = any(urlsplit(one).scheme in _TLS_SCHEMES for one in servers(self.url))
        return bool(by_url or self.tls_ca or self.tls_cert or self.tls_first)

    @property
    def api_prefix(self) -> str:
        """What the subjects of JetStream's API begin with."""
        if self.jetstream_api_prefix:
            return self.jetstream_api_prefix.rstrip(".")
        return f"$JS.{self.jetstream_domain}.API" if self.jetstream_domain else "$JS.API"

    def login_at(self, host: str | None, port: int | None) -> tuple[str | None, str | None, str | None]:
        """User, password and token for one server: its URL's, or the first URL's, else those given beside."""
        urls = [urlsplit(one) for one in servers(self.url)]
        with_login = [one for one in urls if one.username is not None]
        here = [one for one in with_login if (one.hostname, one.port or 4222) == (host, port)]
        for one in here or with_login:
            return _login_in(one)
        return self.user, self.password, self.token


def _login_in(url: SplitResult) -> tuple[str | None, str | None, str | None]:
    name = unquote(url.username or "")
    return (name, unquote(url.password), None) if url.password is not None else (None, None, name)


def options_of(section: NatsSection, url: str | None = None, context: str | None = None) -> BusOptions:
    """How to reach the NATS of the settings, or the one at `url` or of `context` with the settings' rights."""
    # A context that is asked for by name comes with its own address, whatever the settings say.
    address = url or (_UNNAMED if context else section.url or _UNNAMED)
    return BusOptions(
        address, section.user, section.password, section.credentials, section.inbox_prefix or "",
        section.token, section.nkey, section.tls_ca, section.tls_cert, section.tls_key, section.tls_first,
        context or section.context, section.jetstream_domain, section.jetstream_api_prefix, section.prefix or "",
    )  # fmt: skip


def servers(url: str) -> list[str]:
    """The servers of a URL, or of several with commas between. Raises ConfigError for what is no URL."""
    try:
        return nats_servers(url)
    except ValueError as error:
        raise ConfigError(str(error)) from None


# The URL, or several, without user and password.
shown = without_login
