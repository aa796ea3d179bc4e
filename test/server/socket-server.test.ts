import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { NexusError } from "../../src/model/errors.js";
import { RpcCaller } from "../../src/rpc/caller.js";
import { openWebSocket } from "../../src/rpc/open-web-socket.js";
import { shortPath } from "../../src/rpc/socket-path.js";
import { connectSocket } from "../../src/sdk/connect-socket.js";
import type { ControlHandler } from "../../src/server/control.js";
import { SocketServer } from "../../src/server/socket-server.js";
import { clientOf } from "../sdk/isolation/ground.js";
import { portTo } from "../support/client-kind.js";
import { kindOfLater } from "../support/error-kind.js";
import { silentLogger } from "../support/silent-logger.js";
import { testDir } from "../support/temp-dir.js";
import { World } from "../vfs/world.js";

const ANYBODY = { isAdmin: false };
const ASKING = { name: "a test", version: "1.2.3" };

async function listen({
  dataDir = testDir(),
  control = {},
}: {
  dataDir?: string;
  control?: ControlHandler;
} = {}) {
  const world = new World();
  const server = await SocketServer.listen({
    dataDir,
    control,
    admit: async ({ identity }, { uid }) => {
      if (identity.isAdmin) throw new NexusError("access-denied", `${uid} may not be an admin`);
      return { identity, dataDir, carrier: portTo(clientOf(world, identity)) };
    },
    health: () => ({ isHealthy: true, mounts: 0 }),
    version: "9.9.9",
    logger: silentLogger,
  });
  onTestFinished(() => server.close());
  return { server, dataDir, socketPath: join(dataDir, "nexus.sock") };
}

async function callerTo(dataDir: string): Promise<RpcCaller> {
  const carrier = await openWebSocket(dataDir);
  if (carrier === undefined) throw new Error("nobody listens");
  const caller = new RpcCaller({ carrier, peer: "the owner" });
  onTestFinished(() => caller.close());
  return caller;
}

async function get(dataDir: string, path: string): Promise<{ status: number; body: unknown }> {
  const short = shortPath(dataDir, { name: "nexus.sock" });
  const asking = request({ socketPath: short.path, path }).end();
  const [response] = await once(asking, "response");
  short.close();
  const body: Buffer[] = await response.toArray();
  return { status: response.statusCode, body: JSON.parse(Buffer.concat(body).toString()) };
}

describe("the owner's socket", () => {
  test("is its user's alone, and gone when it is closed, with all that was made for it", async () => {
    const { server, dataDir, socketPath } = await listen();
    expect(statSync(socketPath).mode & 0o7777).toBe(0o600);
    expect(readdirSync(dataDir)).toStrictEqual(["nexus.sock"]);
    await server.close();
    expect(existsSync(socketPath)).toBe(false);
  });

  test("takes the place of what a crashed owner left", async () => {
    const dataDir = testDir();
    writeFileSync(join(dataDir, "nexus.sock"), "");
    await listen({ dataDir });
    const client = await connectSocket({ dataDir, identity: ANYBODY, client: ASKING });
    expect(await client?.exists("/")).toBe(true);
    await client?.close();
  });

  test("is reached however deep the data directory lies", async () => {
    const dataDir = join(testDir(), "deep".repeat(50), "deeper".repeat(30));
    mkdirSync(dataDir, { recursive: true });
    await listen({ dataDir });
    const client = await connectSocket({ dataDir, identity: ANYBODY, client: ASKING });
    await client?.write("/a", "b");
    expect((await client?.read("/a"))?.toString()).toBe("b");
    expect(client).toMatchObject({ dataDir, identity: ANYBODY });
    await client?.close();
  });

  test("where nobody listens there is no client, and where nobody may there is an error", async () => {
    const dataDir = testDir();
    const options = { dataDir, identity: ANYBODY, client: ASKING };
    expect(await connectSocket(options)).toBeUndefined();
    expect(await connectSocket({ ...options, dataDir: join(dataDir, "none") })).toBeUndefined();
    const path = join(dataDir, "nexus.sock");
    const silent = createServer().listen(path);
    await once(silent, "listening");
    silent.on("connection", (socket) => socket.destroy());
    expect(await kindOfLater(connectSocket(options))).toBe("io-failure");
    silent.close();
    chmodSync(dataDir, 0o700);
  });

  test("tells its health, and of what else there is", async () => {
    const { dataDir } = await listen();
    const health = { status: 200, body: { isHealthy: true, mounts: 0 } };
    expect(await get(dataDir, "/health")).toStrictEqual(health);
    expect(await get(dataDir, "/etc")).toMatchObject({ status: 404 });
  });

  test("has control methods, with who asks", async () => {
    const seen: unknown[] = [];
    const control: ControlHandler = {
      "daemon.status": async (params, { credentials }) => {
        seen.push(params, credentials);
        return { mounts: [] };
      },
    };
    const { dataDir } = await listen({ control });
    const caller = await callerTo(dataDir);
    const call = caller.call({ method: "daemon.status", params: { isLong: true } });
    expect(await call.result).toStrictEqual({ mounts: [] });
    const [uid, gid] = [process.getuid?.(), process.getgid?.()];
    expect(seen).toStrictEqual([{ isLong: true }, { uid, gid, pid: process.pid }]);
    const unknown = caller.call({ method: "toString", params: {} }).result;
    expect(await kindOfLater(unknown)).toBe("not-supported");
  });

  test("goes on when somebody asks for what isn't there and leaves before the answer", async () => {
    const { dataDir } = await listen();
    const short = shortPath(dataDir, { name: "nexus.sock" });
    const upgrade = ["GET /other HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket"];
    for (let time = 0; time < 20; time += 1) {
      const socket = connect(short.path);
      await once(socket, "connect");
      socket.write(`${upgrade.join("\r\n")}\r\n\r\n`);
      socket.destroy();
    }
    short.close();
    expect(await get(dataDir, "/health")).toMatchObject({ status: 200 });
  });

  test("closes when what it has answered is with who asked", async () => {
    const text = "x".repeat(5_000_000);
    let answered: () => void = () => undefined;
    const answering = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const control: ControlHandler = {
      "daemon.status": async () => {
        setImmediate(answered);
        return text;
      },
    };
    const { server, dataDir } = await listen({ control });
    const caller = await callerTo(dataDir);
    const { result } = caller.call({ method: "daemon.status", params: {} });
    await answering;
    await server.close();
    expect(await result).toBe(text);
  });

  test("closes also for who doesn't say goodbye", async () => {
    const { server, dataDir } = await listen();
    const carrier = await openWebSocket(dataDir);
    carrier?.listen({ onFrame: () => new Promise(() => undefined), onClose: () => undefined });
    carrier?.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "none" }));
    await server.close();
    expect(server.connections).toBe(0);
  });

  test("cuts everybody off when it is closed", async () => {
    const { server, dataDir } = await listen();
    const client = await connectSocket({ dataDir, identity: ANYBODY, client: ASKING });
    const waiting = kindOfLater(client?.queue.claim({ worker: "w", wait: true }) ?? fail());
    await client?.exists("/");
    await server.close();
    expect(await waiting).toBe("io-failure");
    expect(await kindOfLater(client?.exists("/") ?? fail())).toBe("io-failure");
  });

  test("lets nobody in who came just before it is closed", async () => {
    const { server, dataDir } = await listen();
    let closed: Promise<void> | undefined;
    onTestFinished(() => vi.doUnmock("ws"));
    // Loaded for the first who comes, which takes a while.
    vi.doMock("ws", async (importOriginal) => {
      closed = server.close();
      await new Promise((resolve) => setImmediate(resolve));
      return await importOriginal();
    });
    const short = shortPath(dataDir, { name: "nexus.sock" });
    onTestFinished(() => short.close());
    const socket = connect(short.path);
    const upgrade = ["GET /rpc HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket"];
    const key = ["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng=="];
    socket.write(`${[...upgrade, ...key].join("\r\n")}\r\n\r\n`);
    expect(await socket.toArray()).toStrictEqual([]);
    expect(closed).toBeDefined();
    await closed;
    expect(server.connections).toBe(0);
  });
});

describe("a client whose owner has gone", () => {
  test("finds the next one, over one connection for all that it asks", async () => {
    const { server, dataDir } = await listen();
    const client = await connectSocket({ dataDir, identity: ANYBODY, client: ASKING });
    if (client === undefined) return await fail();
    const reading = client.walk()[Symbol.asyncIterator]();
    await server.close();
    // It may not have heard of it yet.
    expect(await kindOfLater(client.exists("/"))).toBe("io-failure");
    await expect(client.exists("/")).rejects.toMatchObject({
      kind: "io-failure",
      message: expect.stringMatching(/is gone; nothing was done/),
    });
    const { server: next } = await listen({ dataDir });
    const content = client.createReadStream("/new");
    await Promise.all([client.write("/new", "b"), client.exists("/"), reading.next()]);
    expect(next.connections).toBe(1);
    expect(Buffer.concat(await content.toArray()).toString()).toBe("b");
    await client.close();
    expect(await kindOfLater(client.exists("/"))).toBe("closed");
    await expect.poll(() => next.connections).toBe(0);
  });
});

function fail(): Promise<never> {
  return Promise.reject(new Error("there is no client"));
}

describe("initialize", () => {
  const valid = {
    protocolVersion: 1,
    identity: ANYBODY,
    client: { name: "by hand", version: "1.2.3", pid: 1 },
  };

  test("of another version is refused with both versions and what to do", async () => {
    const { dataDir } = await listen();
    const caller = await callerTo(dataDir);
    const params = { ...valid, protocolVersion: 2 };
    const refused = caller.call({ method: "initialize", params }).result;
    await expect(refused).rejects.toMatchObject({
      kind: "not-supported",
      message: expect.stringMatching(/1\.2\.3.*protocol 2.*9\.9\.9.*protocol 1.*same version/),
    });
  });

  test("comes before every method of a client", async () => {
    const { dataDir } = await listen();
    const caller = await callerTo(dataDir);
    const exists = () => caller.call({ method: "exists", params: { args: ["/"] } }).result;
    expect(await kindOfLater(exists())).toBe("not-supported");
    const { result } = caller.call({ method: "initialize", params: valid });
    expect(await result).toStrictEqual({
      protocolVersion: 1,
      version: "9.9.9",
      dataDir,
      identity: ANYBODY,
    });
    expect(await exists()).toBe(true);
  });

  test("and the control methods are for who isn't let in yet", async () => {
    const { dataDir } = await listen({ control: { "daemon.stop": async () => "stopped" } });
    const caller = await callerTo(dataDir);
    const ask = (method: string, params: object) =>
      caller.call({ method, params: { ...params } }).result;
    await ask("initialize", valid);
    const admin = { ...valid, identity: { isAdmin: true } };
    expect(await kindOfLater(ask("initialize", admin))).toBe("not-supported");
    expect(await kindOfLater(ask("daemon.stop", {}))).toBe("not-supported");
  });

  test("is refused with what the owner says, and can be tried again", async () => {
    const { dataDir } = await listen();
    const options = { dataDir, client: ASKING };
    const refused = connectSocket({ ...options, identity: { isAdmin: true } });
    await expect(refused).rejects.toMatchObject({
      kind: "access-denied",
      message: expect.stringContaining("may not be an admin"),
    });
    const caller = await callerTo(dataDir);
    const admin = { ...valid, identity: { isAdmin: true } };
    const first = caller.call({ method: "initialize", params: admin }).result;
    expect(await kindOfLater(first)).toBe("access-denied");
    const second = caller.call({ method: "initialize", params: valid }).result;
    expect(await second).toMatchObject({ identity: ANYBODY });
  });

  test.each([
    {},
    { identity: { isAdmin: "yes" } },
    { identity: { isAdmin: false, tenantId: "../other" } },
    { identity: { isAdmin: false, agentId: 5 } },
    { client: undefined },
  ])("with %o is refused", async (change) => {
    const { dataDir } = await listen();
    const caller = await callerTo(dataDir);
    const params = Object.keys(change).length === 0 ? {} : { ...valid, ...change };
    const refused = caller.call({ method: "initialize", params }).result;
    expect(await kindOfLater(refused)).toMatch(/invalid-argument/);
  });
});
