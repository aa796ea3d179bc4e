import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { Coherence } from "../../../src/fuse/invalidation/coherence.js";
import { NexusError } from "../../../src/model/errors.js";
import type { Caller } from "../../../src/model/identity.js";
import type { Ino } from "../../../src/model/ids.js";
import { Changes } from "../../../src/vfs/changes.js";
import type { FileSystem, WriteRequest } from "../../../src/vfs/file-system.js";
import { FakeClock } from "../../support/fake-clock.js";
import { entryOf } from "../fake-file-system.js";
import { FakeKernel, settled } from "../fake-kernel.js";
import { decode, encode } from "../wire/c-struct.js";
import { type FakeNotifier, fakeNotifiers } from "./fake-notifier.js";

const { ENODEV, EEXIST } = constants.errno;
const O_APPEND = 0o2000;
const DAY = 24 * 60 * 60;

/** Some mounts of one file system, which tells of what it is asked to do. */
class Mounts {
  readonly clock = new FakeClock();
  readonly changes = new Changes();
  readonly coherence = new Coherence({ changes: this.changes, clock: this.clock });
  readonly #notifiers = fakeNotifiers();

  mount(instead: Partial<FileSystem> = {}): FakeKernel {
    return new FakeKernel(
      {
        mkdir: (caller, { parent, name }) => {
          this.changes.note({ kind: "entry", parent, name }, caller);
          return entryOf(7);
        },
        ...instead,
      },
      {
        sharing: {
          coherence: this.coherence,
          startNotifier: this.#notifiers.start,
          scheduler: this.clock,
        },
      },
    );
  }

  /** In the order in which they had something to tell. */
  notifier(index: number): FakeNotifier {
    const notifier = this.#notifiers.started[index];
    if (notifier === undefined) throw new Error(`only ${index} notifiers were started`);
    return notifier;
  }

  get notifiers(): number {
    return this.#notifiers.started.length;
  }

  resize(caller: Caller, ino: number, sizeBytes: number): void {
    const span = { offset: 0, length: sizeBytes, sizeBytes };
    this.changes.note({ kind: "content", ino: ino as Ino, ...span }, caller);
  }
}

function mkdir(name: string) {
  return { opcode: "MKDIR", node: 1, body: [encode("mkdir_in", { mode: 0o755 }), name] } as const;
}

/** As the file system does when it comes to that. */
function offsetThen(offset: WriteRequest["offset"]): number | "end" {
  return typeof offset === "function" ? offset() : offset;
}

const CLIENT: Caller = { uid: 0, gid: 0, pid: 1, identity: { isAdmin: false } };

describe("a change through one of several mounts", () => {
  test("is answered when the others' kernels have forgotten what it makes untrue", () => {
    const mounts = new Mounts();
    const [a] = [mounts.mount(), mounts.mount(), mounts.mount()];
    const unique = a.send(mkdir("new"));
    expect(a.answerTo(unique)).toBeUndefined();
    mounts.notifier(0).take();
    expect(a.answerTo(unique)).toBeUndefined();
    mounts.notifier(1).take();
    expect(a.answerTo(unique)?.errno).toBe(0);
    expect(mounts.notifiers).toBe(2);
  });

  test("is answered at once when no other kernel knows of it, or there is no other mount", () => {
    const mounts = new Mounts();
    const [a] = [mounts.mount(), mounts.mount()];
    expect(a.errnoOf({ ...mkdir("new"), node: 5 })).toBe(0);
    expect(mounts.notifiers).toBe(0);
    expect(new Mounts().mount().errnoOf(mkdir("new"))).toBe(0);
  });

  test("holds up no other request of the mount meanwhile", () => {
    const mounts = new Mounts();
    const [a, b] = [mounts.mount(), mounts.mount()];
    const unique = a.send(mkdir("new"));
    expect(a.errnoOf({ opcode: "GETATTR" })).toBe(0);
    expect(b.errnoOf({ opcode: "GETATTR" })).toBe(0);
    expect(a.answerTo(unique)).toBeUndefined();
  });

  test("doesn't wait where another mount's change of that directory waits for this one", () => {
    const mounts = new Mounts();
    const [a, b] = [mounts.mount(), mounts.mount()];
    const first = a.send(mkdir("a"));
    expect(b.errnoOf(mkdir("b"))).toBe(0);
    expect(a.answerTo(first)).toBeUndefined();
    // Its kernel keeps the directory locked until it has the answer.
    expect(mounts.notifiers).toBe(1);
    mounts.notifier(0).take();
    expect(a.answerTo(first)?.errno).toBe(0);
    expect(mounts.notifier(1).packets).toHaveLength(1);
  });

  test("waits for a mount that waits for something else", () => {
    const mounts = new Mounts();
    const known = { lookup: () => entryOf(5) };
    const [a, b] = [mounts.mount(known), mounts.mount(known)];
    for (const kernel of [a, b]) {
      expect(kernel.errnoOf({ opcode: "LOOKUP", node: 1, body: ["five"] })).toBe(0);
    }
    const first = a.send(mkdir("a"));
    const second = b.send({ ...mkdir("b"), node: 5 });
    expect([a.answerTo(first), b.answerTo(second)]).toEqual([undefined, undefined]);
    mounts.notifier(1).take();
    expect(a.answerTo(first)).toBeUndefined();
    expect(b.answerTo(second)?.errno).toBe(0);
    mounts.notifier(0).take();
    expect(a.answerTo(first)?.errno).toBe(0);
  });

  test("doesn't wait where its kernel keeps a directory locked that it hasn't changed", () => {
    const mounts = new Mounts();
    // Somebody else has made it between the look-up and this, so that it is only truncated.
    const create: FileSystem["create"] = (caller) => {
      mounts.changes.note({ kind: "attributes", ino: 7 as Ino }, caller);
      return { entry: entryOf(7), opened: { handle: 1 } };
    };
    const [a, b] = [mounts.mount({ create }), mounts.mount()];
    for (const kernel of [a, b]) kernel.ask({ opcode: "LOOKUP", node: 1, body: ["name"] });
    const made = b.send(mkdir("name"));
    const body = [encode("create_in", { flags: 1, mode: 0o644 }), "name"];
    expect(a.answerTo(a.send({ opcode: "CREATE", node: 1, body }))?.errno).toBe(0);
    expect(b.answerTo(made)).toBeUndefined();
  });

  test("waits where its kernel has only bytes to forget, of whose pages it keeps none locked", () => {
    const mounts = new Mounts();
    const note: FileSystem["setattr"] = (caller, { ino }) => {
      mounts.changes.note({ kind: "attributes", ino }, caller);
      return entryOf(ino).attributes;
    };
    const [a, b] = [mounts.mount({ setattr: note }), mounts.mount()];
    for (const kernel of [a, b]) kernel.ask({ opcode: "LOOKUP", node: 1, body: ["log"] });
    mounts.resize(CLIENT, 7, 50);
    mounts.notifier(1).take();
    const setattr = (valid: number) =>
      a.send({ opcode: "SETATTR", node: 7, body: [encode("setattr_in", { valid, mode: 0o600 })] });
    const [MODE, SIZE] = [1 << 0, 1 << 3];
    const chmod = setattr(MODE);
    expect(a.answerTo(chmod)).toBeUndefined();
    // This one may keep dirty pages from being written, and so from being forgotten.
    expect(a.answerTo(setattr(SIZE))?.errno).toBe(0);
    mounts.notifier(1).take();
    expect(a.answerTo(chmod)?.errno).toBe(0);
  });

  test("goes out after 100 ms if its own kernel takes nothing, for locks may chain", () => {
    const mounts = new Mounts();
    const known = { lookup: () => entryOf(5) };
    const [a, b] = [mounts.mount(known), mounts.mount(known)];
    for (const kernel of [a, b]) kernel.ask({ opcode: "LOOKUP", node: 1, body: ["five"] });
    const first = a.send(mkdir("a"));
    const second = b.send({ ...mkdir("b"), node: 5 });
    mounts.clock.advance(100);
    expect([a.answerTo(first)?.errno, b.answerTo(second)?.errno]).toEqual([0, 0]);
    // Until then none is held back.
    expect(a.errnoOf({ ...mkdir("c"), node: 1 })).toBe(0);
  });

  test("waits for one that comes behind an earlier change of the same directory, in a third mount", () => {
    const mounts = new Mounts();
    const [a, b, c] = [mounts.mount(), mounts.mount(), mounts.mount()];
    const first = a.send(mkdir("a"));
    const [ofB, ofC] = [mounts.notifier(0), mounts.notifier(1)];
    ofB.take();
    // B has heard of it, and C hasn't: the first one still waits, and the second one waits for it and for C.
    const second = b.send(mkdir("b"));
    expect([a.answerTo(first), b.answerTo(second)]).toEqual([undefined, undefined]);
    // C hasn't heard of either.
    expect(c.errnoOf(mkdir("c"))).toBe(0);
    ofC.take();
    expect(a.answerTo(first)?.errno).toBe(0);
    expect(b.answerTo(second)).toBeUndefined();
    ofC.take();
    expect(b.answerTo(second)).toBeUndefined();
    // Only now A hears of the two.
    const ofA = mounts.notifier(2);
    expect(ofA.packets).toHaveLength(2);
    ofA.take();
    expect(b.answerTo(second)?.errno).toBe(0);
  });

  test("waits for a mount that only reads, whose answers wait for nobody", () => {
    const mounts = new Mounts();
    const [a, b] = [
      mounts.mount(),
      mounts.mount({
        getattr: (caller, { ino }) => {
          mounts.changes.note({ kind: "access", ino }, caller);
          return entryOf(ino).attributes;
        },
      }),
    ];
    expect(b.errnoOf({ opcode: "GETATTR" })).toBe(0);
    expect(mounts.notifier(0).packets).toEqual([[{ forgets: "inode", ino: 1, off: -1, len: 0 }]]);
    const unique = a.send(mkdir("new"));
    expect(a.answerTo(unique)).toBeUndefined();
    mounts.notifier(1).take();
    expect(a.answerTo(unique)?.errno).toBe(0);
  });

  test("that takes a moment tells of itself when it has happened", async () => {
    const mounts = new Mounts();
    let finish: () => void = () => undefined;
    const a = mounts.mount({
      rename: async (caller, { parent, name }) => {
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        mounts.changes.note({ kind: "entry", parent, name }, caller);
      },
    });
    mounts.mount();
    const body = [encode("rename_in", { newdir: 1 }), "old", "new"];
    const unique = a.send({ opcode: "RENAME", node: 1, body });
    finish();
    await settled();
    expect(a.answerTo(unique)).toBeUndefined();
    mounts.notifier(0).take();
    expect(a.answerTo(unique)?.errno).toBe(0);
  });

  test("that failed is answered without waiting", () => {
    const mounts = new Mounts();
    const a = mounts.mount({
      mkdir: (caller, { parent, name }) => {
        mounts.changes.note({ kind: "entry", parent, name }, caller);
        throw new NexusError("already-exists", "taken");
      },
    });
    mounts.mount();
    expect(a.errnoOf(mkdir("new"))).toBe(EEXIST);
  });

  test("is told of what the kernel learns from an answer that is held back", () => {
    const mounts = new Mounts();
    const [a, b] = [mounts.mount(), mounts.mount()];
    const unique = a.send(mkdir("new"));
    mounts.changes.note({ kind: "attributes", ino: 7 as Ino }, undefined);
    expect(mounts.notifiers).toBe(1);
    mounts.notifier(0).take();
    expect(a.answerTo(unique)?.errno).toBe(0);
    expect(mounts.notifier(1).packets).toEqual([[{ forgets: "inode", ino: 7, off: -1, len: 0 }]]);
    expect(b.answers).toEqual([]);
  });

  test("whose answer nobody takes gives back what it granted", () => {
    const mounts = new Mounts();
    const [a] = [mounts.mount(), mounts.mount()];
    a.send(mkdir("new"));
    a.device.refuses = ENODEV;
    mounts.notifier(0).take();
    expect(a.requestsTo("forget")).toEqual([{ ino: 7, count: 1 }]);
  });
});

describe("a directory that two mounts change", () => {
  const lookup = { opcode: "LOOKUP", node: 1, body: ["name"] } as const;
  const secondsOf = (kernel: FakeKernel) =>
    decode("entry_out", kernel.ask(lookup).body).entry_valid;

  test("is one of which no kernel keeps anything, for ten seconds", () => {
    const mounts = new Mounts();
    const [a, b] = [mounts.mount(), mounts.mount()];
    a.send(mkdir("a"));
    mounts.notifier(0).take();
    expect([secondsOf(a), secondsOf(b)]).toEqual([DAY, DAY]);
    b.send(mkdir("b"));
    mounts.notifier(1).take();
    expect([secondsOf(a), secondsOf(b)]).toEqual([0, 0]);
    const opened = b.ask({ opcode: "OPENDIR", node: 1, body: [encode("open_in", {})] }).body;
    expect(decode("open_out", opened).open_flags).toBe(0);
    mounts.clock.advance(10_000);
    expect([secondsOf(a), secondsOf(b)]).toEqual([DAY, DAY]);
  });

  test("is as any other when only one mount is left", () => {
    const mounts = new Mounts();
    const [a, b] = [mounts.mount(), mounts.mount()];
    a.send(mkdir("a"));
    mounts.notifier(0).take();
    b.send(mkdir("b"));
    mounts.notifier(1).take();
    b.device.requests.push(-ENODEV);
    b.session.receive();
    expect(secondsOf(a)).toBe(DAY);
  });
});

describe("a directory that a mount and a client change", () => {
  test("is one of which no kernel keeps anything, but not one that clients alone change", () => {
    const mounts = new Mounts();
    const [a] = [mounts.mount(), mounts.mount()];
    const isContended = () => mounts.coherence.isContended(1 as Ino);
    const change = (by: Caller) =>
      mounts.changes.note({ kind: "entry", parent: 1 as Ino, name: "new" }, by);
    change(CLIENT);
    change({ ...CLIENT });
    expect(isContended()).toBe(false);
    a.send(mkdir("by a mount"));
    expect(isContended()).toBe(true);
  });
});

describe("a rename of what the kernel hasn't heard of yet", () => {
  function twoMounts() {
    const mounts = new Mounts();
    const a = mounts.mount({
      rename: (caller, { parent, name, newParent, newName }) => {
        mounts.changes.note({ kind: "entry", parent, name }, caller);
        mounts.changes.note({ kind: "entry", parent: newParent, name: newName }, caller);
        mounts.changes.note({ kind: "attributes", ino: 7 as Ino }, caller);
      },
    });
    a.ask({ opcode: "LOOKUP", node: 1, body: ["old"] });
    const body = [encode("rename_in", { newdir: 1 }), "old", "new"];
    const send = () => a.send({ opcode: "RENAME", node: 1, body });
    const rename = () => expect(a.answerTo(send())?.errno).toBe(0);
    const change = (name: string) =>
      mounts.changes.note({ kind: "entry", parent: 1 as Ino, name }, CLIENT);
    return { mounts, a, send, rename, change };
  }

  function entriesOf(notifier: FakeNotifier): unknown[] {
    return notifier.packets.flatMap(([first]) =>
      first !== undefined && "forgets" in first && first.forgets === "entry" ? [first.name] : [],
    );
  }

  test("is told to that kernel, too, which takes the new name to be what the old one was", () => {
    const { mounts, rename, change } = twoMounts();
    change("old");
    rename();
    expect(entriesOf(mounts.notifier(0))).toEqual(["old", "old", "new"]);
  });

  test("is told to it whichever of the two names it hasn't heard of", () => {
    const { mounts, rename, change } = twoMounts();
    change("new");
    rename();
    expect(entriesOf(mounts.notifier(0))).toEqual(["new", "old", "new"]);
  });

  test("isn't, and is waited for, when it has only not heard of an access", () => {
    const { mounts, a, send } = twoMounts();
    mounts.mount();
    mounts.changes.note({ kind: "access", ino: 7 as Ino }, CLIENT);
    const unique = send();
    expect(mounts.notifier(0).packets).toHaveLength(1);
    expect(a.answerTo(unique)).toBeUndefined();
    mounts.notifier(1).takeAll();
    expect(a.answerTo(unique)?.errno).toBe(0);
  });

  test("isn't when it has heard by then, or of something else", () => {
    const { mounts, rename, change } = twoMounts();
    change("old");
    mounts.notifier(0).take();
    change("other");
    rename();
    expect(entriesOf(mounts.notifier(0))).toEqual(["old", "other"]);
  });
});

describe("a change by a client", () => {
  test("is waited for by each of several things that it does at once", () => {
    const mounts = new Mounts();
    mounts.mount();
    mounts.changes.note({ kind: "entry", parent: 1 as Ino, name: "one" }, CLIENT);
    mounts.changes.note({ kind: "entry", parent: 1 as Ino, name: "other" }, CLIENT);
    const ended: string[] = [];
    mounts.coherence.whenForgotten(CLIENT, { answer: () => ended.push("one") });
    mounts.coherence.whenForgotten(CLIENT, { answer: () => ended.push("other") });
    mounts.notifier(0).take();
    expect(ended).toEqual([]);
    mounts.notifier(0).take();
    expect(ended).toEqual(["one", "other"]);
    expect(mounts.coherence.whenForgotten(CLIENT, { answer: () => undefined })).toBe(false);
  });

  test("waits for every mount, also for one that waits itself", () => {
    const mounts = new Mounts();
    const [a] = [mounts.mount(), mounts.mount()];
    a.send(mkdir("by a mount"));
    mounts.changes.note({ kind: "entry", parent: 1 as Ino, name: "new" }, CLIENT);
    let isForgotten = false;
    const answer = () => {
      isForgotten = true;
    };
    mounts.coherence.whenForgotten(CLIENT, { answer });
    mounts.notifier(0).take(2);
    expect(isForgotten).toBe(false);
    mounts.notifier(1).take();
    expect(isForgotten).toBe(true);
  });

  test("waits once", () => {
    const mounts = new Mounts();
    mounts.mount();
    const { changes, coherence } = mounts;
    changes.note({ kind: "entry", parent: 1 as Ino, name: "new" }, CLIENT);
    let isForgotten = false;
    const note = () => {
      isForgotten = true;
    };
    expect(coherence.whenForgotten(CLIENT, { answer: note })).toBe(true);
    expect(isForgotten).toBe(false);
    mounts.notifier(0).take();
    expect(isForgotten).toBe(true);
    isForgotten = false;
    expect(coherence.whenForgotten(CLIENT, { answer: note })).toBe(false);
    expect(isForgotten).toBe(false);
  });

  test("isn't what another client waits for", () => {
    const mounts = new Mounts();
    mounts.mount();
    mounts.changes.note({ kind: "entry", parent: 1 as Ino, name: "new" }, CLIENT);
    expect(mounts.coherence.whenForgotten({ ...CLIENT }, { answer: () => undefined })).toBe(false);
  });
});

describe("appending to a file that others change", () => {
  function append(kernel: FakeKernel, offset: number, write_flags = 0): bigint {
    const fixed = encode("write_in", { fh: 9, offset, size: 3, flags: O_APPEND | 1, write_flags });
    return kernel.send({ opcode: "WRITE", node: 7, body: [fixed, Buffer.from("abc")] });
  }

  function twoMounts() {
    const mounts = new Mounts();
    const asked: WriteRequest["offset"][] = [];
    const a = mounts.mount({
      write: (_caller, { offset }) => {
        const at = offsetThen(offset);
        asked.push(at);
        return at === "end" ? 50 : at;
      },
    });
    a.ask({ opcode: "LOOKUP", node: 1, body: ["file"] });
    return { mounts, a, asked };
  }

  test("goes to the end as it is then, and the kernel forgets where it has put the bytes", () => {
    const { mounts, a, asked } = twoMounts();
    mounts.resize(CLIENT, 7, 50);
    append(a, 20);
    expect(asked).toEqual(["end"]);
    expect(mounts.notifier(0).packets.slice(1)).toEqual([
      [{ forgets: "inode", ino: 7, off: 20, len: 0 }],
    ]);
  });

  test("goes to the end as it is when the bytes are put, however long that takes", async () => {
    const mounts = new Mounts();
    const asked: unknown[] = [];
    let isCopied: () => void = () => undefined;
    const a = mounts.mount({
      write: async (_caller, { offset }) => {
        await new Promise<void>((resolve) => {
          isCopied = resolve;
        });
        asked.push(offsetThen(offset));
        return 50;
      },
    });
    a.ask({ opcode: "LOOKUP", node: 1, body: ["file"] });
    const unique = append(a, 20);
    mounts.resize(CLIENT, 7, 50);
    isCopied();
    await settled();
    expect(asked).toEqual(["end"]);
    expect(a.answerTo(unique)?.errno).toBe(0);
  });

  test("leaves the kernel's pages alone where it had the end right", () => {
    const { mounts, a, asked } = twoMounts();
    mounts.resize(CLIENT, 7, 50);
    append(a, 50);
    expect(asked).toEqual(["end"]);
    expect(mounts.notifier(0).packets).toHaveLength(1);
  });

  test("goes where the kernel says while nobody else has changed it, and pages always do", () => {
    const { mounts, a, asked } = twoMounts();
    append(a, 20);
    mounts.resize(CLIENT, 7, 50);
    append(a, 20, 1);
    expect(asked).toEqual([20, 20]);
  });
});

describe("a file that is only appended to, where there are other mounts,", () => {
  const [O_WRONLY, O_RDWR, O_SYNC] = [0o1, 0o2, 0o4010000];
  const [DIRECT_IO, KEEP_CACHE] = [1, 2];
  const HANDLE = 9;

  function opened(mounts: Mounts, flags: number, others = 1): { a: FakeKernel; flags: unknown } {
    const a = mounts.mount({
      open: () => ({ handle: HANDLE }),
      write: (caller, { offset }) => {
        mounts.resize(caller, 7, 50);
        const at = offsetThen(offset);
        return at === "end" ? 47 : at;
      },
    });
    for (let other = 0; other < others; other++) mounts.mount();
    a.ask({ opcode: "LOOKUP", node: 1, body: ["file"] });
    const question = { opcode: "OPEN", node: 7, body: [encode("open_in", { flags })] } as const;
    return { a, flags: decode("open_out", a.ask(question).body).open_flags };
  }

  function append(kernel: FakeKernel, { write_flags = 0, flags = 0, offset = 47 } = {}): bigint {
    const all = O_WRONLY | O_APPEND | flags;
    const fields = { fh: HANDLE, offset, size: 3, flags: all, write_flags };
    const body = [encode("write_in", fields), Buffer.from("abc")];
    return kernel.send({ opcode: "WRITE", node: 7, body });
  }

  function read(kernel: FakeKernel): void {
    const body = [encode("read_in", { fh: HANDLE, offset: 0, size: 4096 })];
    kernel.ask({ opcode: "READ", node: 7, body });
  }

  test("is written past the kernel's pages, so that each write comes as one", () => {
    const flagsOf = (flags: number, others?: number) => opened(new Mounts(), flags, others).flags;
    expect(flagsOf(O_WRONLY | O_APPEND)).toBe(KEEP_CACHE | DIRECT_IO);
    expect(flagsOf(O_WRONLY | O_APPEND, 0)).toBe(KEEP_CACHE);
    expect(flagsOf(O_WRONLY)).toBe(KEEP_CACHE);
    expect(flagsOf(O_WRONLY | O_APPEND | O_SYNC)).toBe(KEEP_CACHE | DIRECT_IO);
    // Past the pages, the kernel doesn't map a file.
    expect(flagsOf(O_RDWR | O_APPEND)).toBe(KEEP_CACHE);
  });

  test("has that kernel forget its pages before the answer, too, if it has any", () => {
    const mounts = new Mounts();
    const { a } = opened(mounts, O_WRONLY | O_APPEND);
    expect(a.answerTo(append(a))?.errno).toBe(0);
    expect(mounts.notifiers).toBe(0);
    read(a);
    const unique = append(a);
    expect(a.answerTo(unique)).toBeUndefined();
    mounts.notifier(0).take();
    expect(a.answerTo(unique)?.errno).toBe(0);
  });

  test("has it forget what it kept whole by truncating, too", () => {
    const mounts = new Mounts();
    const { a } = opened(mounts, O_WRONLY | O_APPEND);
    a.ask({
      opcode: "SETATTR",
      node: 7,
      body: [encode("setattr_in", { valid: 1 << 3, size: 47 })],
    });
    const unique = append(a);
    expect(a.answerTo(unique)).toBeUndefined();
    mounts.notifier(0).take();
    expect(a.answerTo(unique)?.errno).toBe(0);
  });

  test("has it forget its pages once where it had the end wrong", () => {
    const mounts = new Mounts();
    const { a } = opened(mounts, O_WRONLY | O_APPEND);
    mounts.resize(CLIENT, 7, 47);
    mounts.notifier(0).take();
    append(a, { offset: 20 });
    expect(mounts.notifier(0).packets.slice(1)).toHaveLength(1);
  });

  test("is synced with each write that asks for it, as the kernel does with what goes through its pages", () => {
    const mounts = new Mounts();
    const { a } = opened(mounts, O_WRONLY | O_APPEND);
    append(a);
    append(a, { flags: O_SYNC, write_flags: 1 });
    expect(a.requestsTo("fsync")).toEqual([]);
    append(a, { flags: O_SYNC });
    expect(a.requestsTo("fsync")).toEqual([{ ino: 7 }]);
  });

  test("has it forget set-id bits that the write took before the answer", () => {
    const mounts = new Mounts();
    const { a } = opened(mounts, O_WRONLY | O_APPEND);
    mounts.changes.note({ kind: "attributes", ino: 7 as Ino }, undefined);
    const unique = append(a);
    const notifier = mounts.notifier(0);
    notifier.take();
    expect(a.answerTo(unique)).toBeUndefined();
    notifier.take();
    expect(a.answerTo(unique)?.errno).toBe(0);
  });

  test("hears of others' writes only after an answer that waits, which waits for them all the same", () => {
    const mounts = new Mounts();
    const { a } = opened(mounts, O_WRONLY | O_APPEND);
    mounts.resize(CLIENT, 7, 40);
    const unique = append(a);
    mounts.resize(CLIENT, 7, 60);
    const notifier = mounts.notifier(0);
    expect(notifier.packets).toHaveLength(2);
    notifier.take();
    expect(a.answerTo(unique)).toBeUndefined();
    notifier.take();
    expect(a.answerTo(unique)?.errno).toBe(0);
    expect(notifier.packets).toHaveLength(3);
  });

  test("is answered at once for the pages of a mapping, which are locked meanwhile, and after its release", () => {
    const mounts = new Mounts();
    const { a } = opened(mounts, O_WRONLY | O_APPEND);
    read(a);
    expect(a.answerTo(append(a, { write_flags: 1 }))?.errno).toBe(0);
    a.ask({ opcode: "RELEASE", node: 7, body: [encode("release_in", { fh: HANDLE })] });
    expect(a.answerTo(append(a))?.errno).toBe(0);
    expect(mounts.notifiers).toBe(0);
  });
});

describe("the end of a mount", () => {
  test("has nobody wait for it any longer", () => {
    const mounts = new Mounts();
    const [a, b] = [mounts.mount(), mounts.mount()];
    const unique = a.send(mkdir("new"));
    b.device.requests.push(-ENODEV);
    b.session.receive();
    expect(a.answerTo(unique)?.errno).toBe(0);
    expect(b.ends).toEqual([undefined]);
    expect(mounts.notifier(0).isClosed).toBe(true);
    expect(a.errnoOf(mkdir("another"))).toBe(0);
  });

  test("comes after the answers that are held back", () => {
    const mounts = new Mounts();
    const [a] = [mounts.mount(), mounts.mount()];
    const unique = a.send(mkdir("new"));
    a.device.requests.push(-ENODEV);
    a.session.receive();
    expect(a.ends).toEqual([]);
    mounts.notifier(0).take();
    expect(a.answerTo(unique)?.errno).toBe(0);
    expect(a.ends).toEqual([undefined]);
  });

  test("is where a mount comes to whose kernel can't be told any more", () => {
    const mounts = new Mounts();
    const [a, b] = [mounts.mount(), mounts.mount()];
    a.send(mkdir("new"));
    mounts.notifier(0).fail(new NexusError("internal", "the process has ended"));
    mounts.clock.advance(2000);
    expect(b.ends).toMatchObject([{ message: "the process has ended" }]);
    expect(a.ends).toEqual([]);
  });
});
