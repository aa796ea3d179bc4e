"""Makes, renames and removes names in a directory until that fails: python3 until-error.py DIRECTORY NAME

Prints the name of the error; what fails because somebody else was quicker isn't one.
"""

import errno
import os
import sys

directory, name = sys.argv[1:]
mine, common = os.path.join(directory, name), os.path.join(directory, "common")
os.makedirs(directory, exist_ok=True)
print("here", flush=True)
sys.stdin.readline()
try:
    while True:
        os.close(os.open(mine, os.O_CREAT | os.O_WRONLY))
        os.rename(mine, common)
        try:
            os.unlink(common)
        except FileNotFoundError:
            pass
except OSError as error:
    print(errno.errorcode[error.errno])
