import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { errnoError, fsError } from "../../src/libc/system-error.js";
import { type ErrorKind, NexusError } from "../../src/model/errors.js";

type Code = keyof typeof constants.errno;

const KINDS: readonly (readonly [Code, ErrorKind])[] = [
  ["ENOENT", "not-found"],
  ["EEXIST", "already-exists"],
  ["ENOTDIR", "not-a-directory"],
  ["EISDIR", "is-a-directory"],
  ["ENOTEMPTY", "directory-not-empty"],
  ["EACCES", "access-denied"],
  ["EPERM", "not-permitted"],
  ["EROFS", "read-only"],
  ["EINVAL", "invalid-argument"],
  ["ENAMETOOLONG", "name-too-long"],
  ["EOPNOTSUPP", "not-supported"],
  ["ENOTSUP", "not-supported"],
  ["ENOSYS", "not-supported"],
  ["ENOTTY", "not-supported"],
  ["EXDEV", "cross-zone"],
  ["EBUSY", "busy"],
  ["ENOSPC", "no-space"],
  ["EDQUOT", "quota-exceeded"],
  ["EFBIG", "file-too-large"],
  ["ETXTBSY", "text-busy"],
  ["EMLINK", "too-many-links"],
  ["EMFILE", "too-many-open-files"],
  ["ENFILE", "too-many-open-files"],
  ["ELOOP", "symlink-loop"],
  ["EBADF", "bad-handle"],
  ["ESTALE", "stale"],
  ["EINTR", "interrupted"],
  ["EAGAIN", "try-again"],
  ["EWOULDBLOCK", "try-again"],
  ["ENXIO", "no-such-offset"],
  ["ENOMEM", "out-of-memory"],
  ["EIO", "io-failure"],
  ["ENODEV", "io-failure"],
];

describe("a failure of the host", () => {
  test.each(KINDS)("%s means %s, by its number and by Node's name", (code, kind) => {
    expect(errnoError(constants.errno[code], { op: "read" }).kind).toBe(kind);
    expect(fsError(Object.assign(new Error("no"), { code }), { op: "read" }).kind).toBe(kind);
  });

  test("that nobody has a word for is an I/O failure", () => {
    const listed = new Set(KINDS.map(([code]) => constants.errno[code]));
    for (const [code, errno] of Object.entries(constants.errno)) {
      if (listed.has(errno)) continue;
      expect({ code, kind: errnoError(errno, { op: "read" }).kind }).toEqual({
        code,
        kind: "io-failure",
      });
    }
    expect(errnoError(4711, { op: "read" })).toMatchObject({
      kind: "io-failure",
      message: "read: errno 4711",
    });
  });

  test("says what failed, where, and how", () => {
    const error = errnoError(constants.errno.ENOENT, { op: "unlink", path: "/data/x" });
    expect(error).toMatchObject({
      op: "unlink",
      path: "/data/x",
      message: "unlink /data/x: no such file or directory (ENOENT)",
    });
    expect(errnoError(constants.errno.ENOSPC, { op: "pwrite" }).message).toBe(
      "pwrite: no space left on device (ENOSPC)",
    );
  });
});

describe("what Node throws", () => {
  test("is told with its cause", () => {
    let thrown: unknown;
    try {
      readFileSync("/nowhere/at/all");
    } catch (error) {
      thrown = error;
    }
    const error = fsError(thrown, { op: "read", path: "/nowhere/at/all" });
    expect(error).toMatchObject({
      kind: "not-found",
      message: "read /nowhere/at/all: no such file or directory (ENOENT)",
    });
    expect(error.cause).toBe(thrown);
  });

  test("stays as it is when it's ours already", () => {
    const ours = new NexusError("corrupt", "damaged");
    expect(fsError(ours, { op: "read" })).toBe(ours);
  });

  test.each([new TypeError("x is not a function"), "text", undefined, null, { code: 13 }])(
    "is internal when it's no failure of the system: %s",
    (thrown) => {
      const error = fsError(thrown, { op: "read" });
      expect(error).toMatchObject({ kind: "internal", message: "read failed", op: "read" });
    },
  );
});
