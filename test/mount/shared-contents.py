"""Writes, shares and removes a few contents in the working directory for so many seconds, and makes strays of the same
ones in the data directory; ends with an error when a file hasn't what was written to it."""
import hashlib
import os
import random
import sys
import time

deadline = time.monotonic() + float(sys.argv[1])
data_dir = sys.argv[2]
random.seed(11)
contents = [str(n).encode() * random.choice((3, 1000, 100_000)) for n in range(16)]
held = {}
written = strays = 0


def stray(content):
    """As a power failure leaves it: a content whose row is gone."""
    name = hashlib.sha256(content).hexdigest()
    directory = f"{data_dir}/cas/{name[:2]}/{name[2:4]}"
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        file = os.open(f"{directory}/{name}.tmp", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o444)
        os.write(file, content)
        os.close(file)
        # Only where there is none: the daemon's own isn't to be touched.
        os.link(f"{directory}/{name}.tmp", f"{directory}/{name}")
        return 1
    except (FileExistsError, FileNotFoundError):
        return 0
    finally:
        try:
            os.unlink(f"{directory}/{name}.tmp")
        except FileNotFoundError:
            pass


def check(name):
    with open(name, "rb") as file:
        found = file.read()
    if found != held[name]:
        sys.exit(f"{name} has {len(found)} bytes, and {len(held[name])} others were written")


while time.monotonic() < deadline:
    for _ in range(30):
        name = f"shared{random.randrange(24)}"
        content = random.choice(contents)
        choice = random.random()
        if choice < 0.5:
            with open(name, "wb") as file:
                file.write(content)
            held[name] = content
            written += 1
        elif choice < 0.75 and name in held:
            os.unlink(name)
            del held[name]
        elif name in held:
            check(name)
        strays += stray(random.choice(contents)) + stray(os.urandom(8))
    # Long enough for some of it to be sealed, and for what has no file to go.
    time.sleep(random.choice((0.01, 0.2, 1.1)))
for name in held:
    check(name)
print(f"{written} written, {strays} strays")
