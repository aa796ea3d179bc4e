"""Changes the working directory for so many seconds in all ways that a store has counts and contents for."""
import os
import random
import sys
import time

deadline = time.monotonic() + float(sys.argv[1])
random.seed(7)
for name in ("one", "two"):
    os.makedirs(name, exist_ok=True)


def some():
    return f"{random.choice(('one', 'two'))}/{random.randrange(40)}"


def write():
    with open(some(), "w") as file:
        # Few contents, so that they come, are shared, and go.
        file.write(str(random.randrange(12)) * random.choice((1, 1000, 100_000)))


def quietly(change):
    try:
        change()
    except OSError as error:
        if error.errno == 5:
            raise  # EIO is never part of it


changes = [
    write,
    write,
    lambda: os.unlink(some()),
    lambda: os.rename(some(), some()),
    lambda: os.link(some(), some()),
    lambda: os.truncate(some(), random.randrange(3000)),
    lambda: os.setxattr(some(), "user.status", random.choice((b"ready", b"pending", b"completed"))),
    lambda: os.removexattr(some(), "user.status"),
    lambda: open(some()).read(),
    lambda: os.mkdir(f"{some()}.d"),
    lambda: os.rmdir(f"{some()}.d"),
]
while time.monotonic() < deadline:
    quietly(random.choice(changes))
    if random.random() < 0.01:
        # Long enough for what was closed to be sealed.
        time.sleep(0.3)
