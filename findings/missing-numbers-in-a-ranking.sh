#!/usr/bin/env bash
# The top of a ranked list with missing numbers depends on the engine, and in Polars on the verb.
#
# Holds for: duckdb 2.0.1, polars 2.1.0, pyarrow 26.0.1.
# Behaviour: five tickers with the changes 1, NaN, 3, null, 2. The largest first:
#     DuckDB    ORDER BY change DESC        NaN 3 2 1 null
#     Polars    sort(descending=True)       null NaN 3 2 1
#     PyArrow   sort_by(descending)         3 2 1 NaN null
#     In Polars the column's max() and the first of top_k(1) are 3 and NaN; in DuckDB both are NaN.
# Expected: one order, or at least that the first of the top k is the maximum. It matters to a list of gainers: a stock
#     without a previous close (0/0) leads it in DuckDB, one without data in Polars, and the check "the leader has the
#     maximum" holds or not by the verb. Write null, never NaN, and say where nulls go.
# Seen: as in the table above.
# Date: 2026-11-30
# Source: docs.pola.rs, polars.DataFrame.top_k (null after all others; no word on NaN) and polars.Expr.nan_max (max
#     ignores NaN); pola-rs/polars, issues 4855 and 12931; duckdb/duckdb, pull request 7174 (nulls last).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check 'duckdb==2.0.1' 'polars==2.1.0' 'pyarrow==26.0.1'

venv/bin/python - <<'PYTHON'
import duckdb
import polars as pl
import pyarrow as pa

CHANGES = {"AAA": 1.0, "BBB": float("nan"), "CCC": 3.0, "DDD": None, "EEE": 2.0}
NAMES = {"AAA": "1", "BBB": "NaN", "CCC": "3", "DDD": "null", "EEE": "2"}
print(*(f"{lib.__name__} {lib.__version__}" for lib in (duckdb, pl, pa)), sep=", ")

table = pa.table({"ticker": list(CHANGES), "change": pa.array(CHANGES.values(), pa.float64(), from_pandas=False)})
frame = pl.DataFrame(table)
orders = {
    "duckdb": [row[0] for row in duckdb.execute("SELECT ticker FROM 'table' ORDER BY change DESC").fetchall()],
    "polars": frame.sort("change", descending=True)["ticker"].to_list(),
    "pyarrow": table.sort_by([("change", "descending")])["ticker"].to_pylist(),
}
orders = {engine: " ".join(NAMES[ticker] for ticker in tickers) for engine, tickers in orders.items()}
for engine, order in orders.items():
    print(f"{engine:8}", order)
leader = duckdb.execute("SELECT arg_max(ticker, change), max(change) FROM 'table'").fetchone()
maxima = {
    "duckdb": (NAMES[leader[0]], str(leader[1])),
    "polars": (NAMES[frame.top_k(1, by="change")["ticker"][0]], str(frame["change"].max())),
}
for engine, (first, greatest) in maxima.items():
    print(f"{engine:8} top 1: {first}, max: {greatest}")
assert orders == {
    "duckdb": "NaN 3 2 1 null",
    "polars": "null NaN 3 2 1",
    "pyarrow": "3 2 1 NaN null",
}
assert maxima == {"duckdb": ("NaN", "nan"), "polars": ("NaN", "3.0")}
PYTHON
