import { type PosixDriver, PosixError, type Whence } from "../conformance/posix-driver.js";

/** How far a hole is read at most. */
const HOLE_BYTES = 1024 * 1024;
const ZEROS = Buffer.alloc(HOLE_BYTES);

/**
 * SEEK_DATA or SEEK_HOLE, as far as they must say the same everywhere: which bytes are a hole is up to the
 * file system, but they read as zeros. Leaves the position at `offset`. Errors: those at the end of the file.
 */
export async function holes(
  driver: PosixDriver,
  { fd, offset, whence }: { fd: number; offset: number; whence: "data" | "hole" },
): Promise<string> {
  const { size } = await driver.fstat(fd);
  const found = await seek(driver, { fd, offset, whence });
  if (found === undefined && offset >= size) throw new PosixError("lseek", "ENXIO");
  const place = await driver.lseek(fd, { offset, whence: "set" });
  if (found !== undefined && found < place) return `found at ${found}, before the offset`;
  if (found !== undefined && found > size) return `found at ${found}, behind the end`;
  if (whence === "data") return await zeros(driver, { fd, from: offset, to: found ?? size });
  if (found === undefined) return "no hole, not even behind the end";
  const data = found === size ? size : await seek(driver, { fd, offset: found, whence: "data" });
  await driver.lseek(fd, { offset, whence: "set" });
  return await zeros(driver, { fd, from: found, to: data ?? size });
}

async function seek(
  driver: PosixDriver,
  { fd, ...request }: { fd: number; offset: number; whence: Whence },
): Promise<number | undefined> {
  return await driver.lseek(fd, request).catch((error: unknown) => {
    if (error instanceof PosixError && error.code === "ENXIO") return undefined;
    throw error;
  });
}

async function zeros(
  driver: PosixDriver,
  { fd, from, to }: { fd: number; from: number; to: number },
): Promise<string> {
  const length = Math.min(to - from, HOLE_BYTES);
  const bytes = await readable(driver.pread(fd, { offset: from, length }));
  if (bytes === undefined || bytes.equals(ZEROS.subarray(0, length))) return "as it must be";
  return `the hole at ${from} doesn't read as ${length} zeros`;
}

/** Undefined for a descriptor that isn't for reading. */
async function readable(bytes: Promise<Buffer>): Promise<Buffer | undefined> {
  return await bytes.catch((error: unknown) => {
    if (error instanceof PosixError && error.code === "EBADF") return undefined;
    throw error;
  });
}
