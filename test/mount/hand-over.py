"""Works through two mounts of one store at once, as one of several programs: python3 hand-over.py A B DIRECTORY NAME

Waits for a line on standard input, so that all begin at once. Then writes a file through A, moves it through B, and
looks at it through A, again and again. Prints as JSON how often that was, and what it didn't find as it had left it:
files that weren't there to be moved, or not afterwards, or with other bytes.
"""

import json
import os
import sys

a, b, directory, name = sys.argv[1:]
a, b = os.path.join(a, directory), os.path.join(b, directory)
os.makedirs(a, exist_ok=True)
print("here", flush=True)
sys.stdin.readline()

missing, other = [], []
turns = 300
for turn in range(turns):
    content = f"{name} {turn}"
    document = f"{name}-{turn % 20}"
    with open(f"{a}/{name}-inbox", "w") as file:
        file.write(content)
    try:
        os.rename(f"{b}/{name}-inbox", f"{b}/{document}")
        with open(f"{a}/{document}") as file:
            found = file.read()
    except FileNotFoundError:
        missing.append(turn)
        continue
    if found != content:
        other.append([turn, found])
print(json.dumps({"turns": turns, "missing": missing, "other": other}))
