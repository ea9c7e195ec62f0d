"""The provider's flat files: found, read, and made into volume curves."""
