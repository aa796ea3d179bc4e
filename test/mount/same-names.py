"""Changes the same few names as others do, through one mount: python3 same-names.py DIRECTORY NAME SECONDS

Waits for a line on standard input, so that all begin at once. What fails because somebody else was quicker is what
ext4 would say, too. Prints as JSON how often it did something, how long the slowest call took, and what else failed.
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
slowest = 0.0


def timed(call, *args):
    global slowest
    begin = time.monotonic()
    try:
        return call(*args)
    finally:
        slowest = max(slowest, time.monotonic() - begin)


def write(to, flags, size):
    file = timed(os.open, to, os.O_WRONLY | os.O_CREAT | flags)
    try:
        timed(os.write, file, name.encode() * size)
    finally:
        timed(os.close, file)


def put(to):
    write(to, os.O_TRUNC, choice.choice([1, 5000, 300_000]))


def add(to):
    write(to, os.O_APPEND, choice.choice([1, 5000]))


def move(to):
    put(mine)
    timed(os.rename, mine, to)


def link(to):
    put(mine)
    timed(os.link, mine, to)
    timed(os.unlink, mine)


def nest(to):
    timed(os.mkdir, f"{to}-dir")
    put(f"{to}-dir/file")
    timed(os.rename, f"{to}-dir/file", to)
    timed(os.rmdir, f"{to}-dir")


def cross(to):
    timed(os.rename, to, choice.choice(["sub/x", "sub/y"]))


def remove(to):
    timed(os.unlink, to)


def look(to):
    timed(os.stat, to)


def protect(to):
    timed(os.chmod, to, 0o600)


os.makedirs("sub", exist_ok=True)
todo = [put, add, move, link, nest, cross, remove, look, protect]
others_fault = {errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY}
print("here", flush=True)
sys.stdin.readline()

done, wrong = 0, []
end = time.monotonic() + seconds
while time.monotonic() < end:
    what, to = choice.choice(todo), choice.choice(["a", "b", "sub/x", "sub/y"])
    try:
        what(to)
    except OSError as error:
        if error.errno not in others_fault:
            wrong.append(f"{what.__name__} {to}: {error}")
    done += 1
print(json.dumps({"done": done, "slowest": slowest, "wrong": wrong[:5]}))
