import { closeSync } from "node:fs";
import { constants } from "node:os";
import { MessageChannel } from "node:worker_threads";
import { expect, onTestFinished, test } from "vitest";
import { CallFailed, PathPort } from "../../../../src/fuse/binding/fuse-native/path-port.js";
import { PathSession } from "../../../../src/fuse/binding/fuse-native/path-session.js";
import { openEventCounter, raiseEvent } from "../../../../src/libc/event-counter.js";
import type { Caller } from "../../../../src/model/identity.js";
import type { TenantId } from "../../../../src/model/ids.js";
import { recordingLogger } from "../../../support/silent-logger.js";
import { openNexus } from "../../../support/stores.js";
import { testDir } from "../../../support/temp-dir.js";

const { EACCES, ENOENT, ENOTCONN, EIO } = constants.errno;

/** A mount's two sides, over a real port and a real store, and what holds answers back. */
function session() {
  const nexus = openNexus(testDir());
  const { port1, port2 } = new MessageChannel();
  const { logger, lines } = recordingLogger();
  const events: string[] = [];
  const held: (() => void)[] = [];
  const asked = openEventCounter();
  const callers: Caller[] = [];
  const coherence = {
    holds: false,
    whenForgotten: (caller: Caller, { answer }: { answer: () => void }) => {
      callers.push(caller);
      if (coherence.holds) held.push(answer);
      return coherence.holds;
    },
  };
  const served = new PathSession({
    mount: { port: port2, fd: -1, asked },
    ...{ fs: nexus.fileSystem, logger, coherence },
    identity: { isAdmin: false, tenantId: "acme" as TenantId },
    user: { uid: 5, gid: 6 },
    onEnd: () => events.push("ended"),
  });
  let closed: () => void = () => undefined;
  const isClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const port = new PathPort(port1, {
    onQuestion: () => {
      raiseEvent(asked);
      // As the pump does when the counter is readable.
      setImmediate(() => served.receive());
    },
    onClose: () => {
      events.push("closed");
      closed();
    },
  });
  onTestFinished(async () => {
    served.abort();
    closeSync(asked);
    await nexus.close({ drainMs: 10_000 });
  });
  return { nexus, served, port, events, held, callers, coherence, isClosed, lines };
}

async function errnoOf(call: Promise<unknown>): Promise<number> {
  return await call.then(
    () => 0,
    (error: unknown) => {
      if (error instanceof CallFailed) return error.errno;
      throw error;
    },
  );
}

test("calls go over and results come back, bytes included, on behalf of the mount's user", async () => {
  const { port, served, callers } = session();
  const file = await port.call("create", { path: "/f", mode: 0o100644, flags: 0o2 });
  const data = Uint8Array.from(Buffer.from("0123456789"));
  await port.call("write", { file, offset: 0, data }, [data.buffer]);
  expect(Buffer.from(await port.call("read", { file, offset: 2, length: 100 })).toString()).toBe(
    "23456789",
  );
  expect(await port.call("getattr", { path: "/f" })).toMatchObject({
    uid: 5,
    gid: 6,
    sizeBytes: 10,
  });
  expect(served).toMatchObject({ openHandles: 1, requestsServed: 4, isWaiting: false });
  // What a call has changed is found by its caller.
  expect(new Set(callers).size).toBe(4);
});

test("what fails comes back as its errno, and as the isolation of the mount says", async () => {
  const { port, lines } = session();
  expect(await errnoOf(port.call("getattr", { path: "/none" }))).toBe(ENOENT);
  expect(await errnoOf(port.call("readdir", { path: "/workspace/other" }))).toBe(EACCES);
  expect(lines).toEqual([]);
});

test("a failure of ours is EIO, and in the log", async () => {
  const { port, nexus, lines } = session();
  nexus.fileSystem.statfs = () => {
    throw new TypeError("no such thing");
  };
  expect(await errnoOf(port.call("statfs", { path: "/" }))).toBe(EIO);
  expect(lines).toMatchObject([{ level: 50, op: "statfs" }]);
});

test("an answer waits until other kernels have forgotten what it has changed", async () => {
  const { port, coherence, held, served } = session();
  coherence.holds = true;
  let isAnswered = false;
  const made = port.call("mkdir", { path: "/d", mode: 0o40755 }).then(() => {
    isAnswered = true;
  });
  await expect.poll(() => held.length).toBe(1);
  coherence.holds = false;
  await port.call("getattr", { path: "/d" });
  expect([isAnswered, served.isWaiting]).toEqual([false, true]);
  held[0]?.();
  await made;
});

test("the end comes when what is under way is answered, and fails what comes later", async () => {
  const { port, coherence, held, served, events, isClosed, nexus } = session();
  const file = await port.call("create", { path: "/f", mode: 0o100644, flags: 0o2 });
  expect(file).toBe(1);
  coherence.holds = true;
  const made = port.call("mkdir", { path: "/d", mode: 0o40755 });
  await expect.poll(() => held.length).toBe(1);
  expect(served.end.receive()).toBe("ended");
  expect(events).toEqual([]);
  held[0]?.();
  await made;
  await isClosed;
  expect(events).toEqual(["ended", "closed"]);
  expect(nexus.figures().openHandles).toBe(0);
  expect(await errnoOf(port.call("getattr", { path: "/" }))).toBe(ENOTCONN);
});

test("who waits for an answer that doesn't come any more is told so", async () => {
  const { port, coherence, isClosed } = session();
  coherence.holds = true;
  const made = errnoOf(port.call("mkdir", { path: "/d", mode: 0o40755 }));
  port.close();
  await isClosed;
  expect(await made).toBe(ENOTCONN);
});
