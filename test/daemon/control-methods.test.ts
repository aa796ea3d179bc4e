import { describe, expect, test } from "vitest";
import { DEFAULTS } from "../../src/config/defaults.js";
import { loadConfig } from "../../src/config/load.js";
import { type ControlledDaemon, controlMethods } from "../../src/daemon/control-methods.js";
import type { CallContext } from "../../src/daemon/control-server.js";
import { Mounts } from "../../src/daemon/mounts.js";
import { storeSettings } from "../../src/daemon/store-settings.js";
import type { AgentId } from "../../src/model/ids.js";
import type { DaemonStatus } from "../../src/sdk/daemon-status.js";
import { silentLogger } from "../support/silent-logger.js";
import { FakeHost, spec } from "./fake-host.js";

const CONFIG = loadConfig({
  explicit: new Map([["data_dir", { value: "/data", source: "a test" }]]),
  ...{ face: "command", env: {}, cwd: "/", home: "/nonexistent" },
});
const SETTINGS = storeSettings(CONFIG);
const CLIENT = { protocolVersion: 1, version: "1.2.3" };
const WORK = { ready: 3, pending: 0, blocked: 0, in_progress: 0, completed: 1, failed: 0 };
const STORE = {
  ...{ inodesKnown: 7, openHandles: 2, stagedFiles: 1, stagedBytes: 100, waitingToSeal: 1 },
  work: WORK,
};

const unexpected = () => Promise.reject(new Error("nobody backs up here"));
const NO_HOLDS: ControlledDaemon["holds"] = {
  beginHold: unexpected,
  stagedBytes: unexpected,
  letStagedGo: unexpected,
  endHold: () => undefined,
};

const HELD = { pid: 99, purpose: "a backup to /mnt/b", since: "2026-01-01T00:00:00.000Z" };

function fixture() {
  const host = new FakeHost();
  const stopped: string[] = [];
  const mounts = new Mounts({
    ...{ server: host.server, host: host.host, logger: silentLogger, dataDir: "/data" },
    now: () => new Date("2026-01-01T00:00:10Z"),
    onChange: () => undefined,
  });
  let persists = false;
  const daemon: ControlledDaemon = {
    ...{ config: CONFIG, mounts, logFile: "/data/log" },
    persists: () => persists,
    persist: () => {
      persists = true;
    },
    startedAt: new Date("2026-01-01T00:00:00Z"),
    now: () => new Date("2026-01-01T00:01:30Z"),
    clients: () => 4,
    figures: async () => ({
      store: STORE as Awaited<ReturnType<ControlledDaemon["figures"]>>["store"],
      devices: [{ mount: 1, requestsServed: 12, lookupsHeld: 5, openHandles: 2 }],
    }),
    holds: NO_HOLDS,
    holders: { begin: () => () => undefined, list: () => [HELD] },
    collector: { collect: unexpected },
    isStopping: () => stopped.length > 0,
    stop: (reason) => void stopped.push(reason),
  };
  const methods = controlMethods(daemon);
  const call = async (name: string, params: unknown, context: Partial<CallContext> = {}) => {
    const credentials = { uid: process.geteuid?.() ?? 0, gid: 0, pid: 1 };
    const signal = new AbortController().signal;
    return await methods[name]?.(params, { credentials, signal, ...context });
  };
  return { host, mounts, stopped, call };
}

const STRANGER = { credentials: { uid: 4711, gid: 4711, pid: 1 } };

describe("daemon.mount", () => {
  test("mounts, and says by which process and as which of its mounts", async () => {
    const { host, call } = fixture();
    const params = { mount: spec("/a"), client: CLIENT, settings: SETTINGS };
    expect(await call("daemon.mount", params)).toStrictEqual({
      persists: false,
      ...{ id: 1, pid: process.pid, dataDir: "/data", logFile: "/data/log" },
    });
    expect(host.places()).toStrictEqual(["/a"]);
  });

  test("has the daemon stay when it is asked to, and not when it can't mount", async () => {
    const { call } = fixture();
    const persists = async () => ((await call("daemon.status", undefined)) as DaemonStatus).persist;
    const params = { client: CLIENT, settings: SETTINGS, persist: true };
    await expect(call("daemon.mount", { ...params, mount: {} })).rejects.toThrow();
    expect(await persists()).toBe(false);
    await call("daemon.mount", { ...params, mount: spec("/a") });
    expect(await persists()).toBe(true);
    await call("daemon.mount", { ...params, persist: false, mount: spec("/b") });
    expect(await persists()).toBe(true);
  });

  test("is refused to an asker of another version, with both and what to do", async () => {
    const { host, call } = fixture();
    const client = { ...CLIENT, protocolVersion: 2 };
    const asked = call("daemon.mount", { mount: spec("/a"), client, settings: SETTINGS });
    await expect(asked).rejects.toMatchObject({
      kind: "not-supported",
      message: expect.stringMatching(/1\.2\.3.*protocol 2.*protocol 1.*same version/),
    });
    expect(host.places()).toStrictEqual([]);
  });

  test.each([
    ["atime", { atime: "noatime" }, `with another 'atime' ("${DEFAULTS.atime}", not "noatime")`],
    ["db_path", { dbPath: "/other.db" }, "with another 'db_path'"],
    ["namespaces", { namespaces: [{ name: "jobs" }] }, "with another 'namespaces'"],
    ["cache_size_mb", { cacheSizeMb: 1 }, "with another 'cache_size_mb'"],
  ])("refuses another %s, which is the store's", async (_name, changes, message) => {
    const { host, call } = fixture();
    const params = { mount: spec("/a"), client: CLIENT, settings: { ...SETTINGS, ...changes } };
    await expect(call("daemon.mount", params)).rejects.toMatchObject({
      kind: "in-use",
      message: expect.stringContaining(message),
    });
    expect(host.places()).toStrictEqual([]);
  });

  test("refuses what it can't read, and other users", async () => {
    const { host, call } = fixture();
    for (const params of [undefined, {}, { mount: {}, client: CLIENT, settings: SETTINGS }]) {
      await expect(call("daemon.mount", params)).rejects.toMatchObject({
        kind: "invalid-argument",
      });
    }
    const good = { mount: spec("/a"), client: CLIENT, settings: SETTINGS };
    await expect(call("daemon.mount", good, STRANGER)).rejects.toMatchObject({
      kind: "not-permitted",
    });
    expect(host.places()).toStrictEqual([]);
  });
});

describe("daemon.unmount", () => {
  test("ends a mount, and refuses one that is in use unless told otherwise", async () => {
    const { host, mounts, call } = fixture();
    await mounts.add(spec("/a"));
    host.busy.add("/a");
    const unmount = (whenBusy?: string) =>
      call("daemon.unmount", { mountPoint: "/a", ...(whenBusy && { whenBusy }) });
    await expect(unmount()).rejects.toMatchObject({ kind: "busy" });
    await expect(unmount("perhaps")).rejects.toMatchObject({ kind: "invalid-argument" });
    expect(await unmount("detach")).toStrictEqual({ removal: "detached" });
    await expect(unmount()).rejects.toMatchObject({ kind: "not-found" });
  });

  test("and daemon.stop are for the daemon's own user", async () => {
    const { mounts, stopped, call } = fixture();
    await mounts.add(spec("/a"));
    for (const [name, params] of [
      ["daemon.unmount", { mountPoint: "/a" }],
      ["daemon.stop", {}],
    ] as const) {
      await expect(call(name, params, STRANGER)).rejects.toMatchObject({ kind: "not-permitted" });
    }
    expect(stopped).toStrictEqual([]);
    expect(await call("daemon.stop", {})).toStrictEqual({ pid: process.pid });
    expect(stopped).toStrictEqual(["asked to"]);
  });
});

describe("daemon.wait", () => {
  test("answers when the mount has ended, and whether the daemon ends with it", async () => {
    const { host, mounts, call } = fixture();
    await mounts.add(spec("/a"));
    await mounts.add(spec("/b"));
    const first = call("daemon.wait", { id: 1 });
    const second = call("daemon.wait", { id: 2 });
    host.takeAway("/a");
    expect(await first).toStrictEqual({ isStopping: false });
    await call("daemon.stop", {});
    host.takeAway("/b");
    expect(await second).toStrictEqual({ isStopping: true });
  });

  test("ends with who waits", async () => {
    const { mounts, call } = fixture();
    await mounts.add(spec("/a"));
    const gone = new AbortController();
    const waiting = call("daemon.wait", { id: 1 }, { signal: gone.signal });
    gone.abort();
    await waiting;
  });
});

test("daemon.status tells of the daemon, its mounts and its store", async () => {
  const { mounts, call } = fixture();
  const identity = { isAdmin: false, agentId: "bot" as AgentId };
  await mounts.add(spec("/a", { identity, kernelOptions: ["ro", "nosuid"], readOnly: true }));
  await mounts.add(spec("/b", { allowOther: true, binding: "fuse-native" }));
  const status = (await call("daemon.status", {})) as DaemonStatus;
  expect(status).toMatchObject({
    ...{ pid: process.pid, dataDir: "/data", persist: false, clients: 4, uptimeSeconds: 90 },
    holds: [HELD],
    startedAt: "2026-01-01T00:00:00.000Z",
    store: { ...STORE, cacheSizeMb: CONFIG.cacheSizeMb },
  });
  expect(status.mounts).toStrictEqual([
    {
      ...{ id: 1, mountPoint: "/a", identity, options: ["ro", "nosuid"], isDetached: false },
      since: "2026-01-01T00:00:10.000Z",
      ...{ requestsServed: 12, lookupsHeld: 5, openHandles: 2 },
    },
    {
      ...{ id: 2, mountPoint: "/b", identity: { isAdmin: false } },
      ...{ options: ["rw", "allow_other", "binding=fuse-native"], isDetached: false },
      since: "2026-01-01T00:00:10.000Z",
      ...{ requestsServed: 0, lookupsHeld: 0, openHandles: 0 },
    },
  ]);
});
