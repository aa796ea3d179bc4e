"""Appends lines to a file, each with one write(2): python3 append-lines.py FILE NAME LINES

Waits for a line on standard input, so that several begin at once. The lines are of many lengths, up to three pages.
"""

import os
import sys

path, name, lines = sys.argv[1], sys.argv[2], int(sys.argv[3])
file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
print("here", flush=True)
sys.stdin.readline()
for number in range(lines):
    filling = (name[-1] * ((number * 1361) % 12_000)).encode()
    line = b"%s %d %s %d\n" % (name.encode(), number, filling, len(filling))
    if os.write(file, line) != len(line):
        raise SystemExit(f"{path}: a write was cut short")
os.close(file)
