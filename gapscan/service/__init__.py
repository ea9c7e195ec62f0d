"""What the processes share."""
