import { closeSync, openSync } from "node:fs";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { Control } from "../../../../src/fuse/invalidation/notifier/control.js";
import {
  NotifierProcess,
  type NotifierProcessOptions,
} from "../../../../src/fuse/invalidation/notifier/notifier-process.js";
import type { Source } from "../../../../src/fuse/pump.js";
import { read, setNonBlocking, write } from "../../../../src/libc/device.js";
import {
  messageSocketPair as pair,
  receiveMessage,
  sendMessage,
} from "../../../../src/libc/sockets.js";
import { NexusError } from "../../../../src/model/errors.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { recordingLogger } from "../../../support/silent-logger.js";

/** The other end of a process that was started. */
class FakeProcess {
  readonly opened: { mount: number; socket: number }[] = [];
  readonly closed: number[] = [];
  hasDaemon = true;
  readonly end: (why: string) => void;
  readonly #fd: number;
  readonly #control: Control;

  constructor(fd: number, onEnd: (why: string) => void) {
    this.#fd = fd;
    this.end = (why) => {
      this.kill();
      onEnd(why);
    };
    setNonBlocking(fd);
    this.#control = new Control(fd, {
      onOpened: ({ mount, socket, device }) => {
        closeSync(device);
        this.opened.push({ mount, socket });
      },
      onClosed: (mount) => this.closed.push(mount),
      onCut: () => undefined,
      onEnd: () => {
        this.hasDaemon = false;
      },
    });
  }

  /** Hears what was told until now. */
  hear(): this {
    for (let turn = 0; turn < 10 && this.hasDaemon; turn++) this.#control.receive();
    return this;
  }

  /** Reads what was sent for a mount, and says that it is done. */
  take(index = 0): string {
    const socket = this.opened[index]?.socket ?? -1;
    const packet = Buffer.alloc(100);
    const count = read(socket, packet);
    write(socket, { from: Buffer.alloc(4), length: 4 });
    return packet.toString("utf8", 0, count);
  }

  kill(): void {
    for (const { socket } of this.opened.splice(0)) closeSync(socket);
    closeSync(this.#fd);
    this.hasDaemon = false;
  }
}

function fixture(options: Partial<NotifierProcessOptions> = {}) {
  const clock = new FakeClock();
  const sources = new Set<Source>();
  const processes: FakeProcess[] = [];
  const { logger, lines } = recordingLogger();
  const notifiers = new NotifierProcess({
    pump: {
      add: (source) => sources.add(source),
      remove: (source) => sources.delete(source),
      after: (delayMs, task) => clock.after(delayMs, task),
    },
    logger,
    launch: (control, onEnd) => {
      // The one that it was given is closed when this returns.
      const copy = openDuplicate(control);
      processes.push(new FakeProcess(copy, onEnd));
    },
    clone: () => openSync("/dev/null", "r"),
    ...options,
  });
  onTestFinished(() => {
    notifiers.close();
    for (const process of processes) if (process.hasDaemon) process.kill();
  });
  const heard: string[] = [];
  const start = (name = "") =>
    notifiers.start(openDevice(), {
      onDone: () => heard.push(`done ${name}`),
      onLost: () => heard.push(`lost ${name}`),
      onFailure: ({ message }) => heard.push(`failed ${name}: ${message}`),
    });
  const receive = () => {
    for (const source of [...sources]) source.receive();
  };
  return { notifiers, start, processes, clock, heard, lines, sources, receive };
}

function openDevice(): number {
  const fd = openSync("/dev/null", "r");
  onTestFinished(() => closeSync(fd));
  return fd;
}

function openDuplicate(fd: number): number {
  // A socket can't be opened by its path; but a copy of it can be sent through another one.
  const [a, b] = pair();
  sendMessage(a, { bytes: Buffer.alloc(1), descriptors: [fd] });
  const { descriptors } = receiveMessage(b, Buffer.alloc(1));
  closeSync(a);
  closeSync(b);
  return descriptors[0] ?? -1;
}

describe("the notifier process", () => {
  test("is started once, and is told of each mount, and of its end", () => {
    const { start, processes, heard, receive, sources } = fixture();
    const a = start("a");
    const b = start("b");
    expect(processes).toHaveLength(1);
    const process = processes[0]?.hear();
    expect(process?.opened.map(({ mount }) => mount)).toEqual([1, 2]);
    expect(b.send([Buffer.from("one "), Buffer.from("packet")])).toBe(true);
    expect(process?.take(1)).toBe("one packet");
    receive();
    expect(heard).toEqual(["done b"]);
    a.close();
    a.close();
    expect(process?.hear().closed).toEqual([1]);
    expect(sources.size).toBe(1);
  });

  test("is started again when it ends, and each mount hears that what was sent may be lost", () => {
    const { start, processes, clock, heard, sources } = fixture();
    const a = start("a");
    expect(a.send([Buffer.from("packet")])).toBe(true);
    processes[0]?.hear().end("killed");
    expect([a.send([Buffer.from("packet")]), sources.size]).toEqual([false, 0]);
    clock.advance(0);
    expect(processes).toHaveLength(2);
    expect(heard).toEqual(["lost a"]);
    expect(a.send([Buffer.from("again")])).toBe(true);
    expect(processes[1]?.hear().take()).toBe("again");
  });

  test("isn't told of a mount that has ended while there was none", () => {
    const { start, processes, clock, heard } = fixture();
    start("a");
    const b = start("b");
    processes[0]?.end("killed");
    b.close();
    clock.advance(0);
    expect(processes[1]?.hear().opened.map(({ mount }) => mount)).toEqual([1]);
    expect(heard).toEqual(["lost a"]);
  });

  test("is tried for four seconds when it can't start, and then every mount fails", () => {
    const launch = vi.fn(() => {
      throw new Error("no room");
    });
    const { start, clock, heard } = fixture({ launch });
    const a = start("a");
    expect(a.send([Buffer.from("packet")])).toBe(false);
    clock.advance(4000);
    expect(heard).toEqual([]);
    clock.advance(400);
    expect(heard).toEqual(["failed a: the notifier process can't run: no room"]);
    expect(launch).toHaveBeenCalledTimes(6);
    expect(clock.waiting).toBe(0);
  });

  test("is tried as often again once one has lived for a second", () => {
    const { start, processes, clock, heard } = fixture();
    start("a");
    for (let time = 0; time < 5; time++) {
      processes.at(-1)?.end("killed");
      clock.advance(3000);
    }
    expect(heard).toEqual(Array.from({ length: 5 }, () => "lost a"));
    for (let time = 0; time < 5; time++) {
      processes.at(-1)?.end("killed");
      clock.advance([0, 100, 300, 1000, 3000][time] ?? 0);
    }
    processes.at(-1)?.end("killed");
    expect(heard.at(-1)).toMatch("failed a");
  });

  test("serves a mount whose device can't be opened again, and that is told", () => {
    const { start, processes, lines } = fixture({
      clone: () => {
        throw new NexusError("access-denied", "no");
      },
    });
    start();
    expect(processes[0]?.hear().opened).toHaveLength(1);
    expect(lines.map(({ msg }) => msg)).toEqual([
      "/dev/fuse can't be opened again: if this process is killed, programs may hang",
    ]);
  });

  test("hears the end of the daemon, and isn't started again then", () => {
    const { notifiers, start, processes, clock } = fixture();
    start();
    notifiers.close();
    expect(processes[0]?.hear().hasDaemon).toBe(false);
    clock.advance(10_000);
    expect(processes).toHaveLength(1);
  });
});
