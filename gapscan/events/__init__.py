"""The process that says what the deltas of the lists mean: each thing once, for days."""
