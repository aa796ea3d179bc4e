import koffi from "koffi";
import { bind, lastErrno } from "./library.js";
import { errnoError } from "./system-error.js";

const libcMmap = bind<
  (
    at: null,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ) => unknown
>("void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)");
const libcMunmap = bind<(at: unknown, length: number) => number>(
  "int munmap(void *at, size_t length)",
);

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
/** What mmap(2) returns in place of an address. */
const MAP_FAILED = 2n ** 64n - 1n;

/** A part of a file as memory: what is stored there is in the file at once, for everybody. */
export interface Mapping {
  readonly bytes: Buffer;
  /** Nobody may touch `bytes` from then on: that would end the process. */
  unmap(): void;
}

/**
 * mmap(2), shared, from the start of a file. The file must be that long and stay so, and have its blocks:
 * a store beyond them, or one that finds no block, is SIGBUS. Errors: `io-failure` (also where the file
 * system maps nothing), `bad-handle`, `out-of-memory`, `try-again`.
 */
export function mapFile(fd: number, { length }: { length: number }): Mapping {
  const address = libcMmap(null, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (koffi.address(address) === MAP_FAILED) throw errnoError(lastErrno(), { op: "mmap" });
  return {
    bytes: Buffer.from(koffi.view(address, length)),
    unmap: () => {
      if (libcMunmap(address, length) !== 0) throw errnoError(lastErrno(), { op: "munmap" });
    },
  };
}
