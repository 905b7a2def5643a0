#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
measure - runs a command and says how long it and how large its processes were.

usage: measure.py [-o FILE] COMMAND [ARGUMENT...]

Prints (to FILE, or to standard error) one line of JSON: seconds, status, peak_process_kib (the largest process
of all that it waited for, directly or not), peak_total_kib (sum over the process tree, sampled every 5 ms by
proportional set size, so that shared pages count once).
"""
import ctypes
import json
import os
import resource
import signal
import sys
import threading
import time


def children(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def tree_size(root):
    """The sum of the proportional set sizes below a process, in KiB."""
    total, todo = 0, [root]
    while todo:
        pid = todo.pop()
        todo += children(pid)
        try:
            with open("/proc/%d/smaps_rollup" % pid) as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
        except (OSError, ValueError):
            continue
    return total


def main(args):
    out = None
    if args[:1] == ["-o"]:
        out, args = args[1], args[2:]
    if not args:
        raise SystemExit(__doc__.strip())
    sample = os.environ.get("MEASURE_TOTAL", "")
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        os.execvp(args[0], args)
    peak, done = [0], threading.Event()

    def watch():
        while not done.wait(0.005):
            peak[0] = max(peak[0], tree_size(pid))

    watcher = threading.Thread(target=watch)
    if sample:
        watcher.start()
    status = os.waitpid(pid, 0)[1]
    seconds = time.monotonic() - start
    done.set()
    if sample:
        watcher.join()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    line = json.dumps({"seconds": round(seconds, 4), "status": os.waitstatus_to_exitcode(status),
                       "peak_process_kib": usage.ru_maxrss, "peak_total_kib": peak[0]})
    if out:
        with open(out, "w") as f:
            f.write(line + "\n")
    else:
        print(line, file=sys.stderr)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
