import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { NexusClient } from "../../src/sdk/client.js";
import { connect } from "../../src/sdk/connect.js";
import type { ConnectOptions } from "../../src/sdk/connect-options.js";
import { AccessDeniedError, ClosedError, InUseError } from "../../src/sdk/errors.js";
import { DataDirLock } from "../../src/storage/data-dir-lock.js";
import { kindOfLater } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";

async function open(options: ConnectOptions): Promise<NexusClient> {
  const nexus = await connect(options);
  onTestFinished(() => nexus.close());
  return nexus;
}

describe("connect()", () => {
  test("gives a namespace that keeps what was written when it opens again", async () => {
    const dataDir = join(testDir(), "data");
    const first = await open({ dataDir });
    const written = await first.write("/workspace/data.txt", "hello");
    await first.close();
    const second = await open({ dataDir });
    expect((await second.read("/workspace/data.txt")).toString()).toBe("hello");
    const stat = await second.stat("/workspace/data.txt", { etag: false });
    expect(stat.pathId).toBe(written.pathId);
  });

  test("shares the open store among clients with different identities", async () => {
    const dataDir = testDir();
    const acme = await open({ dataDir, tenantId: "acme", agentId: "one" });
    const other = await open({ dataDir, tenantId: "other", agentId: "two" });
    await acme.write("/workspace/acme/one/secret.txt", "hidden");
    await acme.write("/documents/all.txt", "for all");
    expect((await other.read("/documents/all.txt")).toString()).toBe("for all");
    await expect(other.read("/workspace/acme/one/secret.txt")).rejects.toThrow(AccessDeniedError);
    await acme.close();
    await other.write("/documents/all.txt", "still open");
    await other.close();
    const again = await open({ dataDir });
    expect((await again.read("/documents/all.txt")).toString()).toBe("still open");
  });

  test("refuses other namespaces for a store that is open, by name", async () => {
    const dataDir = testDir();
    await open({ dataDir });
    const refused = connect({ dataDir, namespaces: [{ name: "lab", adminOnly: true }] });
    await expect(refused).rejects.toThrow(/a different 'namespaces'/);
    await expect(refused).rejects.toBeInstanceOf(InUseError);
  });

  test("refuses an option that there isn't, with the one that was meant", async () => {
    const options = { dataDirr: testDir() } as ConnectOptions;
    await expect(connect(options)).rejects.toThrow("did you mean 'dataDir'?");
    expect(await kindOfLater(connect(options))).toBe("invalid-config");
  });

  test("opens a store whose owner ends while it is asked", async () => {
    const dataDir = testDir();
    const ending = createServer((socket) => socket.destroy()).listen(join(dataDir, "nexus.sock"));
    await once(ending, "listening");
    onTestFinished(() => void ending.close());
    const nexus = await open({ dataDir });
    expect(await nexus.exists("/workspace")).toBe(true);
  });

  test("says so when the owner of a store goes on and doesn't let it in", async () => {
    const dataDir = testDir();
    const closing = createServer((socket) => socket.destroy()).listen(join(dataDir, "nexus.sock"));
    await once(closing, "listening");
    onTestFinished(() => void closing.close());
    const holder = { pid: process.pid };
    const lock = await DataDirLock.acquire({
      ...{ dataDir, holder, waitMs: 0, isFinishing: () => false, onWait: () => undefined },
    });
    onTestFinished(() => lock.release());
    expect(await kindOfLater(connect({ dataDir }))).toBe("io-failure");
  });

  test("every method of a closed client fails with 'closed'", async () => {
    const nexus = await open({ dataDir: testDir() });
    await nexus.close();
    await nexus.close();
    await expect(nexus.read("/a")).rejects.toThrow(ClosedError);
    await expect(nexus.metadata.get("/a", "b")).rejects.toThrow(ClosedError);
    await expect(nexus.walk()[Symbol.asyncIterator]().next()).rejects.toThrow(ClosedError);
    expect(() => nexus.createReadStream("/a")).toThrow(ClosedError);
  });

  test("close() ends a claim that waits for work", async () => {
    const dataDir = testDir();
    const nexus = await open({ dataDir });
    const other = await open({ dataDir });
    const ended = kindOfLater(nexus.queue.claim({ worker: "w1", wait: true }));
    const others = other.queue.claim({ worker: "w2", wait: true });
    await nexus.close();
    expect(await ended).toBe("closed");
    await other.write("/job", "");
    await other.queue.submit("/job");
    expect(await others).toMatchObject({ path: "/job" });
  });

  test("close() waits for what is under way", async () => {
    const dataDir = testDir();
    const nexus = await open({ dataDir });
    const bytes = Buffer.alloc(4 * 1024 * 1024, "x");
    const writing = nexus.write("/big", bytes);
    await nexus.close();
    expect((await writing).size).toBe(bytes.length);
    const again = await open({ dataDir });
    expect((await again.read("/big")).equals(bytes)).toBe(true);
  });
});
