"""An operator with one account, as NATS knows them: JWTs signed by nkeys, and the server's configuration for them."""

from __future__ import annotations

import base64
import json
import secrets
import time
from pathlib import Path
from typing import Any

import nkeys

_UNLIMITED = (
    "subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage", "disk_storage", "streams",
    "consumer",
)  # fmt: skip


def seed(kind: int) -> bytes:
    """A new key of a kind."""
    return bytes(nkeys.encode_seed(secrets.token_bytes(32), kind))


def public(key: bytes) -> str:
    return str(nkeys.from_seed(bytearray(key)).public_key.decode())


def _signed(by: bytes, subject: str, name: str, claims: dict[str, Any], **times: int) -> str:
    body = {"jti": secrets.token_hex(16), "iat": int(time.time()), "iss": public(by), "sub": subject, "name": name}
    parts = ({"typ": "JWT", "alg": "ed25519-nkey"}, {**body, **times, "nats": {**claims, "version": 2}})
    text = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_base64(nkeys.from_seed(bytearray(by)).sign(text.encode()))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Operator:
    """Issues users of one account that has JetStream."""

    def __init__(self, **limits: Any) -> None:
        self._operator, self._account = seed(nkeys.PREFIX_BYTE_OPERATOR), seed(nkeys.PREFIX_BYTE_ACCOUNT)
        system = seed(nkeys.PREFIX_BYTE_ACCOUNT)
        self._preload = {
            public(self._account): self._account_jwt(
                self._account, "gapscan", {**dict.fromkeys(_UNLIMITED, -1), **limits}
            ),
            public(system): self._account_jwt(system, "SYS", dict.fromkeys(_UNLIMITED[:7], -1)),
        }
        claims = {"type": "operator", "system_account": public(system)}
        self._jwt = _signed(self._operator, public(self._operator), "test", claims)
        self._system = public(system)

    def _account_jwt(self, key: bytes, name: str, limits: dict[str, Any]) -> str:
        claims = {
            "type": "account",
            "limits": {"wildcards": True, **limits},
            "default_permissions": {"pub": {}, "sub": {}},
        }
        return _signed(self._operator, public(key), name, claims)

    @property
    def conf(self) -> str:
        """What the server's configuration says of them."""
        preload = "\n".join(f"  {account}: {jwt}" for account, jwt in self._preload.items())
        return (
            f"operator: {self._jwt}\nsystem_account: {self._system}\nresolver: MEMORY\n"
            f"resolver_preload: {{\n{preload}\n}}\n"
        )

    def write_creds(self, path: Path, seconds: float | None = None) -> None:
        """A .creds file for a new user, good for so long."""
        user = seed(nkeys.PREFIX_BYTE_USER)
        claims = {"type": "user", "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1}
        times = {} if seconds is None else {"exp": int(time.time() + seconds)}
        jwt = _signed(self._account, public(user), "gapscan", claims, **times)
        path.write_text(
            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{user.decode()}\n------END USER NKEY SEED------\n"
        )
