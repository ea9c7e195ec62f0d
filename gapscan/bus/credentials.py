"""Who we are and whom we trust, read from files each time that a link is opened: files are renewed while we run."""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nats.errors import Error as NatsError

from gapscan.bus.options import Access
from gapscan.errors import ConfigError

_BLOCK: Final = "-----BEGIN {}-----\\s*([A-Za-z0-9+/=_.-]+?)\\s*-+END {}-+"
_JWT: Final = re.compile(_BLOCK.format("NATS USER JWT", "NATS USER JWT"))
_SEED: Final = re.compile(_BLOCK.format("USER NKEY SEED", "USER NKEY SEED"))


class CredentialsError(NatsError):
    """What is to be shown to the server cannot be had; tried again, it may be."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A key that signs what the server asks; it goes with a JWT, or stands for itself by its public part."""

    sign: Callable[[str], bytes]
    jwt: bytes | None = None
    public: str | None = None


def identity(access: Access) -> Identity | None:
    """The key and what goes with it; None when the login is another. Raises CredentialsError."""
    if access.credentials:
        text = _text(access.credentials, "credentials")
        return _with_jwt(_found(_JWT, text, access.credentials), _found(_SEED, text, access.credentials))
    if access.nkey:
        return _of_seed(_text(access.nkey, "nkey").strip(), access.nkey)
    if access.user_jwt and access.user_seed:
        return _with_jwt(access.user_jwt, access.user_seed)
    return None


def _with_jwt(jwt: str, seed: str) -> Identity:
    return Identity(_of_seed(seed, "the credentials").sign, jwt=jwt.encode())


def _of_seed(seed: str, source: str) -> Identity:
    try:  # it, and what it needs, costs only who has a key
        import nkeys
    except ImportError:
        raise CredentialsError("nkeys and .creds files need one more package: pip install 'nats-py[nkeys]'") from None
    try:
        pair = nkeys.from_seed(bytearray(seed.encode()))
        public = pair.public_key.decode()
    except (nkeys.NkeysError, ValueError) as error:  # such as a file that is being written
        raise CredentialsError(f"{source} holds no nkey seed: {type(error).__name__}") from None
    return Identity(lambda nonce: base64.b64encode(pair.sign(nonce.encode())), public=public)


def _found(pattern: re.Pattern[str], text: str, path: str) -> str:
    found = pattern.search(text)
    if found is None:
        raise CredentialsError(f"{path} is no file of NATS credentials")
    return found.group(1)


def _text(path: str, key: str) -> str:
    try:
        return Path(path).expanduser().read_text("utf-8")
    except (OSError, UnicodeDecodeError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise CredentialsError(f"{key}: {path} cannot be read: {why}") from None


def tls_context(access: Access) -> ssl.SSLContext:
    """Whom we trust, and the certificate that we show if there is one. Raises CredentialsError."""
    try:
        context = ssl.create_default_context(cafile=_path(access.tls_ca))
    except (OSError, ssl.SSLError) as error:
        raise CredentialsError(f"tls_ca: {access.tls_ca} cannot be used: {_why(error)}") from None
    if access.tls_cert:
        try:
            context.load_cert_chain(_path(access.tls_cert) or "", _path(access.tls_key))
        except (OSError, ssl.SSLError) as error:
            files = f"{access.tls_cert} with {access.tls_key}" if access.tls_key else access.tls_cert
            raise CredentialsError(f"tls_cert: {files} cannot be used: {_why(error)}") from None
    return context


def check_files(access: Access) -> None:
    """Read all that is to be shown to a server. Raises ConfigError."""
    try:
        identity(access)
        if access.wants_tls:
            tls_context(access)
    except CredentialsError as error:
        raise ConfigError(str(error)) from None


def _path(setting: str | None) -> str | None:
    return str(Path(setting).expanduser()) if setting else None


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "it is no PEM file").replace("_", " ").lower()
    return error.strerror or str(error)
