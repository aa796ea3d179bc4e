"""20,000 entries in one directory, listed while entries come and go."""
import os
import subprocess

COUNT = 20_000
os.mkdir("crowd")
for n in range(COUNT):
    os.close(os.open(f"crowd/file-{n}", os.O_WRONLY | os.O_CREAT))
print(len(os.listdir("crowd")), subprocess.check_output("ls crowd | wc -l", shell=True).strip())

# Every third one goes and others come while the listing is under way.
seen = []
with os.scandir("crowd") as entries:
    for n, entry in enumerate(entries):
        seen.append(entry.name)
        if n < 2000:
            os.unlink(f"crowd/file-{n * 3}")
            os.close(os.open(f"crowd/new-{n}", os.O_WRONLY | os.O_CREAT))
gone = {f"file-{n * 3}" for n in range(2000)}
stayed = {f"file-{n}" for n in range(COUNT)} - gone
print("twice:", len(seen) - len(set(seen)), "missed:", len(stayed - set(seen)))
now = set(os.listdir("crowd"))
print(now == stayed | {f"new-{n}" for n in range(2000)}, len(now))
os.rename("crowd/file-1", "crowd/file-2")
print(len(os.listdir("crowd")))
subprocess.check_call(["rm", "-rf", "crowd"])
print(os.listdir("."))
