"""The page's files: read once, served from memory.

The page names its modules and styles by paths with the version of them all, `static/v.../app.js`: browsers keep them
without asking again, and another version has other paths. It names all modules at once, so that none waits until
another was read.
"""

from __future__ import annotations

import hashlib
import mimetypes
import posixpath
import re
from collections.abc import Iterator, Mapping
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


_MAIN: Final = "app.js"
_IMPORT: Final = re.compile(r'^(?:import|export)\b[^;]*?"(\.{1,2}/[^"]+\.js)";', re.MULTILINE)
_NAMED: Final = re.compile(r'"static/([\w/]+\.(?:js|css))"')
_VERSIONED: Final = re.compile(r"(v[0-9a-f]{16})/(.+)", re.ASCII)
_LASTING: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    content_type: str
    etag: str

    def response(self, request: web.Request, *, lasting: bool = False) -> web.Response:
        """The file, or 304 when the browser has it. It asks every time, unless what stands at the path is `lasting`."""
        headers = {
            "Content-Security-Policy": _POLICY,
            "Cache-Control": _LASTING if lasting else "no-cache",
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


class Assets:
    """All files of the page."""

    def __init__(self) -> None:
        self._files = load_assets()
        tags = "".join(f"{path} {file.etag}\n" for path, file in sorted(self._files.items()))
        self._version = f"v{hashlib.sha256(tags.encode()).hexdigest()[:16]}"
        self.page = _asset(INDEX, _page(self._files, self._version))

    def response(self, path: str, request: web.Request) -> web.Response | None:
        """The file at a path below `static/`, with a version or without; None when there is none.

        A page of an earlier version that asks for more gets what there is now.
        """
        found = _VERSIONED.fullmatch(path)
        version, name = found.groups() if found else ("", path)
        asset = self._files.get(name)
        return asset.response(request, lasting=version == self._version) if asset else None


def _page(files_of: Mapping[str, Asset], version: str) -> bytes:
    text = files_of[INDEX].body.decode()
    preloads = "".join(f'<link rel="modulepreload" href="static/{path}">\n' for path in modules_of(files_of, _MAIN))
    main = f'<script type="module" src="static/{_MAIN}">'
    return _NAMED.sub(rf'"static/{version}/\1"', text.replace(main, preloads + main)).encode()


def modules_of(files_of: Mapping[str, Asset], main: str) -> list[str]:
    """The modules that `main` imports, and those that they do; not what is loaded when it is needed."""
    found, waiting = dict.fromkeys([main]), [main]
    while waiting:
        path = waiting.pop()
        for name in _IMPORT.findall(files_of[path].body.decode()):
            module = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
            if module not in found:
                found[module] = None
                waiting.append(module)
    return [path for path in found if path != main]


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
