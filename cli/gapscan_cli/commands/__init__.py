"""The commands, grouped by what they are for.

A module here imports only what its commands' signatures need; the rest is imported inside the commands, so that
`gapscan --help` and completion load neither numpy nor a network library.
"""
