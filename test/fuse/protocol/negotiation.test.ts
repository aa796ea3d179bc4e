import { describe, expect, test } from "vitest";
import { INIT_FLAG, NEWEST_MINOR, OLDEST_MINOR } from "../../../src/fuse/protocol/constants.js";
import { type Agreement, negotiate } from "../../../src/fuse/protocol/negotiation.js";
import { Reply } from "../../../src/fuse/protocol/reply.js";
import { Request } from "../../../src/fuse/protocol/request.js";
import { kindOf, messageThrown } from "../../support/error-kind.js";
import { requestBytes } from "../fake-kernel.js";
import { decode, encode, sizeOf } from "../wire/c-struct.js";

const ALL_FLAGS = 0xffff_ffff;

/** What we answer a kernel; one before 5.16 sends 16 bytes only. */
function init(
  kernel: Parameters<typeof encode<"init_in">>[1],
  { bodyBytes = sizeOf("init_in") } = {},
) {
  const body = encode("init_in", kernel).subarray(0, bodyBytes);
  const request = new Request(new ArrayBuffer(4096));
  const bytes = requestBytes({ opcode: "INIT", body: [body] });
  request.buffer.set(bytes);
  request.load(bytes.length);
  const reply = new Reply(4096);
  reply.buffer.fill(0xee);
  const agreement: Agreement | undefined = negotiate(request, reply);
  const answer = reply.buffer.subarray(sizeOf("out_header"), reply.length);
  return { agreement, answer, out: decode("init_out", answer) };
}

describe("INIT", () => {
  test.each([OLDEST_MINOR, 36, NEWEST_MINOR])(
    "agrees on the kernel's minor version 7.%i",
    (minor) => {
      const { out, agreement } = init({ major: 7, minor });
      expect(out).toMatchObject({ major: 7, minor });
      expect(agreement?.minor).toBe(minor);
    },
  );

  test("agrees on our newest minor version when the kernel's is newer", () => {
    expect(init({ major: 7, minor: 99 }).out).toMatchObject({ major: 7, minor: NEWEST_MINOR });
  });

  test("takes the short form of kernels before 5.16", () => {
    expect(init({ major: 7, minor: 31 }, { bodyBytes: 16 }).agreement?.minor).toBe(31);
  });

  test("answers a struct fuse_init_out", () => {
    const { answer, out } = init({ major: 7, minor: 40, max_readahead: 131_072, flags: ALL_FLAGS });
    expect(answer).toHaveLength(sizeOf("init_out"));
    expect(out).toMatchObject({
      max_readahead: 131_072,
      max_write: 1024 * 1024,
      max_pages: 256,
      time_gran: 1,
      map_alignment: 0,
      flags2: 0,
      max_stack_depth: 0,
      request_timeout: 0,
      unused: 0,
    });
    expect(out.congestion_threshold).toBeLessThan(out.max_background);
  });

  test("accepts nothing that the kernel didn't offer", () => {
    expect(init({ major: 7, minor: 40, flags: 0 }).out.flags).toBe(0);
    for (const [name, bit] of Object.entries(INIT_FLAG)) {
      const flags = 2 ** bit;
      const { out, agreement } = init({ major: 7, minor: 40, flags });
      expect([0, flags]).toContain(out.flags);
      expect(agreement?.flags).toEqual(out.flags === 0 ? [] : [name]);
    }
  });

  test("leaves to the kernel what it does better: locks, and no write-back cache of its own", () => {
    const { agreement } = init({ major: 7, minor: 40, flags: ALL_FLAGS });
    for (const unwanted of [
      "POSIX_LOCKS",
      "FLOCK_LOCKS",
      "WRITEBACK_CACHE",
      "POSIX_ACL",
      "NO_OPEN_SUPPORT",
      "NO_OPENDIR_SUPPORT",
      "SETXATTR_EXT",
    ]) {
      expect(agreement?.flags).not.toContain(unwanted);
    }
  });

  test("asks for big requests, quick listings, and set-id bits that are ours to clear", () => {
    const { agreement } = init({ major: 7, minor: 40, flags: ALL_FLAGS });
    expect(agreement?.flags).toEqual(
      expect.arrayContaining([
        "MAX_PAGES",
        "BIG_WRITES",
        "DO_READDIRPLUS",
        "READDIRPLUS_AUTO",
        "ATOMIC_O_TRUNC",
        "HANDLE_KILLPRIV_V2",
        "PARALLEL_DIROPS",
        "ABORT_ERROR",
      ]),
    );
  });

  test("tells a kernel with a newer major version ours, and waits for it to ask again", () => {
    const { agreement, out, answer } = init({ major: 8, minor: 0 });
    expect(agreement).toBeUndefined();
    expect(out).toMatchObject({ major: 7, minor: NEWEST_MINOR, flags: 0 });
    expect(answer).toHaveLength(sizeOf("init_out"));
  });

  test.each([
    [7, OLDEST_MINOR - 1],
    [7, 0],
    [6, 99],
  ])("refuses a kernel that speaks %i.%i, with what it needs", (major, minor) => {
    expect(kindOf(() => init({ major, minor }))).toBe("not-supported");
    expect(messageThrown(() => init({ major, minor }))).toContain(`${major}.${minor}`);
    expect(messageThrown(() => init({ major, minor }))).toContain("Linux 5.4");
  });
});
