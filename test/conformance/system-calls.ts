import koffi from "koffi";
import { bind } from "../../src/libc/library.js";

// The C library's functions that the system driver calls. Paths go as bytes that end in NUL; what a
// call fills in is a typed array. Layouts are the kernel's, the same on x86-64 and arm64.

koffi.struct("posix_iovec", { base: "void *", length: "size_t" });

type Bytes = Uint8Array;
type Call<A extends unknown[]> = (...args: A) => number;
type BigCall<A extends unknown[]> = (...args: A) => number | bigint;

export const libc = {
  open: bind<Call<[Bytes, number, number]>>("int open(const void *path, int flags, uint32_t mode)"),
  openat: bind<Call<[number, Bytes, number, number]>>(
    "int openat(int at, const void *path, int flags, uint32_t mode)",
  ),
  close: bind<Call<[number]>>("int close(int fd)"),
  read: bind<Call<[number, Bytes, number]>>("int64_t read(int fd, void *to, size_t size)"),
  write: bind<Call<[number, Bytes, number]>>(
    "int64_t write(int fd, const void *from, size_t size)",
  ),
  pread: bind<Call<[number, Bytes, number, number]>>(
    "int64_t pread(int fd, void *to, size_t size, int64_t at)",
  ),
  pwrite: bind<Call<[number, Bytes, number, number]>>(
    "int64_t pwrite(int fd, const void *from, size_t size, int64_t at)",
  ),
  pwritev2: bind<Call<[number, { base: Bytes; length: number }[], number, number, number]>>(
    "int64_t pwritev2(int fd, const posix_iovec *vectors, int count, int64_t at, int flags)",
  ),
  setStatusFlags: bind<Call<[number, number, number]>>(
    "int fcntl(int fd, int command, long flags)",
  ),
  lseek: bind<BigCall<[number, number | bigint, number]>>(
    "int64_t lseek(int fd, int64_t offset, int whence)",
  ),
  truncate: bind<Call<[Bytes, number]>>("int truncate(const void *path, int64_t size)"),
  ftruncate: bind<Call<[number, number]>>("int ftruncate(int fd, int64_t size)"),
  fallocate: bind<Call<[number, number, number, number]>>(
    "int fallocate(int fd, int mode, int64_t at, int64_t length)",
  ),
  copyFileRange: bind<
    Call<[number, BigInt64Array | null, number, BigInt64Array | null, number, number]>
  >(
    "int64_t copy_file_range(int from, void *fromAt, int to, void *toAt, size_t size, unsigned int flags)",
  ),
  fsync: bind<Call<[number]>>("int fsync(int fd)"),
  fdatasync: bind<Call<[number]>>("int fdatasync(int fd)"),
  posixFadvise: bind<Call<[number, number, number, number]>>(
    "int posix_fadvise(int fd, int64_t at, int64_t length, int advice)",
  ),
  statx: bind<Call<[number, Bytes, number, number, Bytes]>>(
    "int statx(int at, const void *path, int flags, unsigned int mask, void *stat)",
  ),
  access: bind<Call<[Bytes, number]>>("int access(const void *path, int mode)"),
  statvfs: bind<Call<[Bytes, BigUint64Array]>>("int statvfs(const void *path, void *stat)"),
  chmod: bind<Call<[Bytes, number]>>("int chmod(const void *path, uint32_t mode)"),
  fchmod: bind<Call<[number, number]>>("int fchmod(int fd, uint32_t mode)"),
  chown: bind<Call<[Bytes, number, number]>>("int chown(const void *path, int uid, int gid)"),
  lchown: bind<Call<[Bytes, number, number]>>("int lchown(const void *path, int uid, int gid)"),
  fchown: bind<Call<[number, number, number]>>("int fchown(int fd, int uid, int gid)"),
  utimensat: bind<Call<[number, Bytes, BigInt64Array, number]>>(
    "int utimensat(int at, const void *path, const void *times, int flags)",
  ),
  futimens: bind<Call<[number, BigInt64Array]>>("int futimens(int fd, const void *times)"),
  umask: bind<Call<[number]>>("uint32_t umask(uint32_t mask)"),
  mkdir: bind<Call<[Bytes, number]>>("int mkdir(const void *path, uint32_t mode)"),
  rmdir: bind<Call<[Bytes]>>("int rmdir(const void *path)"),
  unlink: bind<Call<[Bytes]>>("int unlink(const void *path)"),
  rename: bind<Call<[Bytes, Bytes]>>("int rename(const void *from, const void *to)"),
  renameat2: bind<Call<[number, Bytes, number, Bytes, number]>>(
    "int renameat2(int at, const void *from, int toAt, const void *to, unsigned int flags)",
  ),
  link: bind<Call<[Bytes, Bytes]>>("int link(const void *from, const void *to)"),
  linkat: bind<Call<[number, Bytes, number, Bytes, number]>>(
    "int linkat(int at, const void *from, int toAt, const void *to, int flags)",
  ),
  symlink: bind<Call<[Bytes, Bytes]>>("int symlink(const void *target, const void *path)"),
  readlink: bind<Call<[Bytes, Bytes, number]>>(
    "int64_t readlink(const void *path, void *to, size_t size)",
  ),
  mknod: bind<Call<[Bytes, number, number]>>(
    "int mknod(const void *path, uint32_t mode, uint64_t device)",
  ),
  getdents64: bind<Call<[number, Bytes, number]>>(
    "int64_t getdents64(int fd, void *to, size_t size)",
  ),
  getxattr: bind<Call<[Bytes, Bytes, Bytes, number]>>(
    "int64_t getxattr(const void *path, const void *name, void *to, size_t size)",
  ),
  lgetxattr: bind<Call<[Bytes, Bytes, Bytes, number]>>(
    "int64_t lgetxattr(const void *path, const void *name, void *to, size_t size)",
  ),
  fgetxattr: bind<Call<[number, Bytes, Bytes, number]>>(
    "int64_t fgetxattr(int fd, const void *name, void *to, size_t size)",
  ),
  setxattr: bind<Call<[Bytes, Bytes, Bytes, number, number]>>(
    "int setxattr(const void *path, const void *name, const void *from, size_t size, int flags)",
  ),
  lsetxattr: bind<Call<[Bytes, Bytes, Bytes, number, number]>>(
    "int lsetxattr(const void *path, const void *name, const void *from, size_t size, int flags)",
  ),
  fsetxattr: bind<Call<[number, Bytes, Bytes, number, number]>>(
    "int fsetxattr(int fd, const void *name, const void *from, size_t size, int flags)",
  ),
  listxattr: bind<Call<[Bytes, Bytes, number]>>(
    "int64_t listxattr(const void *path, void *to, size_t size)",
  ),
  llistxattr: bind<Call<[Bytes, Bytes, number]>>(
    "int64_t llistxattr(const void *path, void *to, size_t size)",
  ),
  removexattr: bind<Call<[Bytes, Bytes]>>("int removexattr(const void *path, const void *name)"),
  fremovexattr: bind<Call<[number, Bytes]>>("int fremovexattr(int fd, const void *name)"),
} as const;
