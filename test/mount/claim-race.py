"""Claims work on a mount as one of many workers: python3 claim-race.py DIRECTORY WORKER

Waits for a line on standard input, so that all begin at once. Then goes through the items that are ready,
in the order in which they are listed, and claims what it gets. Prints the base name of each.
"""

import errno
import itertools
import os
import sys

directory, worker = sys.argv[1:]
os.chdir(os.path.join(directory, ".nexus/work/ready"))
print("here", flush=True)
sys.stdin.readline()
found = True
while found:
    found = False
    with os.scandir(".") as links:
        # What was listed a while ago is most likely somebody else's by now.
        for link in itertools.islice(links, 64):
            found = True
            try:
                target = os.path.basename(os.readlink(link.name))
                os.setxattr(f"{directory}/race/{target}", "user.claim", worker.encode())
                print(target)
            except OSError as error:
                if error.errno not in (errno.EBUSY, errno.EAGAIN, errno.ENOENT):
                    raise
