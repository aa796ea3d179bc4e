"""Changes files below a directory, beside others who do the same: python3 mixed-load.py DIRECTORY SEED SECONDS

Prints what ext4 wouldn't answer. That a name is gone or taken is nobody's fault.
"""

import os
import random
import sys
import time

directory, seed, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
pick = random.Random(seed)
end = time.monotonic() + seconds


def name():
    return f"{directory}/shared{pick.randrange(12)}"


def write():
    with open(name(), "wb") as file:
        file.write(b"x" * pick.randrange(20000))


def append():
    with open(name(), "ab") as file:
        file.write(b"more\n")


def read():
    with open(name(), "rb") as file:
        file.read()


def rewrite():
    own = f"{directory}/own{seed}"
    with open(own, "wb") as file:
        file.write(b"%d" % seed)
    os.replace(own, name())


def stat():
    os.stat(name())


def attribute():
    os.setxattr(name(), "user.k", b"%d" % seed)


def tree():
    own = f"{directory}/tree{seed}"
    os.makedirs(f"{own}/a/b")
    os.rename(f"{own}/a", f"{own}/c")
    os.rmdir(f"{own}/c/b")
    os.rmdir(f"{own}/c")
    os.rmdir(own)


actions = [
    write,
    append,
    read,
    rewrite,
    stat,
    attribute,
    tree,
    lambda: os.unlink(name()),
    lambda: os.link(name(), name()),
    lambda: os.rename(name(), name()),
    lambda: os.listdir(directory),
]
while time.monotonic() < end:
    action = pick.choice(actions)
    try:
        action()
    except (FileNotFoundError, FileExistsError):
        pass
    except OSError as error:
        print(getattr(action, "__name__", "action"), error, flush=True)
