#!/usr/bin/env bash
# Through Dask's executor equal calls run once, failed ones too; Python's own pools run each.
#
# Holds for: distributed 2026.8.0 (with dask of that version), beside concurrent.futures of Python.
# Behaviour: client.get_executor() has the interface of concurrent.futures. Three submissions of one function with the
#     same arguments are one task: it runs once, and all three futures have its result. A failure is shared alike:
#     submitted again while the first future is held, the call does not run, and the old error comes back. With
#     pure=False each submission runs.
# Expected: that an executor runs what is submitted. It matters to whoever moves a back-test from a process pool to a
#     cluster: to try a day again after its file was mended gives the old error, and random controls drawn by equal
#     calls are one draw.
# Seen: three submissions -> 1 run; again after a failure -> 1 run, the old error; with pure=False -> 3 and 2;
#     ThreadPoolExecutor -> 3 and 2.
# Date: 2026-11-30
# Source: distributed.dask.org, api page: submit has `pure`, "whether or not the function is pure", and get_executor
#     passes its arguments on; no word of what it means for an executor.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --no-compile --disable-pip-version-check 'distributed==2026.8.0'

cat >days.py <<'PYTHON'
import threading

runs = {"day": 0, "torn": 0}
lock = threading.Lock()


def read_day(date):
    with lock:
        runs["day"] += 1
    return date


def read_torn_day(date):
    with lock:
        runs["torn"] += 1
    raise OSError(f"{date} is truncated")
PYTHON
venv/bin/python - <<'PYTHON'
from concurrent.futures import ThreadPoolExecutor

import distributed
from days import read_day, read_torn_day, runs
from distributed import Client, LocalCluster

print("distributed", distributed.__version__)


def tried(executor):
    """How often the same day was read, submitted three times, and a torn one, submitted again after its failure."""
    runs.update(day=0, torn=0)
    futures = [executor.submit(read_day, "2024-03-08") for _ in range(3)]
    assert [future.result(20) for future in futures] == ["2024-03-08"] * 3
    first = executor.submit(read_torn_day, "2024-03-11")
    assert isinstance(first.exception(20), OSError)
    again = executor.submit(read_torn_day, "2024-03-11")
    assert isinstance(again.exception(20), OSError)
    return runs["day"], runs["torn"]


cluster = LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None)
with cluster, Client(cluster) as client, ThreadPoolExecutor(2) as pool:
    seen = {
        "get_executor()": tried(client.get_executor()),
        "get_executor(pure=False)": tried(client.get_executor(pure=False)),
        "ThreadPoolExecutor": tried(pool),
    }
for name, (days, torn) in seen.items():
    print(f"{name}: {days} runs of 3, {torn} runs of 2")
assert list(seen.values()) == [(1, 1), (3, 2), (3, 2)]
PYTHON
