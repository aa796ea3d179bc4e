import { constants } from "node:os";
import { MessageChannel } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { fuseWithCallbacks } from "../../../../src/fuse/binding/fuse-native/callbacks.js";
import type { NativePackage } from "../../../../src/fuse/binding/fuse-native/package.js";
import type { PathQuestion } from "../../../../src/fuse/binding/fuse-native/path-calls.js";
import { PathPort } from "../../../../src/fuse/binding/fuse-native/path-port.js";

const { ENODATA, ERANGE } = constants.errno;

/** What the package does with a callback: finds its handler by number, and that calls the method. */
class FakeFuse {
  _handlers: ((record: Buffer, opcode: number, ...args: unknown[]) => void)[];
  readonly names: string[];
  readonly options: unknown;
  #signal: (values: unknown[]) => void = () => undefined;

  constructor(_mountPoint: string, callbacks: object, options: unknown) {
    this.options = options;
    this.names = Object.keys(callbacks);
    this._handlers = this.names.map((name) => (_record, _opcode, ...args) => {
      const method = (this as unknown as Record<string, (...args: unknown[]) => void>)[
        `_op_${name}`
      ];
      method?.call(this, (...values: unknown[]) => this.#signal(values), ...args);
    });
  }

  mount(): void {
    throw new Error("nothing is mounted here");
  }

  /** What the callback answered with. */
  ask(name: string, args: unknown[], record = Buffer.alloc(264)): Promise<unknown[]> {
    const index = this.names.indexOf(name);
    return new Promise((resolve) => {
      this.#signal = resolve;
      this._handlers[index]?.(record, index, ...args);
    });
  }
}

/** The callbacks, with these answers on the other side of the port. */
function callbacks(answers: Readonly<Record<string, unknown>> = {}) {
  const { port1, port2 } = new MessageChannel();
  const asked: Pick<PathQuestion, "call" | "request">[] = [];
  port2.on("message", ({ number, call, request }: PathQuestion) => {
    asked.push({ call, request });
    const answer = answers[call];
    if (typeof answer === "number" && answer < 0) port2.postMessage({ number, errno: -answer });
    else port2.postMessage({ number, result: answer });
  });
  onTestFinished(() => port2.close());
  const port = new PathPort(port1, { onQuestion: () => undefined, onClose: () => undefined });
  const Fuse = FakeFuse as unknown as NativePackage["Fuse"];
  const made = fuseWithCallbacks({ Fuse }, { mountPoint: "/m", mountOptions: "/data,rw", port });
  return { fuse: made as unknown as FakeFuse, asked };
}

test("there is no limit in time, and the options are those of the mount", () => {
  expect(callbacks().fuse.options).toEqual({ timeout: false, fsname: "/data,rw" });
});

test("offsets and sizes have 64 bits", async () => {
  const { fuse, asked } = callbacks({ read: new Uint8Array(2) });
  const into = Buffer.alloc(8);
  expect(await fuse.ask("read", ["/f", 3, into, 8, 5, 2])).toEqual([2, 0, into.buffer]);
  await fuse.ask("ftruncate", ["/f", 3, 1, 7]);
  expect(asked).toEqual([
    { call: "read", request: { file: 3, offset: 2 * 2 ** 32 + 5, length: 8 } },
    { call: "truncate", request: { path: "/f", file: 3, sizeBytes: 7 * 2 ** 32 + 1 } },
  ]);
});

test("what is written is copied before the answer, after which the buffer is gone", async () => {
  const { fuse, asked } = callbacks();
  const from = Buffer.from("bytes");
  const answered = fuse.ask("write", ["/f", 1, from, 5, 0, 0]);
  from.fill(0);
  expect(await answered).toEqual([5, 0, from.buffer]);
  const data = Uint8Array.from(Buffer.from("bytes"));
  expect(asked).toEqual([{ call: "write", request: { file: 1, offset: 0, data } }]);
});

test("times before 1970 are negative, and the modification time is the record's", async () => {
  const { fuse, asked } = callbacks();
  const record = Buffer.alloc(264);
  record.writeBigInt64LE(-1000n, 104);
  record.writeBigInt64LE(2000n, 112);
  const minus1000 = [(2 ** 32 - 1000) >>> 0, 2 ** 32 - 1];
  await fuse.ask("utimens", ["/f", ...minus1000, ...minus1000], record);
  await fuse.ask("utimens", ["/f", 5, 0, 5, 0]);
  expect(asked.map(({ request }) => request)).toEqual([
    { path: "/f", atimeMs: -1000, mtimeMs: process.platform === "linux" ? 2000 : -1000 },
    { path: "/f", atimeMs: 5, mtimeMs: 5 },
  ]);
});

describe("an extended attribute", () => {
  test("is handed over where there is room for it, and its length where only that is asked", async () => {
    const { fuse } = callbacks({ getxattr: Buffer.from("value"), listxattr: ["user.a", "user.é"] });
    const room = Buffer.alloc(5);
    expect((await fuse.ask("getxattr", ["/f", "user.a", room, 0]))[0]).toBe(5);
    expect(room.toString()).toBe("value");
    expect((await fuse.ask("getxattr", ["/f", "user.a", Buffer.alloc(0), 0]))[0]).toBe(5);
    const list = Buffer.alloc(20, "#");
    expect((await fuse.ask("listxattr", ["/f", list]))[0]).toBe(15);
    expect(list.toString()).toBe("user.a\0user.é\0#####");
    expect((await fuse.ask("listxattr", ["/f", Buffer.alloc(0)]))[0]).toBe(15);
  });

  test("that is longer than the buffer is refused, and nothing is written past its end", async () => {
    const { fuse } = callbacks({ getxattr: Buffer.from("value"), listxattr: ["user.abc"] });
    const room = Buffer.alloc(4, "#");
    expect((await fuse.ask("getxattr", ["/f", "user.a", room, 0]))[0]).toBe(-ERANGE);
    expect((await fuse.ask("listxattr", ["/f", room]))[0]).toBe(-ERANGE);
    expect(room.toString()).toBe("####");
  });

  test("that isn't there is ENODATA, with the buffer", async () => {
    const { fuse } = callbacks({ getxattr: -ENODATA });
    const room = Buffer.alloc(4);
    expect(await fuse.ask("getxattr", ["/f", "user.a", room, 0])).toEqual([-ENODATA, room.buffer]);
  });
});

test("every callback answers a failure in the shape that its C side reads", async () => {
  const bytes = Buffer.alloc(4);
  const calls: [name: string, args: unknown[], rest: unknown[]][] = [
    ["getattr", ["/f"], [new Uint32Array(18)]],
    ["fgetattr", ["/f", 1], [new Uint32Array(18)]],
    ["statfs", ["/"], [new Uint32Array(18)]],
    ["readdir", ["/"], [[], []]],
    ["readlink", ["/l"], [""]],
    ["open", ["/f", 0], [0]],
    ["create", ["/f", 0o100644], [0]],
    ["read", ["/f", 1, bytes, 4, 0, 0], [0, bytes.buffer]],
    ["write", ["/f", 1, bytes, 4, 0, 0], [0, bytes.buffer]],
    ["setxattr", ["/f", "user.a", bytes, 0, 0], [bytes.buffer]],
    ["getxattr", ["/f", "user.a", bytes, 0], [bytes.buffer]],
    ["listxattr", ["/f", bytes], [bytes.buffer]],
    ["removexattr", ["/f", "user.a"], []],
    ["chmod", ["/f", 0o644], []],
    ["chown", ["/f", 1, 2], []],
    ["truncate", ["/f", 0, 0], []],
    ["ftruncate", ["/f", 1, 0, 0], []],
    ["utimens", ["/f", 0, 0, 0, 0], []],
    ["mknod", ["/f", 0o010644, 0], []],
    ["mkdir", ["/f", 0o755], []],
    ["symlink", ["target", "/f"], []],
    ["link", ["/f", "/g"], []],
    ["unlink", ["/f"], []],
    ["rmdir", ["/f"], []],
    ["rename", ["/f", "/g"], []],
    ["release", ["/f", 1], []],
    ["fsync", ["/f", 0, 1], []],
    ["fsyncdir", ["/f", 0, 0], []],
  ];
  const failing = new Proxy({}, { get: () => -1 });
  const { fuse } = callbacks(failing);
  expect(fuse.names.toSorted()).toEqual(calls.map(([name]) => name).toSorted());
  for (const [name, args, rest] of calls) {
    expect([name, ...(await fuse.ask(name, args))]).toEqual([name, -1, ...rest]);
  }
});
