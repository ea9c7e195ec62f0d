#!/usr/bin/env bash
# DuckDB rounds a fractional volume to a whole one when it first appears far down in a CSV file.
#
# Holds for: duckdb 2.0.1; polars 2.1.0 beside it, on the same file.
# Behaviour: a day of minute bars whose volumes are whole for 30,000 lines, and 10.6 in the last one. read_csv decides
#     from its sample that the column is BIGINT, then reads 10.6 as 11, without an error. With the fraction in the first
#     line the column is DOUBLE. Polars raises an error.
# Expected: the conversion error that any other unfit text gets ("abc" in that line is one). It matters since US stock
#     volumes can be fractional: few bars of a day are, and not in the first lines, so the sums differ from file to file
#     and between engines. Name the column's type.
# Seen: late fraction -> BIGINT, 11; early fraction -> DOUBLE, 10.6; abc -> ConversionException; polars ComputeError.
# Date: 2026-11-30
# Source: duckdb/duckdb, issue 25824 (2026-09, open: sniffer and reader differ in strictness); duckdb.org,
#     docs/stable/data/csv/auto_detection (sample of 20,480 rows).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check 'duckdb==2.0.1' 'polars==2.1.0'

venv/bin/python - <<'PYTHON'
import duckdb
import polars as pl

WHOLE = [f"T{number:05},{100 + number}" for number in range(30_000)]
print(*(f"{lib.__name__} {lib.__version__}" for lib in (duckdb, pl)), sep=", ")


def write(name, lines):
    with open(name, "w") as file:
        file.write("ticker,volume\n" + "\n".join(lines) + "\n")


def read(name):
    query = f"SELECT typeof(volume), volume FROM read_csv('{name}') WHERE ticker = 'BRK.A'"
    return duckdb.execute(query).fetchone()


write("late.csv", [*WHOLE, "BRK.A,10.6"])
write("early.csv", ["BRK.A,10.6", *WHOLE])
write("text.csv", [*WHOLE, "BRK.A,abc"])
late, early = read("late.csv"), read("early.csv")
print("duckdb, fraction in the last line:", *late)
print("duckdb, fraction in the first line:", *early)
try:
    duckdb.execute("FROM read_csv('text.csv')").fetchall()
    text = "taken"
except duckdb.Error as error:
    text = type(error).__name__
print("duckdb, abc in the last line:", text)
try:
    polars = pl.read_csv("late.csv")["volume"][-1]
except pl.exceptions.ComputeError as error:
    polars = type(error).__name__
print("polars, fraction in the last line:", polars)
assert (late, early) == (("BIGINT", 11), ("DOUBLE", 10.6))
assert (text, polars) == ("ConversionException", "ComputeError")
PYTHON
