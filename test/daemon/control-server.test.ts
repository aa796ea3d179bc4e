import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type ControlMethod, serveControl } from "../../src/daemon/control-server.js";
import { NexusError } from "../../src/model/errors.js";
import { connectControl } from "../../src/sdk/daemon-control.js";
import { silentLogger } from "../support/silent-logger.js";
import { testDir } from "../support/temp-dir.js";

async function fixture(methods: Readonly<Record<string, ControlMethod>>) {
  const dataDir = testDir();
  const path = join(dataDir, "nexus.sock");
  writeFileSync(path, ""); // what a crash has left
  let idle = 0;
  const server = await serveControl({
    dataDir,
    methods,
    openClient: async () => {
      throw new NexusError("access-denied", "no clients here");
    },
    health: () => ({ isHealthy: true }),
    onIdle: () => (idle += 1),
    logger: silentLogger,
  });
  onTestFinished(() => server.close());
  const connect = async () => {
    const client = await connectControl(dataDir);
    if (client === undefined) throw new Error("nobody answers");
    onTestFinished(() => client.close());
    return client;
  };
  return { dataDir, path, server, connect, idle: () => idle };
}

describe("the control socket", () => {
  test("carries many calls at once, with results and errors by their kind", async () => {
    const { path, server, connect, idle } = await fixture({
      echo: async (params) => params,
      fail: async () => {
        throw new NexusError("in-use", "it is taken", { path: "/a" });
      },
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const client = await connect();
    const values = [{ a: 1 }, { b: [2] }, { text: "ä\n" }];
    const calls = values.map((value) => client.call("echo", value));
    expect(await Promise.all(calls)).toStrictEqual(values);
    await expect(client.call("fail", {})).rejects.toMatchObject({
      ...{ kind: "in-use", message: "it is taken", path: "/a" },
    });
    await expect(client.call("absent", {})).rejects.toMatchObject({ kind: "not-supported" });
    expect(server.isBusy()).toBe(false);
    expect(server.clients).toBe(1);
    expect(idle()).toBeGreaterThan(0);
  });

  test("is busy while somebody waits, and tells the method when they have gone", async () => {
    let began: () => void = () => undefined;
    const beginning = new Promise<void>((resolve) => {
      began = resolve;
    });
    let gone: () => void = () => undefined;
    const leaving = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const { server, connect } = await fixture({
      wait: async (_params, { signal }) => {
        signal.addEventListener("abort", gone);
        began();
        await leaving;
      },
    });
    const client = await connect();
    const call = client.call("wait", {});
    await beginning;
    expect(server.isBusy()).toBe(true);
    client.close();
    await expect(call).rejects.toMatchObject({ kind: "io-failure" });
    await leaving;
  });

  test("that doesn't answer is waited for no longer than its caller likes", async () => {
    const { connect } = await fixture({ never: () => new Promise(() => undefined) });
    const client = await connect();
    const controller = new AbortController();
    const call = client.call("never", {}, { signal: controller.signal });
    const reason = new Error("late");
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
  });

  test("of a daemon that is stopped is waited for no longer than it takes one", async () => {
    const dataDir = testDir();
    const silent = createServer().listen(join(dataDir, "nexus.sock"));
    await once(silent, "listening");
    onTestFinished(() => void silent.close());
    await expect(connectControl(dataDir, { limitMs: 10 })).rejects.toMatchObject({
      kind: "io-failure",
      message: expect.stringContaining("doesn't answer within 0.01 seconds"),
    });
  });

  test("is gone after its end, and then there is nobody to ask", async () => {
    const { dataDir, path, server, connect } = await fixture({});
    const client = await connect();
    await server.close();
    expect(existsSync(path)).toBe(false);
    expect(await connectControl(dataDir)).toBeUndefined();
    await expect(client.call("echo", {})).rejects.toMatchObject({ kind: "io-failure" });
    expect(await connectControl(testDir())).toBeUndefined();
  });
});
