"""Reads what append-lines.py writes, while it does: python3 follow-lines.py FILE LINES

Waits for a line on standard input. Then reads on at the end of the file, as tail -f does, until it has so many lines.
Prints as JSON how many that were, and the beginning of those that nobody has written.
"""

import json
import re
import sys
import time

path, lines = sys.argv[1], int(sys.argv[2])
open(path, "ab").close()
file = open(path, "rb", buffering=0)
print("here", flush=True)
sys.stdin.readline()

found, count, rest = [], 0, b""
deadline = time.monotonic() + 60
while count < lines and time.monotonic() < deadline:
    some = file.read(65536)
    if not some:
        time.sleep(0.001)
        continue
    *whole, rest = (rest + some).split(b"\n")
    for line in whole:
        count += 1
        match = re.fullmatch(rb"\w+ \d+ (\w*) (\d+)", line)
        if not match or len(match[1]) != int(match[2]) or len(set(match[1])) > 1:
            found.append(repr(line[:60]))
print(json.dumps({"lines": count, "wrong": found[:5]}))
