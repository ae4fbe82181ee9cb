"""Dask's side of `edgecoder bench mesh`: four local workers that run each program in fresh processes of the system's
own interpreter, unprotected. Reads the programs as one line of JSON, then `once` or `twice` a line, and answers each
with the seconds that all programs took."""

import json
import subprocess
import sys
import time

from distributed import Client, LocalCluster

WORKERS = 4


def run(code):
    command = ["/usr/bin/python3", "-I", "-S", "-c", code]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout


def once(code):
    run(code)


def twice(code):
    if run(code) != run(code):
        raise ValueError("the second run said something else")


def main():
    programs = json.loads(sys.stdin.readline())
    with LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, local_directory=sys.argv[1]
    ) as cluster, Client(cluster) as client:
        for line in sys.stdin:
            how = {"once": once, "twice": twice}[line.strip()]
            began = time.perf_counter()
            client.gather(client.map(how, programs, pure=False))
            print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main()
