"""The page's files: read once, served from memory."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web

from gapscan.bridge.page_fields import MODULE, module_text

INDEX: Final = "index.html"
_TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".webmanifest": "application/manifest+json"}
# Nothing from elsewhere, nothing inline: what a list's data might smuggle in cannot run.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    content_type: str
    etag: str

    def response(self, request: web.Request) -> web.Response:
        """The file, or 304 when the browser has it. It asks every time, so a new version shows at once."""
        headers = {
            "Content-Security-Policy": _POLICY,
            "Cache-Control": "no-cache",
            "ETag": f'"{self.etag}"',
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        known = request.if_none_match or ()
        if any(tag.value in (self.etag, "*") for tag in known):
            return web.Response(status=304, headers=headers)
        return web.Response(body=self.body, content_type=self.content_type, charset=self._charset(), headers=headers)

    def _charset(self) -> str | None:
        return "utf-8" if self.content_type.startswith("text/") else None


def load_assets() -> dict[str, Asset]:
    """All files of the page by their paths, the field table among them."""
    root = files("gapscan.bridge") / "static"
    found = {path: file.read_bytes() for path, file in _walk(root, "")} | {MODULE: module_text().encode()}
    return {path: _asset(path, body) for path, body in found.items()}


def _asset(path: str, body: bytes) -> Asset:
    extension = path[path.rfind(".") :]
    content_type = _TYPES.get(extension) or mimetypes.guess_type(path)[0] or "application/octet-stream"
    return Asset(body, content_type, hashlib.sha256(body).hexdigest()[:16])


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir() if folder.is_dir() else ():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif not entry.name.startswith("."):
            yield prefix + entry.name, entry
