import { expect, test } from "vitest";
import { ROOT_INO } from "../../src/model/ids.js";
import type { FileSystem } from "../../src/vfs/file-system.js";
import { readOnlyView } from "../../src/vfs/read-only-view.js";
import { kindOf } from "../support/error-kind.js";
import { ANYBODY, flags, World } from "./world.js";

/** What a view lets through; all the rest changes something. */
const READS = [
  ...[
    "variesByCaller",
    "lookup",
    "forget",
    "getattr",
    "readlink",
    "open",
    "read",
    "lseek",
    "fsync",
    "release",
  ],
  ...["opendir", "readdir", "readdirPlus", "listByName", "describe", "importTargets"],
  ...["getxattr", "listxattr", "statfs"],
];

test("a read-only view refuses every change before the file system hears of it", () => {
  const heard: string[] = [];
  const inner = new Proxy({} as FileSystem, {
    get: (_target, name) => () => heard.push(String(name)),
  });
  const view = readOnlyView(inner);
  const names = Object.keys(view) as (keyof FileSystem)[];
  const asked = { ino: ROOT_INO, flags: flags({ access: "read" }) };
  for (const name of names) {
    const call = view[name] as (...args: unknown[]) => unknown;
    if (READS.includes(name)) call(ANYBODY, asked);
    else expect(kindOf(() => call(ANYBODY, asked))).toBe("read-only");
  }
  expect(heard.toSorted()).toStrictEqual(READS.toSorted());
});

test("a read-only view opens for reading alone, and sees what others write beside it", async () => {
  const world = new World();
  const view = readOnlyView(world.fs);
  await world.write("file", "text");
  const ino = world.lookup("file");
  for (const wanted of [
    flags({ access: "write" }),
    flags(),
    flags({ access: "read", truncate: true }),
  ]) {
    expect(kindOf(() => view.open(ANYBODY, { ino, flags: wanted }))).toBe("read-only");
  }
  const program = await view.open(ANYBODY, { ino, flags: flags({ access: "execute" }) });
  view.release(program);
  const { handle } = await view.open(ANYBODY, { ino, flags: flags({ access: "read" }) });
  const into = Buffer.alloc(4);
  const writer = await world.open("file");
  await writer.write("more");
  writer.close();
  expect(await view.read(ANYBODY, { handle, into, offset: 0 })).toBe(4);
  expect(into.toString()).toBe("more");
  view.release({ handle });
});
