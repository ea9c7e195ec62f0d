"""Whose certificates are trusted: those of SSL_CERT_FILE, as elsewhere, or else Mozilla's."""

from __future__ import annotations

import os

import certifi


def trusted_certificates() -> str:
    """The file of them."""
    return os.environ.get("SSL_CERT_FILE") or certifi.where()
