"""The process that chooses the symbols that come live."""
