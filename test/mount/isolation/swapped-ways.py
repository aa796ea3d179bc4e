"""Follows a name that another process swaps all the while: python3 swapped-ways.py OWN FOREIGN SECONDS

OWN is a directory of the caller's, FOREIGN one that it may not enter. A child swaps, as one step, the directory OWN/way
with a link to FOREIGN. Prints as JSON what each kind of call came to: the text that it read, or an errno's name.
It goes on for SECONDS, and longer on a busy machine: until each call has met both, or that has taken far too long.
"""

import ctypes
import errno
import json
import os
import signal
import sys
import time

own, foreign, seconds = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), float(sys.argv[3])
FAR_TOO_LONG_S = 30
RENAME_EXCHANGE, AT_FDCWD, AT_SYMLINK_FOLLOW = 2, -100, 0x400
libc = ctypes.CDLL(None, use_errno=True)
os.chdir(own)
os.mkdir("way")
with open("way/file", "w") as file:
    file.write("mine")
os.symlink(foreign, "link-to-foreign")

swapper = os.fork()
if swapper == 0:
    while True:
        libc.renameat2(AT_FDCWD, b"way", AT_FDCWD, b"link-to-foreign", RENAME_EXCHANGE)


def read():
    with open("way/file") as file:
        return file.read()


def write():
    # The one way to see where it went is what the other place has at the end.
    with open("way/file", "r+") as file:
        file.write("mine")


def link():
    os.link("way/file", "linked")
    with open("linked") as file:
        text = file.read()
    os.unlink("linked")
    return text


def rename():
    os.rename("way/file", "moved")
    try:
        with open("moved") as file:
            return file.read()
    finally:
        back()


def back():
    while True:
        try:
            return os.rename("moved", "way/file")
        except PermissionError:
            continue


def hold():
    directory = os.open("way", os.O_PATH)
    try:
        with open(f"/proc/self/fd/{directory}/file") as file:
            return file.read()
    finally:
        os.close(directory)


calls = {
    "read": read,
    "write": write,
    "link": link,
    "rename": rename,
    "through a descriptor": hold,
    "stat": lambda: str(os.stat("way/file").st_size),
    "list": lambda: " ".join(sorted(os.listdir("way"))),
    "make": lambda: os.close(os.open("way/file", os.O_CREAT | os.O_WRONLY)),
    "attribute": lambda: os.getxattr("way/file", "user.status").decode(),
}
outcomes = {name: {} for name in calls}
began = time.monotonic()


def is_over():
    took = time.monotonic() - began
    return took > seconds and (took > seconds + FAR_TOO_LONG_S or all(len(met) > 1 for met in outcomes.values()))


try:
    while not is_over():
        for name, call in calls.items():
            try:
                outcome = call() or "done"
            except OSError as error:
                outcome = errno.errorcode[error.errno]
            outcomes[name][outcome] = outcomes[name].get(outcome, 0) + 1
finally:
    os.kill(swapper, signal.SIGKILL)
    os.waitpid(swapper, 0)
print(json.dumps(outcomes))
