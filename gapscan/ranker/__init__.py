"""The process that ranks: universe columns in, sequenced deltas and snapshots out."""
