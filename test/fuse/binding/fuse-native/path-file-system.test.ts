import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Nexus } from "../../../../src/compose.js";
import type { PathCalls } from "../../../../src/fuse/binding/fuse-native/path-calls.js";
import { PathFileSystem } from "../../../../src/fuse/binding/fuse-native/path-file-system.js";
import { O } from "../../../../src/fuse/protocol/constants.js";
import type { ErrorKind } from "../../../../src/model/errors.js";
import type { Caller } from "../../../../src/model/identity.js";
import type { TenantId } from "../../../../src/model/ids.js";
import { kindOfLater } from "../../../support/error-kind.js";
import { openNexus } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";

const CALLER: Caller = { uid: 7, gid: 8, pid: 0, identity: { isAdmin: false } };
const HIDDEN = "/d/.fuse_hidden0000002a00000001";

let nexus: Nexus;
let files: PathFileSystem;
let calls: PathCalls;

beforeEach(async () => {
  nexus = openNexus(testDir());
  files = new PathFileSystem(nexus.fileSystem);
  calls = files.callsOf(CALLER);
  await calls.mkdir({ path: "/d", mode: 0o40755 });
});

afterEach(async () => {
  files.close();
  await nexus.close({ drainMs: 10_000 });
});

async function put(path: string, text: string): Promise<number> {
  const file = await calls.create({ path, mode: 0o100644, flags: O.RDWR });
  await calls.write({ file, offset: 0, data: Buffer.from(text) });
  return file;
}

/** The kind with which a call fails, at once or later. */
async function failureOf(call: () => unknown): Promise<ErrorKind | undefined> {
  return await kindOfLater((async () => await call())());
}

async function textOf(file: number): Promise<string> {
  return Buffer.from(await calls.read({ file, offset: 0, length: 100 })).toString();
}

async function namesIn(path: string): Promise<string[]> {
  return (await calls.readdir({ path })).map(({ name }) => name);
}

describe("paths", () => {
  test("lead to the same inode, however deep and by whichever name", async () => {
    await calls.mkdir({ path: "/d/e", mode: 0o40700 });
    await calls.release({ file: await put("/d/e/f", "content") });
    await calls.link({ path: "/d/e/f", newPath: "/d/g" });
    const { ino, nlink, sizeBytes } = await calls.getattr({ path: "/d/e/f" });
    expect(await calls.getattr({ path: "/d/g" })).toMatchObject({ ino, nlink: 2 });
    expect([nlink, sizeBytes]).toEqual([2, 7]);
    await calls.rename({ path: "/d/e", newPath: "/moved" });
    expect(await calls.getattr({ path: "/moved/f" })).toMatchObject({ ino });
    expect(await failureOf(() => calls.getattr({ path: "/d/e/f" }))).toBe("not-found");
  });

  test("leave no look-up behind, whether they lead somewhere or not", async () => {
    const before = nexus.figures().inodesKnown;
    const file = await put("/d/f", "x");
    await calls.release({ file });
    await calls.symlink({ path: "/d/l", target: "f" });
    await calls.mknod({ path: "/d/p", mode: 0o010644, rdev: 0 });
    await calls.link({ path: "/d/f", newPath: "/d/g" });
    await calls.rename({ path: "/d/g", newPath: "/d/h" });
    await calls.unlink({ path: "/d/h" });
    await namesIn("/d");
    await failureOf(() => calls.rmdir({ path: "/d/none" }));
    await failureOf(() => calls.getattr({ path: "/d/f/none" }));
    await failureOf(() => calls.mkdir({ path: "/d/f", mode: 0o40755 }));
    expect(nexus.figures()).toMatchObject({ inodesKnown: before, openHandles: 0 });
  });

  test("that may mean another name, or another value, are refused", async () => {
    for (const call of [
      () => calls.mkdir({ path: "/d/\ufffd", mode: 0o40755 }),
      () => calls.getattr({ path: "/\ufffd/x" }),
      () => calls.symlink({ path: "/d/l", target: "a\ufffd" }),
      () => calls.getxattr({ path: "/d", name: "user.\ufffd" }),
    ]) {
      expect(await failureOf(call)).toBe("invalid-encoding");
    }
  });

  test("are checked for who asks", async () => {
    const acme = { isAdmin: false, tenantId: "acme" as TenantId };
    const stranger = files.callsOf({ ...CALLER, identity: acme });
    expect(await failureOf(() => stranger.getattr({ path: "/workspace/other" }))).toBe(
      "access-denied",
    );
    expect(await failureOf(() => stranger.mkdir({ path: "/archives/x", mode: 0o40755 }))).toBe(
      "read-only",
    );
  });
});

describe("whoever may not see a place", () => {
  const SECRET = "/workspace/other/agent";
  /** Every call that takes a path, on one that is denied. */
  const DENIED: Readonly<Record<string, (theirs: PathCalls, path: string) => unknown>> = {
    getattr: (theirs, path) => theirs.getattr({ path }),
    chmod: (theirs, path) => theirs.chmod({ path, mode: 0o600 }),
    chown: (theirs, path) => theirs.chown({ path, uid: 1, gid: 1 }),
    truncate: (theirs, path) => theirs.truncate({ path, sizeBytes: 0 }),
    utimens: (theirs, path) => theirs.utimens({ path, atimeMs: 1, mtimeMs: 1 }),
    mknod: (theirs, path) => theirs.mknod({ path, mode: 0o010644, rdev: 0 }),
    mkdir: (theirs, path) => theirs.mkdir({ path, mode: 0o40755 }),
    symlink: (theirs, path) => theirs.symlink({ path, target: "x" }),
    readlink: (theirs, path) => theirs.readlink({ path }),
    "link from": (theirs, path) => theirs.link({ path, newPath: "/d/new" }),
    "link to": (theirs, path) => theirs.link({ path: "/d/own", newPath: path }),
    unlink: (theirs, path) => theirs.unlink({ path }),
    rmdir: (theirs, path) => theirs.rmdir({ path }),
    "rename from": (theirs, path) => theirs.rename({ path, newPath: "/d/new" }),
    "rename to": (theirs, path) => theirs.rename({ path: "/d/own", newPath: path }),
    readdir: (theirs, path) => theirs.readdir({ path }),
    open: (theirs, path) => theirs.open({ path, flags: 0 }),
    create: (theirs, path) => theirs.create({ path, mode: 0o100644, flags: O.RDWR }),
    fsync: (theirs, path) => theirs.fsync({ path }),
    getxattr: (theirs, path) => theirs.getxattr({ path, name: "user.k" }),
    listxattr: (theirs, path) => theirs.listxattr({ path }),
    setxattr: (theirs, path) =>
      theirs.setxattr({ path, name: "user.k", value: Buffer.from("v"), flags: 0 }),
    removexattr: (theirs, path) => theirs.removexattr({ path, name: "user.k" }),
    statfs: (theirs, path) => theirs.statfs({ path }),
  };

  test.each(Object.entries(DENIED))("learns by %s of nothing that is there", async (_, call) => {
    await calls.mkdir({ path: "/workspace/other", mode: 0o40777 });
    await calls.mkdir({ path: SECRET, mode: 0o40777 });
    await calls.release({ file: await put(`${SECRET}/file`, "secret") });
    await calls.mkdir({ path: `${SECRET}/directory`, mode: 0o40777 });
    await calls.release({ file: await put("/d/own", "x") });
    const identity = { isAdmin: false, tenantId: "acme" as TenantId };
    const theirs = files.callsOf({ ...CALLER, identity });
    for (const name of ["file", "directory", "nothing", "nothing/below"]) {
      const path = `${SECRET}/${name}`;
      expect([path, await failureOf(() => call(theirs, path))]).toEqual([path, "access-denied"]);
    }
  });
});

describe("an open file", () => {
  test("is written, read and measured by its number, which is free again when it is closed", async () => {
    const file = await put("/d/f", "0123");
    await calls.truncate({ path: "/d/f", sizeBytes: 2, file });
    expect(await textOf(file)).toBe("01");
    const other = await calls.open({ path: "/d/f", flags: 0 });
    expect(other).not.toBe(file);
    await calls.release({ file });
    expect(await calls.open({ path: "/d/f", flags: 0 })).toBe(file);
    expect(await failureOf(() => calls.read({ file: 99, offset: 0, length: 1 }))).toBe(
      "bad-handle",
    );
    expect(files.openFiles).toBe(2);
  });

  test("that is only appended to grows at its end, wherever the kernel takes that to be", async () => {
    const first = await put("/d/f", "one");
    const appending = await calls.open({ path: "/d/f", flags: O.WRONLY | O.APPEND });
    await calls.write({ file: first, offset: 3, data: Buffer.from("two") });
    await calls.write({ file: appending, offset: 3, data: Buffer.from("three") });
    expect(await textOf(first)).toBe("onetwothree");
  });

  test("that is appended to and read, too, grows at its end, and pages go where they are", async () => {
    const first = await put("/d/f", "one");
    const both = await calls.open({ path: "/d/f", flags: O.RDWR | O.APPEND });
    await calls.write({ file: first, offset: 3, data: Buffer.from("two") });
    const flags = O.RDWR | O.APPEND;
    await calls.write({ file: both, offset: 3, data: Buffer.from("three"), flags });
    await calls.write({ file: both, offset: 0, data: Buffer.from("ONE"), flags: 0 });
    expect(await textOf(first)).toBe("ONEtwothree");
  });

  test("is made anew with O_EXCL alone, where that is known", async () => {
    await calls.release({ file: await put("/d/f", "x") });
    const again = { path: "/d/f", mode: 0o100644 };
    expect(await failureOf(() => calls.create({ ...again, flags: O.RDWR | O.EXCL }))).toBe(
      "already-exists",
    );
    expect(await textOf(await calls.create({ ...again, flags: undefined }))).toBe("x");
  });
});

describe("an open file that libfuse hides", () => {
  test("has no name in the store, and goes on by the name that libfuse has for it", async () => {
    const file = await put("/d/f", "kept");
    await calls.rename({ path: "/d/f", newPath: HIDDEN });
    expect(await namesIn("/d")).toEqual([".", ".."]);
    // One link more than it has: libfuse takes off the one that it believes the hidden name to be.
    expect(await calls.getattr({ path: HIDDEN })).toMatchObject({ nlink: 1, sizeBytes: 4 });
    expect(await calls.getattr({ path: HIDDEN, file })).toMatchObject({ nlink: 1 });
    await calls.chmod({ path: HIDDEN, mode: 0o600 });
    await calls.setxattr({ path: HIDDEN, name: "user.k", value: Buffer.from("v"), flags: 0 });
    expect(Buffer.from(await calls.getxattr({ path: HIDDEN, name: "user.k" })).toString()).toBe(
      "v",
    );
    expect(await calls.getattr({ path: HIDDEN, file })).toMatchObject({ mode: 0o100600 });
    expect(await textOf(file)).toBe("kept");
    await calls.rmdir({ path: "/d" });
    expect(await textOf(file)).toBe("kept");
  });

  test("is gone with its last descriptor, also when libfuse has no path for it any more", async () => {
    const before = nexus.figures().inodesKnown;
    const file = await put("/d/f", "x");
    const other = await calls.open({ path: "/d/f", flags: 0 });
    await calls.rename({ path: "/d/f", newPath: HIDDEN });
    await calls.release({ file });
    expect(files.hiddenFiles).toBe(1);
    await calls.release({ file: other });
    expect([files.hiddenFiles, files.openFiles]).toEqual([0, 0]);
    expect(nexus.figures().inodesKnown).toBe(before);
    // libfuse takes its name away after that, and minds no error.
    expect(await failureOf(() => calls.unlink({ path: HIDDEN }))).toBe("not-found");
  });

  test("leaves its name to a new file", async () => {
    const old = await put("/d/f", "old");
    await calls.rename({ path: "/d/f", newPath: HIDDEN });
    const file = await put("/d/f", "new");
    expect([await textOf(old), await textOf(file)]).toEqual(["old", "new"]);
  });

  test("is another thing than a file of such a name", async () => {
    await calls.release({ file: await put("/d/f", "x") });
    await calls.rename({ path: "/d/f", newPath: HIDDEN });
    expect(await namesIn("/d")).toEqual([".", "..", HIDDEN.slice(3)]);
    await calls.mkdir({ path: "/d/e", mode: 0o40755 });
    const file = await put("/d/g", "x");
    await calls.rename({ path: "/d/g", newPath: HIDDEN.replace("/d/", "/d/e/") });
    expect(await namesIn("/d/e")).toEqual([".", "..", HIDDEN.slice(3)]);
    expect(await calls.getattr({ path: "/d/e", file })).toMatchObject({ nlink: 1 });
  });
});

describe("a name that a hidden file has for libfuse", () => {
  test("leads nowhere in any other directory, and belongs to whoever has it there", async () => {
    const file = await put("/d/f", "secret");
    await calls.rename({ path: "/d/f", newPath: HIDDEN });
    const name = HIDDEN.slice(2);
    expect(await failureOf(() => calls.getattr({ path: name }))).toBe("not-found");
    expect(await failureOf(() => calls.open({ path: name, flags: 0 }))).toBe("not-found");
    await calls.release({ file: await put(name, "another's") });
    expect(await textOf(await calls.open({ path: name, flags: 0 }))).toBe("another's");
    await calls.unlink({ path: name });
    expect(await failureOf(() => calls.getattr({ path: name }))).toBe("not-found");
    expect(await textOf(file)).toBe("secret");
    expect(files.hiddenFiles).toBe(1);
  });

  test("isn't one that a program has made up: an open file keeps that", async () => {
    await put("/d/f", "precious");
    const madeUp = "/d/.fuse_hidden0123456789abcdef";
    await calls.rename({ path: "/d/f", newPath: madeUp });
    expect(files.hiddenFiles).toBe(0);
    expect(await calls.getattr({ path: madeUp })).toMatchObject({ nlink: 1 });
  });

  test("can't be linked", async () => {
    await put("/d/f", "x");
    await calls.rename({ path: "/d/f", newPath: HIDDEN });
    expect(await failureOf(() => calls.link({ path: HIDDEN, newPath: "/d/g" }))).toBe("not-found");
  });
});

describe("a rename over an open file, which libfuse hides first", () => {
  test("replaces it", async () => {
    const old = await put("/d/old", "old");
    await calls.release({ file: await put("/d/new", "new") });
    await calls.rename({ path: "/d/old", newPath: HIDDEN });
    await calls.rename({ path: "/d/new", newPath: "/d/old" });
    expect(await textOf(await calls.open({ path: "/d/old", flags: 0 }))).toBe("new");
    expect(await textOf(old)).toBe("old");
  });

  test.each([
    ["/workspace/acme/new", "cross-zone"],
    ["/d/none", "not-found"],
  ])("gives the name back when it fails: from %s", async (from, kind) => {
    await calls.mkdir({ path: "/workspace/acme", mode: 0o40755 });
    await calls.release({ file: await put("/workspace/acme/new", "new") });
    const old = await put("/d/old", "old");
    await calls.rename({ path: "/d/old", newPath: HIDDEN });
    expect(await failureOf(() => calls.rename({ path: from, newPath: "/d/old" }))).toBe(kind);
    expect(await calls.getattr({ path: "/d/old" })).toMatchObject({ nlink: 1 });
    await calls.release({ file: old });
    expect(await textOf(await calls.open({ path: "/d/old", flags: 0 }))).toBe("old");
    expect(files.hiddenFiles).toBe(0);
  });

  test("does nothing when both are names of one file", async () => {
    await put("/d/a", "x");
    await calls.link({ path: "/d/a", newPath: "/d/b" });
    await calls.rename({ path: "/d/b", newPath: HIDDEN });
    await calls.rename({ path: "/d/a", newPath: "/d/b" });
    expect(await namesIn("/d")).toEqual([".", "..", "a", "b"]);
    expect(await calls.getattr({ path: "/d/a" })).toMatchObject({ nlink: 2 });
  });
});

test("what is open when the mount ends is let go", async () => {
  await put("/d/f", "x");
  await calls.rename({ path: "/d/f", newPath: HIDDEN });
  await put("/d/g", "x");
  files.close();
  expect(nexus.figures().openHandles).toBe(0);
  expect([files.hiddenFiles, files.openFiles]).toEqual([0, 0]);
});

test("a claim that can't be had is refused as on the device, where the kernel hides EAGAIN", async () => {
  await calls.release({ file: await put("/d/f", "x") });
  const set = async (name: string, value: string) =>
    await calls.setxattr({ path: "/d/f", name, value: Buffer.from(value), flags: 0 });
  await set("user.status", "pending");
  expect(await failureOf(() => set("user.claim", "w1"))).toBe("busy");
});
