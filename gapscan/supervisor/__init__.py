"""What starts processes: `gapscan up`, one service by name, the embedded nats-server."""
