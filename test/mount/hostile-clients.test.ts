import { open, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MOST_HELD_BYTES } from "../../src/rpc/limits.js";
import { connectSocket } from "../../src/sdk/connect-socket.js";
import { Random } from "../differ/random.js";
import { Mounted, SOON, whyNoMounts } from "../support/daemon.js";
import { BINARY, CLOSE, frame, PING, RawClient } from "./hostile/raw-client.js";

// What programs of the owner's user may do to the daemon's socket, out of error or malice: the mount is served all the
// while, and the daemon's memory has its bounds.

const MIB = 1024 * 1024;
const CLIENTS = 1000;
const STORMS = 5;
/** What a daemon may take beyond what it holds for clients: heaps that grow before they are swept. */
const SLACK_BYTES = 256 * MIB;
/** Larger than what is held of it, many times over. */
const CONTENT_BYTES = 16 * MIB;
const READS = 200;

describe.skipIf(whyNoMounts() !== undefined)("a daemon with hostile clients", () => {
  let mounted: Mounted;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    mounted = await Mounted.start();
    await writeFile(join(mounted.mountPoint, "file"), "text");
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await mounted?.stop();
  });

  async function kept(client: Promise<RawClient>): Promise<RawClient> {
    clients.push(await client);
    return await client;
  }

  /** The mount answers, a client of good manners is let in, and the daemon has nothing to complain about. */
  async function expectService(): Promise<void> {
    const path = join(mounted.mountPoint, `new-${clients.length}-${performance.now()}`);
    await writeFile(path, "more");
    expect(await readFile(path, "utf8")).toBe("more");
    const client = await connectSocket({
      dataDir: mounted.dataDir,
      identity: { isAdmin: false },
      client: { name: "polite", version: "0" },
    });
    expect((await client?.read("/file"))?.toString()).toBe("text");
    await client?.close();
    expect(mounted.troubles).toEqual([]);
  }

  async function residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${mounted.pid}/status`, "utf8");
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
  }

  /** The most that the daemon has, while something goes on. */
  async function peakDuring(ms: number): Promise<number> {
    let peak = 0;
    const end = performance.now() + ms;
    while (performance.now() < end) {
      // Where the thread that serves the mount is busy with others, it takes long, and more is held after it.
      await stat(join(mounted.mountPoint, `absent-${performance.now()}`)).catch(() => undefined);
      peak = Math.max(peak, await residentBytes());
    }
    return peak;
  }

  test.each([1, 2, 3])(
    "serves on whatever bytes come before and after the upgrade (seed %i)",
    async (seed) => {
      const random = new Random(seed);
      const some = (length: number) => Buffer.from(Array.from({ length }, () => random.below(256)));
      const lines = [
        "GET /rpc HTTP/1.1",
        "GET / HTTP/9",
        "POST /health HTTP/1.1",
        "Upgrade: websocket",
        "",
      ];
      for (let round = 0; round < 20; round++) {
        const bare = await kept(RawClient.connect(mounted.dataDir));
        const text = Array.from({ length: 6 }, () => random.pick(lines)).join("\r\n");
        bare.send(random.chance(50) ? text : some(random.below(3000)));
        const upgraded = await kept(RawClient.upgraded(mounted.dataDir));
        upgraded.send(
          random.chance(50) ? some(random.below(3000)) : frame(some(random.below(300))),
        );
        const inside = await kept(RawClient.initialized(mounted.dataDir));
        inside.send(
          frame(some(random.below(300)), { opcode: random.pick([0, 1, BINARY, 3, 8, PING, 15]) }),
        );
      }
      await expectService();
    },
  );

  test("answers nesting without end, or closes the connection", async () => {
    const deep = 2_000_000;
    const nested = [
      "[".repeat(deep),
      "[".repeat(deep) + "]".repeat(deep),
      `{"jsonrpc":"2.0","id":4,"method":"stat","params":{"args":${"[".repeat(deep)}${"]".repeat(deep)}}}`,
      `{"jsonrpc":"2.0","id":5,"result":${'{"a":'.repeat(deep)}1${"}".repeat(deep)}}`,
    ];
    for (const text of nested) {
      const client = await kept(RawClient.initialized(mounted.dataDir));
      const before = client.received.length;
      client.send(frame(text));
      await expect.poll(() => client.isClosed || client.received.length > before, SOON).toBe(true);
    }
    await expectService();
  });

  test("throws out who sends too much: a frame, fragments without end, pings that nobody reads the answers of", async () => {
    const huge = await kept(RawClient.initialized(mounted.dataDir));
    huge.send(frame("x", { opcode: BINARY, says: 2 ** 40 }));
    await expect.poll(() => huge.isClosed, SOON).toBe(true);
    for (const piece of [
      frame("x", { opcode: 0, isFinal: false }),
      frame("p".repeat(125), { opcode: PING }),
    ]) {
      const client = await kept(RawClient.initialized(mounted.dataDir));
      if (piece[0] === 0) client.send(frame("x", { isFinal: false }));
      else client.stopReading();
      const many = Buffer.concat(Array.from({ length: 1000 }, () => piece));
      for (let sent = 0; sent < 500 && !client.isClosed; sent++) {
        client.send(many);
        await new Promise(setImmediate);
      }
      client.socket.resume();
      await expect.poll(() => client.isClosed, SOON).toBe(true);
    }
    await expectService();
  });

  test("agrees to no compression, and closes the connection of who compresses all the same", async () => {
    const extensions = "permessage-deflate; client_max_window_bits";
    const client = await kept(RawClient.upgraded(mounted.dataDir, { extensions }));
    const accepted = Buffer.concat(client.received).toString("latin1");
    expect(accepted).toMatch(/^HTTP\/1\.1 101 /);
    expect(accepted).not.toMatch(/sec-websocket-extensions/i);
    // 64 KiB on the way, and a thousand times that for who takes it.
    client.send(frame(deflateRawSync(Buffer.alloc(64 * MIB)), { isCompressed: true }));
    await expect.poll(() => client.isClosed, SOON).toBe(true);
    await expectService();
  });

  test("goes on after half a frame, requests without end under one id, and what comes after goodbye", async () => {
    const half = await kept(RawClient.initialized(mounted.dataDir));
    half.send(frame("x".repeat(1000), { says: 100_000 }));
    half.socket.end();
    const twice = await kept(RawClient.initialized(mounted.dataDir));
    const claim = { args: [{ worker: "w", wait: true }] };
    for (let count = 0; count < 2; count++) twice.ask(7, "queue.claim", claim);
    const late = await kept(RawClient.initialized(mounted.dataDir));
    late.send(Buffer.concat([frame(Buffer.from([0x03, 0xe8]), { opcode: CLOSE })]));
    for (let id = 2; id < 50; id++) late.ask(id, "write", { args: [`/late-${id}`] });
    for (const client of [half, twice, late]) {
      await expect.poll(() => client.isClosed, SOON).toBe(true);
    }
    await expectService();
    expect(await readdir(mounted.mountPoint)).not.toContain("late-2");
  });

  test("holds a bounded part of what a client asks for and never takes, and serves others meanwhile", async () => {
    const file = await open(join(mounted.mountPoint, "large"), "w");
    await file.truncate(CONTENT_BYTES);
    await file.close();
    const before = await residentBytes();
    const client = await kept(RawClient.initialized(mounted.dataDir));
    client.stopReading();
    for (let id = 2; id < 2 + READS; id++) client.ask(id, "read", { args: ["/large"] });
    const peak = await peakDuring(2500);
    expect(peak - before).toBeLessThan(MOST_HELD_BYTES + CONTENT_BYTES + SLACK_BYTES);
    await expectService();
  });

  test(`lets in ${CLIENTS} at once, and a storm of others, and lets go of all that leave`, async () => {
    const descriptors = async () => (await stat(`/proc/${mounted.pid}/fd`)).size;
    for (const client of clients.splice(0)) client.close();
    const before = await descriptors();
    const all = await Promise.all(
      Array.from({ length: CLIENTS }, () => kept(RawClient.initialized(mounted.dataDir))),
    );
    for (const client of all) client.ask(2, "exists", { args: ["/file"] });
    const isAnswered = (client: RawClient) =>
      Buffer.concat(client.received).includes('"id":2,"result":true');
    await expect.poll(() => all.every(isAnswered), { timeout: 30_000, interval: 50 }).toBe(true);
    await expectService();
    for (const client of clients.splice(0)) client.close();
    for (let storm = 0; storm < STORMS; storm++) {
      const guests = Array.from({ length: 100 }, () => RawClient.connect(mounted.dataDir));
      for (const guest of await Promise.all(guests)) guest.close();
    }
    await expect.poll(descriptors, SOON).toBeLessThanOrEqual(before);
    await expectService();
  });
});
