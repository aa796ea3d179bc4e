import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { errnoOf, errnoOfKind, isTrouble } from "../../src/fuse/errno.js";
import { errnoError } from "../../src/libc/system-error.js";
import { ERROR_KINDS, type ErrorKind, NexusError } from "../../src/model/errors.js";

type Code = keyof typeof constants.errno;

/** What POSIX and Linux have programs expect. */
const EXPECTED: Readonly<Record<ErrorKind, Code>> = {
  "not-found": "ENOENT",
  "already-exists": "EEXIST",
  "not-a-directory": "ENOTDIR",
  "is-a-directory": "EISDIR",
  "directory-not-empty": "ENOTEMPTY",
  "access-denied": "EACCES",
  "not-permitted": "EPERM",
  "read-only": "EROFS",
  "invalid-path": "EINVAL",
  "invalid-encoding": "EILSEQ",
  "invalid-argument": "EINVAL",
  "name-too-long": "ENAMETOOLONG",
  "no-attribute": "ENODATA",
  "precondition-failed": "ECANCELED",
  "attribute-too-large": "E2BIG",
  "buffer-too-small": "ERANGE",
  "not-supported": "EOPNOTSUPP",
  "not-implemented": "ENOSYS",
  "cross-zone": "EXDEV",
  busy: "EBUSY",
  "no-space": "ENOSPC",
  "quota-exceeded": "EDQUOT",
  "file-too-large": "EFBIG",
  "text-busy": "ETXTBSY",
  "too-many-links": "EMLINK",
  "too-many-open-files": "ENFILE",
  "symlink-loop": "ELOOP",
  "bad-handle": "EBADF",
  stale: "ESTALE",
  interrupted: "EINTR",
  "try-again": "EAGAIN",
  "no-such-offset": "ENXIO",
  "out-of-memory": "ENOMEM",
  corrupt: "EIO",
  "io-failure": "EIO",
  "invalid-config": "EINVAL",
  "in-use": "EBUSY",
  closed: "ENOTCONN",
  internal: "EIO",
};

describe("the error number that a program sees", () => {
  test.each(ERROR_KINDS)("of %s is the one that it knows", (kind) => {
    const expected = constants.errno[EXPECTED[kind]];
    expect(errnoOf(new NexusError(kind, "why"))).toBe(expected);
    expect(errnoOfKind(kind)).toBe(expected);
  });

  test.each([
    ["an error of JavaScript", new TypeError("x is not a function")],
    ["a system error of Node's", Object.assign(new Error("no"), { code: "ENOENT", errno: -2 })],
    ["no error at all", "text"],
    ["nothing", undefined],
  ])("of %s is EIO", (_what, error) => {
    expect(errnoOf(error)).toBe(constants.errno.EIO);
  });

  test("of a failure of the host's is the host's, where we know it", () => {
    const kept: Code[] = [
      "ENOENT",
      "EEXIST",
      "ENOTDIR",
      "EISDIR",
      "ENOTEMPTY",
      "EACCES",
      "EPERM",
      "EROFS",
      "EINVAL",
      "ENAMETOOLONG",
      "EOPNOTSUPP",
      "EXDEV",
      "EBUSY",
      "ENOSPC",
      "EDQUOT",
      "EFBIG",
      "EMLINK",
      "ENFILE",
      "ELOOP",
      "EBADF",
      "ESTALE",
      "EINTR",
      "EAGAIN",
      "ENXIO",
      "ENOMEM",
      "EIO",
    ];
    for (const code of kept) {
      const errno = constants.errno[code];
      expect({ code, errno: errnoOf(errnoError(errno, { op: "test" })) }).toEqual({ code, errno });
    }
  });
});

describe("trouble of ours, for the log,", () => {
  test("is what ends in EIO, and nothing else", () => {
    const trouble = ERROR_KINDS.filter((kind) => isTrouble(new NexusError(kind, "why")));
    expect(trouble.toSorted()).toEqual(
      ["corrupt", "internal", "io-failure", "out-of-memory", "too-many-open-files"].toSorted(),
    );
    expect(isTrouble(new RangeError("out of bounds"))).toBe(true);
  });
});
