"""Makes the tree `sys.argv[1]` of some thousand files with all that a copy has to keep."""
import os
import random
import sys

root = sys.argv[1]
rng = random.Random(7)
os.umask(0)
os.mkdir(root)
files = []
for d in range(60):
    directory = f"{root}/päckage-{d}/src"
    os.makedirs(directory)
    for f in range(35):
        path = f"{directory}/file {f}.txt"
        size = rng.choice([0, 1, 100, 3000, 9000])
        with open(path, "wb") as out:
            out.write(rng.randbytes(size))
        os.chmod(path, rng.choice([0o644, 0o755, 0o600, 0o444, 0o4755]))
        files.append(path)
with open(f"{root}/large", "wb") as out:
    out.write(rng.randbytes(5_000_000))
for n, path in enumerate(rng.sample(files, 200)):
    os.link(path, f"{root}/hard-{n}")
for n in range(200):
    os.symlink(rng.choice(["../large", "päckage-1", "nowhere", "/etc/hostname"]), f"{root}/soft-{n}")
for path in rng.sample(files, 300):
    os.setxattr(path, "user.status", b"ready")
    os.setxattr(path, "user.binary", rng.randbytes(20))
os.mkfifo(f"{root}/fifo")
os.chown(files[0], 1000, 1000)
for directory, names, others in os.walk(root, topdown=False):
    for name in names + others:
        ns = rng.randrange(1_000_000_000 * 10**9, 1_700_000_000 * 10**9)
        os.utime(f"{directory}/{name}", ns=(ns, ns), follow_symlinks=False)
