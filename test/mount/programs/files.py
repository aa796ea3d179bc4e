"""What system calls say about files that are long in name, sparse, unlinked or locked."""
import errno
import fcntl
import os


def outcome(call):
    try:
        call()
        return "success"
    except OSError as error:
        return errno.errorcode[error.errno]


def names():
    for name in ["x" * 255, "é" * 127 + "x", "漢" * 85, "x" * 256, "é" * 128]:
        print(len(os.fsencode(name)), outcome(lambda: open(name, "w").close()))
        print(outcome(lambda: os.mkdir(name + "y")), outcome(lambda: os.rename(name, name[:-1])))
    print(sorted(os.listdir(".")) == sorted(["x" * 254, "é" * 127, "漢" * 84]))


def sparse():
    fd = os.open("sparse", os.O_RDWR | os.O_CREAT)
    size, at = 5 << 30, 3 << 30
    os.ftruncate(fd, size)
    os.pwrite(fd, b"data", at)
    stat = os.fstat(fd)
    print(stat.st_size, stat.st_blocks <= 64)
    print([os.lseek(fd, 0, whence) for whence in (os.SEEK_HOLE, os.SEEK_DATA)])
    print(os.lseek(fd, at, os.SEEK_HOLE), outcome(lambda: os.lseek(fd, at + 8192, os.SEEK_DATA)))
    print(os.pread(fd, 6, at - 1), os.pread(fd, 10, size - 3))
    os.unlink("sparse")
    os.close(fd)


def unlinked():
    fd = os.open("gone", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"still here")
    os.unlink("gone")
    os.write(fd, b", and more")
    print(os.fstat(fd).st_nlink, os.pread(fd, 100, 0), os.path.exists("gone"))
    other = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
    os.close(fd)
    print(os.read(other, 100))
    os.close(other)


def locks():
    for name, lock in [("flock", fcntl.flock), ("fcntl", fcntl.lockf)]:
        fd = os.open(name, os.O_RDWR | os.O_CREAT)
        held, release = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            os.close(fd)
            fd = os.open(name, os.O_RDWR)
            lock(fd, fcntl.LOCK_EX)
            os.write(held[1], b"1")
            os.read(release[0], 1)
            os.pwrite(fd, b"by the child", 0)
            os._exit(0)
        os.read(held[0], 1)
        print(name, outcome(lambda: lock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)))
        print(name, outcome(lambda: lock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)))
        os.write(release[1], b"1")
        lock(fd, fcntl.LOCK_EX)
        print(name, "got it", os.pread(fd, 100, 0))
        os.waitpid(child, 0)
        os.close(fd)


for part in (names, sparse, unlinked, locks):
    print(part.__name__)
    part()
