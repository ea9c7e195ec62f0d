"""Backtests: list definitions over days of flat files, by the rules that rank live; every entry with what followed."""
