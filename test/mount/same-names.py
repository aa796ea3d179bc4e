"""Changes the same few names as others do, through one mount: python3 same-names.py DIRECTORY NAME SECONDS

Waits for a line on standard input, so that all begin at once. What fails because somebody else was quicker is what
ext4 would say, too. Prints as JSON how often each was done, how long the slowest call took, and what else failed.
"""

import errno
import json
import os
import random
import sys
import time

directory, name, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
os.makedirs(directory, exist_ok=True)
os.chdir(directory)
choice = random.Random(name)
mine = f"own-{name}"


def put(to):
    with open(to, "w") as file:
        file.write(name * choice.choice([1, 5000, 300_000]))


def add(to):
    with open(to, "a") as file:
        file.write(name * choice.choice([1, 5000]))


def move(to):
    put(mine)
    os.rename(mine, to)


def link(to):
    put(mine)
    os.link(mine, to)
    os.unlink(mine)


def nest(to):
    os.mkdir(f"{to}-dir")
    put(f"{to}-dir/file")
    os.rename(f"{to}-dir/file", to)
    os.rmdir(f"{to}-dir")


def cross(to):
    os.rename(to, choice.choice(["sub/x", "sub/y"]))


os.makedirs("sub", exist_ok=True)
todo = [put, add, move, link, nest, cross, os.unlink, os.stat, lambda to: os.chmod(to, 0o600)]
others_fault = {errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY}
print("here", flush=True)
sys.stdin.readline()

done, slowest, wrong = 0, 0.0, []
end = time.monotonic() + seconds
while time.monotonic() < end:
    what, to = choice.choice(todo), choice.choice(["a", "b", "sub/x", "sub/y"])
    begin = time.monotonic()
    try:
        what(to)
    except OSError as error:
        if error.errno not in others_fault:
            wrong.append(f"{getattr(what, '__name__', 'chmod')} {to}: {error}")
    slowest = max(slowest, time.monotonic() - begin)
    done += 1
print(json.dumps({"done": done, "slowest": slowest, "wrong": wrong[:5]}))
