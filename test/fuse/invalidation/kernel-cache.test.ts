import { constants } from "node:os";
import { describe, expect, test } from "vitest";
import { KernelCache } from "../../../src/fuse/invalidation/kernel-cache.js";
import { NexusError } from "../../../src/model/errors.js";
import type { Ino } from "../../../src/model/ids.js";
import type { Change } from "../../../src/vfs/changes.js";
import { FakeClock } from "../../support/fake-clock.js";
import { recordingLogger } from "../../support/silent-logger.js";
import { FakeNotifier } from "./fake-notifier.js";

const { ENOENT } = constants.errno;
const ALL = { off: 0, len: 0 };

function entry(parent: number, name: string): Change {
  return { kind: "entry", parent: parent as Ino, name };
}

function attributes(ino: number): Change {
  return { kind: "attributes", ino: ino as Ino };
}

function content(ino: number, offset: number, length: number | "to the end"): Change {
  return { kind: "content", ino: ino as Ino, offset, length, sizeBytes: 1000 };
}

class Kernel {
  readonly clock = new FakeClock();
  readonly known = new Set<number>([1, 2, 3]);
  readonly notifiers: FakeNotifier[] = [];
  readonly failures: Error[] = [];
  readonly log = recordingLogger();
  readonly cache = new KernelCache({
    knows: (ino) => this.known.has(ino),
    startNotifier: (events) => {
      const notifier = new FakeNotifier(events);
      this.notifiers.push(notifier);
      return notifier;
    },
    scheduler: this.clock,
    logger: this.log.logger,
    onFailure: (error) => this.failures.push(error),
  });

  get notifier(): FakeNotifier {
    const [notifier] = this.notifiers;
    if (notifier === undefined) throw new Error("no notifier was started");
    return notifier;
  }

  /** Holds back an answer. */
  hold(locked: readonly number[], changed: readonly number[] = [], letGo = () => {}): number {
    return this.cache.holdAnswer({ locked: locked as Ino[], changed: changed as Ino[] }, letGo);
  }

  /** Forgets, and tells whether the kernel has done so. */
  forget(change: Change): { isDone: () => boolean; waited: () => boolean } {
    const number = this.cache.forget(change);
    if (number === undefined) throw new Error("nothing to forget");
    let hasWaited = false;
    this.cache.whenDone(number, () => {
      hasWaited = true;
    });
    return { isDone: () => this.cache.isDone(number), waited: () => hasWaited };
  }

  /** All that was sent, without what belongs together. */
  get heard(): unknown[] {
    return this.notifier.packets.flat();
  }
}

describe("what a kernel has to forget", () => {
  test("is an entry, and then the listing and the attributes of its directory", () => {
    const kernel = new Kernel();
    kernel.cache.forget(entry(1, "größe"));
    expect(kernel.notifier.packets).toEqual([
      [
        { forgets: "entry", parent: 1, name: "größe" },
        { forgets: "inode", ino: 1, ...ALL },
      ],
    ]);
  });

  test("is the attributes alone, where only they have changed", () => {
    const kernel = new Kernel();
    kernel.cache.forget(attributes(2));
    expect(kernel.heard).toEqual([{ forgets: "inode", ino: 2, off: -1, len: 0 }]);
  });

  test.each<[Change, unknown]>([
    [content(2, 4096, 100), { off: 4096, len: 100 }],
    [content(2, 2 ** 40 + 1, "to the end"), { off: 2 ** 40 + 1, len: 0 }],
    [content(2, 5, 0), { off: -1, len: 0 }],
  ])("is the bytes that have changed: %j", (change, expected) => {
    const kernel = new Kernel();
    kernel.cache.forget(change);
    expect(kernel.heard).toEqual([{ forgets: "inode", ino: 2, ...(expected as object) }]);
  });

  test("with a file's new last byte comes its new size", () => {
    const kernel = new Kernel();
    const ino = 2 as Ino;
    const lastByte = "!".charCodeAt(0);
    kernel.cache.forget({ kind: "content", ino, offset: 9, length: 4, sizeBytes: 13, lastByte });
    expect(kernel.heard).toEqual([
      { forgets: "inode", ino: 2, off: 9, len: 4 },
      { stores: "!", ino: 2, at: 12 },
    ]);
  });

  test("is nothing of an inode that it doesn't know, and no notifier starts for that", () => {
    const kernel = new Kernel();
    const changes = [entry(9, "a"), attributes(9), content(9, 0, 1)];
    expect(changes.map((change) => kernel.cache.forget(change))).toEqual(
      changes.map(() => undefined),
    );
    expect(kernel.notifiers).toEqual([]);
    expect(kernel.cache.pages.mayMistakeSize(9 as Ino)).toBe(false);
  });
});

describe("what was handed over", () => {
  test("is handed over again when it may be lost, in its order, and what isn't yet comes after it", () => {
    const kernel = new Kernel();
    const waiting = ["a", "b"].map((name) => kernel.forget(entry(1, name)));
    kernel.notifier.isFull = true;
    waiting.push(kernel.forget(entry(1, "c")));
    kernel.notifier.take();
    kernel.notifier.isFull = false;
    kernel.notifier.lose();
    const names = kernel.notifier.packets.map(([first]) => (first as { name: string }).name);
    expect(names).toEqual(["a", "b", "b", "c"]);
    kernel.notifier.takeAll();
    expect(waiting.map((wait) => wait.waited())).toEqual([true, true, true]);
  });
});

describe("what there is no room for", () => {
  test("isn't waited for longer than what is under way", () => {
    const kernel = new Kernel();
    kernel.forget(attributes(1));
    kernel.notifier.take();
    kernel.notifier.isFull = true;
    const waiting = kernel.forget(entry(1, "a"));
    kernel.clock.advance(2000);
    expect([waiting.waited(), kernel.cache.isResponsive]).toEqual([true, false]);
    kernel.notifier.isFull = false;
    kernel.notifier.lose();
    kernel.notifier.take();
    expect([waiting.isDone(), kernel.cache.isResponsive]).toEqual([true, true]);
  });
});

describe("waiting for a kernel", () => {
  test("ends when it has taken that notification, not an earlier one", () => {
    const kernel = new Kernel();
    const first = kernel.forget(entry(1, "a"));
    const second = kernel.forget(entry(1, "b"));
    kernel.notifier.take();
    expect([first.waited(), second.waited()]).toEqual([true, false]);
    expect([first.isDone(), second.isDone()]).toEqual([true, false]);
    kernel.notifier.take();
    expect([second.waited(), second.isDone()]).toEqual([true, true]);
    expect(kernel.clock.waiting).toBe(0);
  });

  test("ends after two seconds, says so once, and it isn't worth waiting until it takes one", () => {
    const kernel = new Kernel();
    const stuck = kernel.forget(entry(1, "a"));
    kernel.clock.advance(1999);
    expect([stuck.waited(), kernel.cache.isResponsive]).toEqual([false, true]);
    kernel.clock.advance(1);
    expect([stuck.waited(), stuck.isDone(), kernel.cache.isResponsive]).toEqual([
      true,
      false,
      false,
    ]);
    kernel.clock.advance(60_000);
    expect(kernel.log.lines.map(({ msg }) => msg)).toEqual([
      "the kernel takes no notification for 100 ms: nobody waits",
      "the kernel takes no notification: a program keeps a directory locked",
    ]);
    kernel.notifier.take();
    expect(kernel.cache.isResponsive).toBe(true);
  });

  test("lasts two seconds since the last one that it took", () => {
    const kernel = new Kernel();
    kernel.forget(entry(1, "a"));
    const second = kernel.forget(entry(1, "b"));
    kernel.clock.advance(1500);
    kernel.notifier.take();
    kernel.clock.advance(1500);
    expect(second.waited()).toBe(false);
  });
});

describe("many changes", () => {
  test("of one thing become one while they wait, of different ones keep their order", () => {
    const kernel = new Kernel();
    kernel.forget(entry(1, "first"));
    kernel.notifier.isFull = true;
    const waiting = [
      kernel.forget(content(2, 4096, 10)),
      kernel.forget(entry(1, "b")),
      kernel.forget(content(2, 100, 10)),
      kernel.forget(entry(1, "b")),
      kernel.forget(content(3, 7, "to the end")),
      kernel.forget(content(3, 0, 2)),
    ];
    kernel.notifier.isFull = false;
    kernel.notifier.take();
    expect(kernel.notifier.packets.slice(1)).toEqual([
      [{ forgets: "inode", ino: 2, off: 100, len: 4006 }],
      [
        { forgets: "entry", parent: 1, name: "b" },
        { forgets: "inode", ino: 1, ...ALL },
      ],
      [{ forgets: "inode", ino: 3, off: 0, len: 0 }],
    ]);
    kernel.notifier.takeAll();
    expect(waiting.every(({ waited }) => waited())).toBe(true);
  });

  test("of a file that became one tell its last byte as long as it is that", () => {
    const spans = { patch: [3, 2], over: [8, 2], shorter: [4, "to the end"] } as const;
    const stores = Object.values(spans).map(([offset, length]) => {
      const kernel = new Kernel();
      const file = { kind: "content", ino: 2 as Ino, sizeBytes: 10 } as const;
      kernel.forget(entry(1, "first"));
      kernel.notifier.isFull = true;
      kernel.forget({ ...file, offset: 6, length: 4, lastByte: "!".charCodeAt(0) });
      const sizeBytes = length === "to the end" ? offset : 10;
      kernel.forget({ ...file, offset, length, sizeBytes });
      kernel.notifier.isFull = false;
      kernel.notifier.take();
      return kernel.heard.filter((heard) => Object.hasOwn(heard as object, "stores"));
    });
    expect(stores).toEqual([[{ stores: "!", ino: 2, at: 9 }], [], []]);
  });

  test("go out a few at a time, each when an earlier one is taken", () => {
    const kernel = new Kernel();
    for (let count = 0; count < 100; count++) kernel.forget(entry(1, `f${count}`));
    expect(kernel.notifier.packets).toHaveLength(64);
    kernel.notifier.take(10);
    expect(kernel.notifier.packets).toHaveLength(74);
    kernel.notifier.takeAll();
    expect(kernel.notifier.packets).toHaveLength(100);
  });
});

describe("an inode that the kernel should know and doesn't", () => {
  test("is told of again: whoever asked may take an answer from before the change", () => {
    const kernel = new Kernel();
    const told = kernel.forget(attributes(2));
    kernel.notifier.take(1, ENOENT);
    expect(told.waited()).toBe(true);
    for (const delayMs of [1, 10, 100, 1000]) {
      kernel.clock.advance(delayMs - 1);
      const before = kernel.notifier.packets.length;
      kernel.clock.advance(1);
      expect(kernel.notifier.packets).toHaveLength(before + 1);
      kernel.notifier.take(1, ENOENT);
    }
    kernel.clock.advance(60_000);
    expect(kernel.notifier.packets).toHaveLength(5);
  });

  test("isn't, once it has forgotten it; nor is a name that it never looked up", () => {
    const kernel = new Kernel();
    kernel.forget(attributes(2));
    kernel.notifier.take(1, ENOENT);
    kernel.known.delete(2);
    kernel.clock.advance(1000);
    kernel.forget(attributes(3));
    kernel.notifier.take();
    kernel.clock.advance(1000);
    expect(kernel.notifier.packets).toHaveLength(2);
  });
});

describe("an answer that is held back", () => {
  test("goes out before the changes that came meanwhile are told, and those before it are told", () => {
    const kernel = new Kernel();
    kernel.forget(entry(1, "before"));
    const answer = kernel.hold([1]);
    kernel.forget(entry(1, "meanwhile"));
    const later = kernel.hold([2, 1]);
    kernel.forget(entry(1, "meanwhile"));
    kernel.forget(entry(1, "last"));
    expect(kernel.notifier.packets).toHaveLength(1);
    kernel.cache.releaseAnswer(answer);
    expect(kernel.notifier.packets).toHaveLength(2);
    kernel.notifier.takeAll();
    expect(kernel.notifier.packets).toHaveLength(2);
    kernel.cache.releaseAnswer(later);
    const names = kernel.notifier.packets.map(([first]) => (first as { name: string }).name);
    expect(names).toEqual(["before", "meanwhile", "meanwhile", "last"]);
  });

  test("holds up nothing that is about something else", () => {
    const kernel = new Kernel();
    const answer = kernel.hold([1]);
    const deferred = kernel.forget(entry(1, "a"));
    const other = kernel.forget(attributes(2));
    kernel.notifier.take();
    expect(kernel.notifier.packets).toEqual([[{ forgets: "inode", ino: 2, off: -1, len: 0 }]]);
    expect([deferred.waited(), other.waited()]).toEqual([false, true]);
    kernel.cache.releaseAnswer(answer);
    kernel.notifier.take();
    expect(deferred.waited()).toBe(true);
  });

  test("to a change of attributes alone holds up those, and no bytes and no names", () => {
    const kernel = new Kernel();
    const answer = kernel.hold([1], [2]);
    kernel.forget(attributes(2));
    kernel.forget(content(2, 0, 10));
    kernel.forget(entry(2, "a"));
    expect(kernel.notifier.packets).toHaveLength(2);
    kernel.cache.releaseAnswer(answer);
    expect(kernel.notifier.packets).toHaveLength(3);
  });

  test("goes out when the kernel takes nothing for 100 ms, which may wait for it", () => {
    const kernel = new Kernel();
    let outs = 0;
    const letGo = () => {
      outs += 1;
      kernel.cache.releaseAnswer(answer);
    };
    const answer = kernel.hold([3], [], letGo);
    kernel.forget(entry(1, "a"));
    const deferred = kernel.forget(entry(3, "b"));
    kernel.clock.advance(99);
    expect([outs, kernel.cache.isOverdue]).toEqual([0, false]);
    kernel.clock.advance(1);
    expect([outs, kernel.cache.isOverdue]).toEqual([1, true]);
    kernel.notifier.takeAll();
    expect(kernel.cache.isOverdue).toBe(false);
    expect(deferred.waited()).toBe(true);
    expect(kernel.cache.isResponsive).toBe(true);
  });

  test("becomes one with what came after it of the same name, and whoever waits hears of it", () => {
    const kernel = new Kernel();
    const first = kernel.hold([1]);
    const waits = [kernel.forget(entry(1, "a"))];
    const later = kernel.hold([1]);
    waits.push(kernel.forget(entry(1, "a")));
    kernel.cache.releaseAnswer(later);
    expect(kernel.notifiers).toEqual([]);
    kernel.cache.releaseAnswer(first);
    expect(kernel.notifier.packets).toHaveLength(1);
    expect(waits.map((wait) => wait.waited())).toEqual([false, false]);
    kernel.notifier.take();
    expect(waits.map((wait) => wait.waited())).toEqual([true, true]);
    expect(kernel.cache.isBehind).toBe(false);
    expect(kernel.cache.needsLockOf({ locked: [1 as Ino], changed: [] })).toBe(false);
  });
});

describe("the size that the kernel goes by", () => {
  test("may be wrong after somebody else's change, until the file is forgotten", () => {
    const kernel = new Kernel();
    const ino = 2 as Ino;
    kernel.forget(attributes(2));
    expect(kernel.cache.pages.mayMistakeSize(ino)).toBe(false);
    kernel.forget(content(2, 0, 1));
    expect(kernel.cache.pages.mayMistakeSize(ino)).toBe(true);
    kernel.cache.pages.noteForgotten(ino);
    expect(kernel.cache.pages.mayMistakeSize(ino)).toBe(false);
  });

  test("was wrong: it forgets the bytes from there on", () => {
    const kernel = new Kernel();
    kernel.cache.forgetFrom({ ino: 2 as Ino, offset: 77 });
    expect(kernel.heard).toEqual([{ forgets: "inode", ino: 2, off: 77, len: 0 }]);
  });
});

describe("the end", () => {
  test("is at once, and nobody waits any longer", () => {
    const kernel = new Kernel();
    const waiting = kernel.forget(entry(1, "a"));
    kernel.notifier.isFull = true;
    kernel.forget(entry(1, "b"));
    kernel.notifier.isFull = false;
    kernel.cache.close();
    expect([waiting.waited(), kernel.notifier.isClosed]).toEqual([true, true]);
    expect(kernel.notifier.packets).toHaveLength(1);
    expect(kernel.cache.forget(entry(1, "c"))).toBeUndefined();
    expect(kernel.clock.waiting).toBe(0);
    const quiet = new Kernel();
    quiet.cache.close();
    expect(quiet.notifiers).toEqual([]);
  });

  test("may come with the answers that go out when it takes nothing, and then nobody watches it", () => {
    const kernel = new Kernel();
    kernel.hold([3], [], () => kernel.cache.close());
    kernel.forget(entry(1, "a"));
    kernel.forget(entry(1, "b"));
    kernel.clock.advance(60_000);
    expect([kernel.notifier.isClosed, kernel.clock.waiting]).toEqual([true, 0]);
    expect(kernel.log.lines.map(({ level }) => level)).toEqual([20]);
  });

  test("comes when more waits for a kernel that takes nothing than memory is worth", () => {
    const kernel = new Kernel();
    for (let count = 0; count < 64 + 250_000; count++) kernel.cache.forget(entry(1, `f${count}`));
    expect(kernel.failures).toEqual([]);
    kernel.cache.forget(entry(1, "one more"));
    expect(kernel.failures.map(({ message }) => message)).toEqual([
      "the kernel takes no notifications, and 250000 wait",
    ]);
  });

  test("is what the owner hears of when nothing can be told any more", () => {
    const kernel = new Kernel();
    kernel.forget(entry(1, "a"));
    const failure = new NexusError("internal", "the process has ended");
    kernel.notifier.fail(failure);
    expect(kernel.failures).toEqual([failure]);
  });
});
