"""The process that keeps what the lists were: the recorder."""
