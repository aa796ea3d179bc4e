// What scripts/bench/memory has done on a mount: Python scripts for a shell, with the numbers that they are for.

/** So many empty files, some in each directory. */
export function makeFiles(count, { inADirectory }) {
  return python(`
for i in range(${count}):
    if i % ${inADirectory} == 0: os.makedirs(f"tree/{i // ${inADirectory}}")
    os.close(os.open(f"tree/{i // ${inADirectory}}/file-number-{i}", os.O_CREAT | os.O_WRONLY))
`);
}

/** A byte into each of them: then reading one takes a content. */
export function fillFiles(count, { inADirectory }) {
  return python(`
for i in range(${count}):
    with open(f"tree/{i // ${inADirectory}}/file-number-{i}", "w") as file: file.write("x")
`);
}

/**
 * All of them open at once, and read, until standard input ends; then says "ready". No process may have so many, so
 * there are several.
 */
export function openFiles(count, { inADirectory }) {
  return python(`
import resource
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
each = min(limit - 100, ${count})
pipes = []
for first in range(0, ${count}, each):
    ready, say = os.pipe()
    if os.fork() == 0:
        files = range(first, min(first + each, ${count}))
        fds = [os.open(f"tree/{i // ${inADirectory}}/file-number-{i}", os.O_RDONLY) for i in files]
        for fd in fds: assert os.read(fd, 2) == b"x"
        os.write(say, b"x")
        sys.stdin.read()
        os._exit(0)
    os.close(say)
    pipes.append(ready)
if not all(os.read(ready, 1) for ready in pipes): sys.exit("a process could not open its files")
print("ready", flush=True)
while True:
    try: os.wait()
    except ChildProcessError: break
`);
}

export function makeSparse(bytes) {
  return python(`
fd = os.open("sparse", os.O_CREAT | os.O_RDWR)
os.pwrite(fd, b"x", 0)
os.pwrite(fd, b"y", ${bytes} - 1)
assert os.fstat(fd).st_size == ${bytes}
os.close(fd)
`);
}

/** Grown by truncating, cut, and grown again, it takes next to nothing on disk. */
export function resizeSparse(bytes) {
  return python(`
fd = os.open("other-size", os.O_CREAT | os.O_RDWR)
for size in (${bytes}, 1, ${bytes} // 2, ${bytes}):
    os.ftruncate(fd, size)
    assert os.fstat(fd).st_size == size
assert os.fstat(fd).st_blocks * 512 < 1 << 20, os.fstat(fd)
assert os.stat("sparse").st_blocks * 512 < 1 << 20, os.stat("sparse")
os.close(fd)
os.unlink("other-size")
`);
}

export function seekHoles(bytes) {
  return python(`
fd = os.open("sparse", os.O_RDONLY)
hole = os.lseek(fd, 0, os.SEEK_HOLE)
data = os.lseek(fd, hole, os.SEEK_DATA)
assert 0 < hole <= 1 << 20 and ${bytes} - (1 << 20) <= data < ${bytes}, (hole, data)
assert os.pread(fd, 1, 0) + os.pread(fd, 1, ${bytes} - 1) == b"xy"
`);
}

/** rewinddir(3), and seekdir(3) to what telldir(3) said at each thousandth entry. */
export function seekInDirectory(path, { entries }) {
  return python(`
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.opendir.restype = libc.readdir.restype = ctypes.c_void_p
libc.telldir.restype = ctypes.c_long
for call in (libc.readdir, libc.telldir, libc.rewinddir): call.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
directory = libc.opendir(b"${path}")
def name():
    entry = libc.readdir(directory)
    return entry and ctypes.string_at(entry + 19)  # struct dirent of Linux on 64 bits
places = {}
count = 0
while True:
    place = libc.telldir(directory) if count % 1000 == 0 else None
    found = name()
    if not found: break
    if place is not None: places[place] = found
    count += 1
assert count == ${entries} + 2, count
for place in reversed(places):
    libc.seekdir(directory, place)
    assert name() == places[place], place
libc.rewinddir(directory)
again = 0
while name(): again += 1
assert again == count, again
`);
}

function python(script) {
  return `exec python3 -c '\nimport os, sys\n${script}'`;
}
