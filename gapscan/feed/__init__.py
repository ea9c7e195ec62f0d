"""The process that talks to the provider: scans, the hot set's bars, reference data, halts."""
