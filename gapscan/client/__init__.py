"""The public client: follows a list, and keeps an exact copy of it. See docs/client.md."""
