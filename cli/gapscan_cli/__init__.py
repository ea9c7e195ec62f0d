"""The `gapscan` command."""
