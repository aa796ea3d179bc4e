import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { NexusError } from "../../../src/model/errors.js";
import type { ReadRequest } from "../../../src/vfs/file-system.js";
import { bytesOfLength } from "../../support/bytes.js";
import { entryOf } from "../fake-file-system.js";
import { FakeKernel } from "../fake-kernel.js";
import { decode, encode, sizeOf } from "../wire/c-struct.js";

const { EIO, EINVAL, ENOSPC, EOPNOTSUPP } = constants.errno;
const MIB = 1024 * 1024;
const FAR = 2 ** 43 + 1;

describe("OPEN", () => {
  // fcntl.h of Linux, which gives these the same numbers on x86-64 and arm64.
  const PLAIN = { truncate: false, noAtime: false, killSetId: false };
  test.each([
    ["O_RDONLY", 0, { access: "read" }],
    ["O_WRONLY", 0o1, { access: "write" }],
    ["O_RDWR", 0o2, { access: "both" }],
    ["O_WRONLY|O_TRUNC", 0o1001, { access: "write", truncate: true }],
    ["O_RDWR|O_APPEND", 0o2002, { access: "both" }],
    ["__FMODE_EXEC", 0o100040, { access: "execute" }],
    ["O_NOATIME", 0o1000000, { access: "read", noAtime: true }],
    ["O_LARGEFILE|O_CLOEXEC|O_SYNC", 0o6110000, { access: "read" }],
  ])("with %s asks for just that", (_what, flags, expected) => {
    const kernel = new FakeKernel();
    kernel.ask({ opcode: "OPEN", node: 6, body: [encode("open_in", { flags })] });
    expect(kernel.requestsTo("open")).toEqual([{ ino: 6, flags: { ...PLAIN, ...expected } }]);
  });

  test("says when the caller may not keep set-id bits", () => {
    const kernel = new FakeKernel();
    kernel.ask({ opcode: "OPEN", body: [encode("open_in", { flags: 0o1001, open_flags: 1 })] });
    expect(kernel.requestsTo("open")).toMatchObject([{ flags: { killSetId: true } }]);
  });

  test("answers the handle, and that the kernel may keep what it has of the file", () => {
    const kernel = new FakeKernel({ open: () => ({ handle: 2 ** 33 + 1 }) });
    const { body } = kernel.ask({ opcode: "OPEN", body: [encode("open_in", {})] });
    expect(body).toHaveLength(sizeOf("open_out"));
    expect(decode("open_out", body)).toEqual({ fh: 2 ** 33 + 1, open_flags: 2, padding: 0 });
  });
});

describe("CREATE and TMPFILE", () => {
  const body = encode("create_in", { flags: 0o302, mode: 0o100640, umask: 0o27, open_flags: 1 });
  const flags = { access: "both", truncate: false, noAtime: false, killSetId: true };

  test("make a file and open it", () => {
    const kernel = new FakeKernel();
    kernel.ask({ opcode: "CREATE", node: 5, body: [body, "new"] });
    kernel.ask({ opcode: "TMPFILE", node: 5, body: [body, "/"] });
    const request = { mode: 0o100640, flags, exclusive: true };
    expect(kernel.requestsTo("create")).toEqual([{ ...request, parent: 5, name: "new" }]);
    expect(kernel.requestsTo("tmpfile")).toEqual([{ ...request, ino: 5 }]);
  });

  test.each(["CREATE", "TMPFILE"] as const)("answer the entry, then the handle: %s", (opcode) => {
    const made = () => ({ entry: entryOf(55), opened: { handle: 66 } });
    const answer = new FakeKernel({ create: made, tmpfile: made }).ask({
      opcode,
      body: [body, "n"],
    });
    expect(answer.body).toHaveLength(sizeOf("entry_out") + sizeOf("open_out"));
    expect(decode("entry_out", answer.body)).toMatchObject({ nodeid: 55, ino: 55 });
    expect(decode("open_out", answer.body.subarray(sizeOf("entry_out")))).toMatchObject({ fh: 66 });
  });

  test("aren't exclusive without O_EXCL", () => {
    const kernel = new FakeKernel();
    const plain = encode("create_in", { flags: 0o101, mode: 0o100600 });
    kernel.ask({ opcode: "CREATE", body: [plain, "new"] });
    expect(kernel.requestsTo("create")).toMatchObject([{ exclusive: false }]);
  });
});

describe("READ", () => {
  const content = bytesOfLength(MIB);
  const read = (size: number, available = size) => {
    const kernel = new FakeKernel({
      read: (_caller, { into }: ReadRequest) => content.copy(into, 0, 0, available),
    });
    const body = [encode("read_in", { fh: 9, offset: FAR, size })];
    return { kernel, answer: kernel.ask({ opcode: "READ", body }) };
  };

  test.each([0, 1, 4095, 4096, MIB])("answers the %i bytes that were asked for", (size) => {
    const { kernel, answer } = read(size);
    expect(answer.body.equals(content.subarray(0, size))).toBe(true);
    expect(kernel.requestsTo("read")).toMatchObject([{ handle: 9, offset: FAR }]);
    expect((kernel.requestsTo("read")[0] as ReadRequest).into).toHaveLength(size);
  });

  test("answers fewer bytes at the end of the file", () => {
    expect(read(4096, 10).answer.body).toEqual(content.subarray(0, 10));
    expect(read(4096, 0).answer.body).toHaveLength(0);
  });

  test("of more than was agreed on is malformed", () => {
    const { kernel, answer } = read(2 ** 32 - 1);
    expect(answer.errno).toBe(EIO);
    expect(kernel.calls).toEqual([]);
  });
});

describe("WRITE", () => {
  const write = (data: Buffer, changed: Parameters<typeof encode<"write_in">>[1] = {}) => {
    const kernel = new FakeKernel();
    const fixed = encode("write_in", { fh: 9, offset: FAR, size: data.length, ...changed });
    return { kernel, answer: kernel.ask({ opcode: "WRITE", body: [fixed, data] }) };
  };

  test.each([0, 1, 4097, MIB])("hands over %i bytes and answers how many", (size) => {
    const data = bytesOfLength(size);
    const { kernel, answer } = write(data);
    const [request] = kernel.requestsTo("write") as { data: Buffer }[];
    expect(request).toMatchObject({ handle: 9, offset: FAR, killSetId: false });
    expect(request?.data.equals(data)).toBe(true);
    expect(answer.body).toHaveLength(sizeOf("write_out"));
    expect(decode("write_out", answer.body)).toEqual({ size, padding: 0 });
  });

  test.each([
    [1, { killSetId: false }],
    [2, { killSetId: false }],
    [4, { killSetId: true }],
    [5, { killSetId: true }],
  ])(
    "with the write flags %i says whether the caller may keep set-id bits",
    (write_flags, expected) => {
      const { kernel } = write(Buffer.from("x"), { write_flags });
      expect(kernel.requestsTo("write")).toMatchObject([expected]);
    },
  );

  test.each([0o2001, 0o2002])(
    "goes where it says, in a file opened with the flags %i too",
    (flags) => {
      const { kernel } = write(Buffer.from("x"), { flags });
      expect(kernel.requestsTo("write")).toMatchObject([{ offset: FAR }]);
    },
  );

  describe("on a disk with room for 70000 bytes", () => {
    const roomBytes = 70_000;
    const tight = (length: number, changed: Parameters<typeof encode<"write_in">>[1] = {}) => {
      const kernel = new FakeKernel({
        write: (_, { data }) => {
          if (data.length > roomBytes) throw new NexusError("no-space", "the disk is full");
          return FAR;
        },
      });
      const fixed = encode("write_in", { fh: 9, offset: FAR, size: length, ...changed });
      const answer = kernel.ask({ opcode: "WRITE", body: [fixed, bytesOfLength(length)] });
      return { answer, tried: kernel.requestsTo("write") as { data: Buffer }[] };
    };

    test.each([
      [70_000, 70_000],
      [70_001, 32_768],
      [MIB, 65_536],
    ])("takes of %i bytes what fits, from the first on, and says so", (length, taken) => {
      const { answer, tried } = tight(length);
      expect(decode("write_out", answer.body)).toEqual({ size: taken, padding: 0 });
      expect(tried.at(-1)?.data.equals(bytesOfLength(length).subarray(0, taken))).toBe(true);
    });

    test("takes the pages of a mapping all or not at all: the kernel wouldn't notice", () => {
      const { answer, tried } = tight(MIB, { write_flags: 1 });
      expect(answer.errno).toBe(ENOSPC);
      expect(tried).toHaveLength(1);
    });
  });

  test("is refused as the disk is full, in the end", () => {
    const write = () => {
      throw new NexusError("no-space", "the disk is full");
    };
    const kernel = new FakeKernel({ write });
    const fixed = encode("write_in", { fh: 9, offset: FAR, size: MIB });
    const answer = kernel.ask({ opcode: "WRITE", body: [fixed, bytesOfLength(MIB)] });
    expect(answer.errno).toBe(ENOSPC);
    const sizes = (kernel.requestsTo("write") as { data: Buffer }[]).map(({ data }) => data.length);
    expect(sizes.at(-1)).toBe(4096);
  });

  test("with fewer bytes than it says writes nothing", () => {
    const { kernel, answer } = write(Buffer.from("four"), { size: 5 });
    expect(answer.errno).toBe(EIO);
    expect(kernel.calls).toEqual([]);
  });
});

describe("FALLOCATE", () => {
  const allocate = (mode: number) => {
    const kernel = new FakeKernel();
    const body = [encode("fallocate_in", { fh: 9, offset: FAR, length: 77, mode })];
    return { kernel, answer: kernel.ask({ opcode: "FALLOCATE", body }) };
  };

  test.each([
    [0, "extend"],
    [1, "keep-size"],
    [3, "punch-hole"],
    [0x10, "zero"],
    [0x11, "zero-keep-size"],
  ])("with the mode %i means %s", (mode, name) => {
    expect(allocate(mode).kernel.requestsTo("fallocate")).toEqual([
      { handle: 9, offset: FAR, length: 77, mode: name },
    ]);
  });

  test.each([2, 8, 0x20, 0x40, 0x13])("with the mode %i is not supported", (mode) => {
    const { kernel, answer } = allocate(mode);
    expect(answer.errno).toBe(EOPNOTSUPP);
    expect(kernel.calls).toEqual([]);
  });
});

describe("LSEEK", () => {
  test.each([
    [3, "data"],
    [4, "hole"],
  ])("from %i looks for %s", (whence, to) => {
    const kernel = new FakeKernel({ lseek: () => FAR + 1 });
    const body = [encode("lseek_in", { fh: 9, offset: FAR, whence })];
    const answer = kernel.ask({ opcode: "LSEEK", body });
    expect(kernel.requestsTo("lseek")).toEqual([{ handle: 9, offset: FAR, to }]);
    expect(answer.body).toHaveLength(sizeOf("lseek_out"));
    expect(decode("lseek_out", answer.body)).toEqual({ offset: FAR + 1 });
  });

  test.each([0, 1, 2, 5])("from %i is the kernel's business", (whence) => {
    const body = [encode("lseek_in", { fh: 9, whence })];
    expect(new FakeKernel().errnoOf({ opcode: "LSEEK", body })).toBe(EINVAL);
  });
});

describe("COPY_FILE_RANGE", () => {
  const copy = (opcode: "COPY_FILE_RANGE" | "COPY_FILE_RANGE_64", len: number) => {
    const kernel = new FakeKernel({ copyFileRange: (_caller, { length }) => length });
    const fixed = { fh_in: 9, off_in: FAR, nodeid_out: 8, fh_out: 10, off_out: FAR + 2, len };
    const answer = kernel.ask({ opcode, body: [encode("copy_file_range_in", fixed)] });
    return { request: kernel.requestsTo("copyFileRange")[0], answer };
  };
  const both = { handle: 9, offset: FAR, toHandle: 10, toOffset: FAR + 2 };

  test("copies from one handle to the other", () => {
    const { request, answer } = copy("COPY_FILE_RANGE", 4096);
    expect(request).toEqual({ ...both, length: 4096 });
    expect(answer.body).toHaveLength(sizeOf("write_out"));
    expect(decode("write_out", answer.body)).toEqual({ size: 4096, padding: 0 });
  });

  test("copies in its old form no more than 32 bits can count", () => {
    const { request, answer } = copy("COPY_FILE_RANGE", FAR);
    expect(request).toEqual({ ...both, length: 0x7fff_f000 });
    expect(decode("write_out", answer.body)).toEqual({ size: 0x7fff_f000, padding: 0 });
  });

  test("copies in its new form as much as is asked for", () => {
    const { request, answer } = copy("COPY_FILE_RANGE_64", FAR);
    expect(request).toEqual({ ...both, length: FAR });
    expect(answer.body).toHaveLength(sizeOf("copy_file_range_out"));
    expect(decode("copy_file_range_out", answer.body)).toEqual({ bytes_copied: FAR });
  });
});

test("FSYNC, FSYNCDIR and RELEASE name what they are for, and answer nothing", () => {
  const kernel = new FakeKernel();
  const fsync = encode("fsync_in", { fh: 9, fsync_flags: 1 });
  expect(kernel.ask({ opcode: "FSYNC", node: 3, body: [fsync] }).body).toHaveLength(0);
  expect(kernel.ask({ opcode: "FSYNCDIR", node: 4, body: [fsync] }).body).toHaveLength(0);
  expect(kernel.requestsTo("fsync")).toEqual([{ ino: 3 }, { ino: 4 }]);
  const release = encode("release_in", { fh: 2 ** 33, flags: 1, release_flags: 1 });
  expect(kernel.ask({ opcode: "RELEASE", node: 3, body: [release] }).body).toHaveLength(0);
  expect(kernel.requestsTo("release")).toEqual([{ handle: 2 ** 33 }]);
});
