"""Fills a file system until it refuses 40 files: python3 fill-disk.py DIRECTORY LEAST_BYTES MOST_BYTES

Then tries what takes room, and what takes none. Prints JSON: what each file has that was made ("size hash"), and
the errors of each kind of call.
"""

import errno
import hashlib
import json
import mmap
import os
import random
import sys

directory, least, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
pick = random.Random(1)
files, errors = {}, {}


def attempt(what, call):
    try:
        call()
        errors.setdefault(what, [])
    except OSError as error:
        errors.setdefault(what, []).append(errno.errorcode[error.errno])
        return False
    return True


def make(path, data):
    fd = os.open(path, os.O_CREAT | os.O_WRONLY, 0o644)
    done = 0
    try:
        while done < len(data):
            done += os.write(fd, data[done:])
    finally:
        files[path] = f"{done} {hashlib.sha256(data[:done]).hexdigest()}"
        os.close(fd)


number, refused = 0, 0
while refused < 40:
    number += 1
    data = os.urandom(pick.randint(least, most))
    if not attempt("write", lambda: make(f"{directory}/file{number}", data)):
        refused += 1

whole = [path for path, has in files.items() if int(has.split()[0]) >= least]
one, other, third, gone = whole[:4]


def change(path, call):
    fd = os.open(path, os.O_RDWR)
    try:
        call(fd)
    finally:
        os.close(fd)


def through_mapping(fd):
    with mmap.mmap(fd, 0) as mapped:
        mapped[0:5] = b"01234"
        mapped.flush()


ROOMY = {
    "mkdir": lambda: os.mkdir(f"{directory}/directory"),
    "symlink": lambda: os.symlink("target", f"{directory}/symlink"),
    "link": lambda: os.link(one, f"{directory}/link"),
    "setxattr": lambda: os.setxattr(one, "user.a", b"x" * 1000),
    "truncate": lambda: os.truncate(one, most + 500_000),
    "append": lambda: change(one, lambda fd: os.pwrite(fd, b"x", os.fstat(fd).st_size)),
    "mapping": lambda: change(one, through_mapping),
    "fallocate": lambda: change(one, lambda fd: os.posix_fallocate(fd, 0, most + 500_000)),
    "copy": lambda: change(one, lambda fd: os.copy_file_range(fd, fd, 10, 0, most)),
}
FREE = {
    "rename": lambda: os.rename(other, f"{other} renamed"),
    "chmod": lambda: os.chmod(third, 0o600),
    "truncate to nothing": lambda: os.truncate(third, 0),
    "unlink": lambda: os.unlink(gone),
    "fsync": lambda: change(one, os.fsync),
}
for what, call in {**ROOMY, **FREE}.items():
    attempt(what, call)
files[f"{other} renamed"] = files.pop(other)
files[third] = f"0 {hashlib.sha256(b'').hexdigest()}"
del files[gone]
# The kernel keeps what a mapping has changed, also where it couldn't be written.
del files[one]
print(json.dumps({"files": files, "errors": errors, "roomy": list(ROOMY), "free": list(FREE)}))
