"""A ranked list by itself: deltas, how they are applied and found, the checksum."""
