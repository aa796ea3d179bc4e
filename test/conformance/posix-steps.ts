import { compareTimestamps, type Timestamp } from "../../src/model/timestamp.js";
import { type DirectoryEntry, O, type PosixDriver, type PosixPath } from "./posix-driver.js";

// Steps that many cases take, each a few system calls.

/** Large enough for some entries at a time, and for any one. */
const LISTING_BYTES = 32 * 1024;
const READ_BYTES = 128 * 1024;

/** Makes a file with this content, or replaces the content that it has. */
export async function put(
  driver: PosixDriver,
  { path, data = "", mode = 0o644 }: { path: PosixPath; data?: string | Uint8Array; mode?: number },
): Promise<void> {
  await withFile(driver, { path, flags: O.WRONLY | O.CREAT | O.TRUNC, mode }, (fd) =>
    writeAll(driver, { fd, data: Buffer.from(data) }),
  );
}

/** Writes all of it at the position, as a program does: a call may take less. */
export async function writeAll(
  driver: PosixDriver,
  { fd, data }: { fd: number; data: Uint8Array },
): Promise<void> {
  for (let done = 0; done < data.length; ) done += await driver.write(fd, data.subarray(done));
}

/** The whole content of a file. */
export async function contentOf(driver: PosixDriver, path: PosixPath): Promise<Buffer> {
  return await withFile(driver, { path, flags: O.RDONLY }, (fd) => contentOfOpen(driver, fd));
}

export async function textOf(driver: PosixDriver, path: PosixPath): Promise<string> {
  return (await contentOf(driver, path)).toString("utf8");
}

/** The whole content of an open file. */
export async function contentOfOpen(driver: PosixDriver, fd: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let offset = 0; ; ) {
    const piece = await driver.pread(fd, { offset, length: READ_BYTES });
    if (piece.length === 0) return Buffer.concat(pieces);
    pieces.push(piece);
    offset += piece.length;
  }
}

/** Opens, uses and closes. */
export async function withFile<T>(
  driver: PosixDriver,
  { path, flags, mode }: { path: PosixPath; flags: number; mode?: number },
  use: (fd: number) => Promise<T>,
): Promise<T> {
  const fd = await driver.open(path, mode === undefined ? { flags } : { flags, mode });
  try {
    return await use(fd);
  } finally {
    await driver.close(fd);
  }
}

/** The entries of a directory but `.` and `..`, in the order of the listing. */
export async function entriesOf(driver: PosixDriver, path: PosixPath): Promise<DirectoryEntry[]> {
  const all = await listing(driver, path);
  return all.filter(({ name }) => name !== "." && name !== "..");
}

/** The names in a directory but `.` and `..`, sorted. */
export async function namesIn(driver: PosixDriver, path: PosixPath): Promise<string[]> {
  return (await entriesOf(driver, path)).map(({ name }) => name).sort();
}

/** All entries of a directory, read in pages of so many bytes. */
export async function listing(
  driver: PosixDriver,
  path: PosixPath,
  { pageBytes = LISTING_BYTES }: { pageBytes?: number } = {},
): Promise<DirectoryEntry[]> {
  return await withFile(driver, { path, flags: O.RDONLY | O.DIRECTORY }, async (fd) => {
    const all: DirectoryEntry[] = [];
    for (;;) {
      const page = await driver.getdents64(fd, pageBytes);
      if (page.length === 0) return all;
      all.push(...page);
    }
  });
}

export async function exists(driver: PosixDriver, path: PosixPath): Promise<boolean> {
  return await driver.lstat(path).then(
    () => true,
    () => false,
  );
}

export async function inoOf(driver: PosixDriver, path: PosixPath): Promise<number> {
  return (await driver.lstat(path)).ino;
}

export async function nlinkOf(driver: PosixDriver, path: PosixPath): Promise<number> {
  return (await driver.lstat(path)).nlink;
}

/** The permission bits, with set-id and sticky. */
export async function permissionsOf(driver: PosixDriver, path: PosixPath): Promise<number> {
  return (await driver.lstat(path)).mode & 0o7777;
}

/**
 * Brings a content to its place of rest, where the file system has one: Nexus hashes a file that is
 * asked for its etag. What is read and written afterwards takes another way than before.
 */
export async function settle(driver: PosixDriver, path: PosixPath): Promise<void> {
  await driver.getxattr(path, { name: "user.nexus.etag" }).catch(() => undefined);
}

/**
 * Waits until the file system's clock has moved on, by giving the file `path` the current time over
 * and over: kernels keep time in ticks of some milliseconds.
 */
export async function tick(driver: PosixDriver, path: PosixPath): Promise<void> {
  const touch = async (): Promise<Timestamp> => {
    await driver.utimensat(path, { atime: "now", mtime: "now" });
    return (await driver.lstat(path)).mtime;
  };
  const start = await touch();
  while (compareTimestamps(await touch(), start) <= 0);
}

/** Takes away a directory's contents. What resists stays. */
export async function removeTree(driver: PosixDriver, path: string): Promise<void> {
  for (const { name, type } of await entriesOf(driver, path).catch(() => [])) {
    const child = `${path}/${name}`;
    if (type === 4) await removeTree(driver, child);
    else await driver.unlink(child).catch(() => undefined);
  }
  await driver.rmdir(path).catch(() => undefined);
}

/** Bytes that tell where they are: no two stretches of a content are alike. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  const next = randomNumbers(seed);
  for (let at = 0; at < length; at++) bytes[at] = next() & 0xff;
  return bytes;
}

/** The same numbers for the same seed, 0 to 2^32 - 1: mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}
