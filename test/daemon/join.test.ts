import { describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.js";
import { joinDaemon } from "../../src/daemon/join.js";
import { storeSettings } from "../../src/daemon/store-settings.js";
import { NexusError } from "../../src/model/errors.js";
import type { ControlClient } from "../../src/sdk/daemon-control.js";
import { DataDirLock, type LockHolder } from "../../src/storage/data-dir-lock.js";
import { version } from "../../src/telemetry/version.js";
import { kindOfLater } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";
import { spec } from "./fake-host.js";

const MOUNTED = { id: 7, pid: 4711, dataDir: "/data", logFile: "/data/log", persists: true };

type Answers = Readonly<Record<string, (params: unknown) => unknown>>;

/** A data directory, and a daemon that answers like this. */
function fixture(answers: Answers = { "daemon.mount": () => MOUNTED }) {
  const dataDir = testDir();
  const config = loadConfig({
    explicit: new Map([["data_dir", { value: dataDir, source: "a test" }]]),
    ...{ face: "command", env: {}, cwd: "/", home: "/nonexistent" },
  });
  const asked: [name: string, params: unknown][] = [];
  let open = 0;
  const client: ControlClient = {
    call: async (name, params) => {
      asked.push([name, params]);
      return answers[name]?.(params);
    },
    close: () => {
      open -= 1;
    },
  };
  const connect = async () => {
    open += 1;
    return client;
  };
  const join = () => joinDaemon({ config, spec: spec("/a"), persist: true, connect });
  return { dataDir, config, asked, join, open: () => open };
}

async function joined(answers: Answers) {
  const made = fixture({ "daemon.mount": () => MOUNTED, ...answers });
  const result = await made.join();
  if (typeof result === "string") throw new Error(`it is ${result}`);
  return { ...made, mount: result };
}

function refuse(kind: "closed" | "io-failure" | "in-use" | "not-found"): () => never {
  return () => {
    throw new NexusError(kind, `it is ${kind}`);
  };
}

describe("a mount of the daemon that runs", () => {
  test("is asked for with its own settings and the store's", async () => {
    const { asked, config, mount, open } = await joined({});
    const { persists: stays, id: _id, ...same } = MOUNTED;
    expect(mount).toMatchObject({ ...same, stays });
    const client = { protocolVersion: 1, version: version() };
    const settings = storeSettings(config);
    const params = { mount: spec("/a"), settings, client, persist: true };
    expect(asked).toStrictEqual([["daemon.mount", params]]);
    mount.leave();
    expect(open()).toBe(0);
  });

  test("isn't asked for where nobody answers, or a daemon is on its way out", async () => {
    const config = fixture().config;
    const asking = { config, spec: spec("/a"), persist: false };
    const nobody = await joinDaemon({ ...asking, connect: async () => undefined });
    expect(nobody).toBe("nobody");
    const ending = fixture({ "daemon.mount": refuse("closed") });
    expect(await ending.join()).toBe("ending");
    expect(ending.open()).toBe(0);
  });

  test("isn't asked for in another mount namespace, where it would be of no use", async () => {
    const { dataDir, join, asked } = fixture();
    const holder: LockHolder = { pid: 4711, namespace: "mnt:[1]" };
    const never = { waitMs: 0, isFinishing: () => false, onWait: () => undefined };
    const lock = await DataDirLock.acquire({ dataDir, holder, ...never });
    expect(await join()).toBe("nobody");
    lock.release();
    expect(asked).toStrictEqual([]);
  });

  test("is refused in the daemon's own words", async () => {
    const { join, open } = fixture({ "daemon.mount": refuse("in-use") });
    await expect(join()).rejects.toMatchObject({ kind: "in-use", message: "it is in-use" });
    expect(open()).toBe(0);
  });

  test("isn't asked for any more when the daemon is gone before it answers", async () => {
    const { join, open, dataDir } = fixture({ "daemon.mount": refuse("io-failure") });
    expect(await join()).toBe("ending");
    expect(open()).toBe(0);
    const never = { waitMs: 0, isFinishing: () => false, onWait: () => undefined };
    const lock = await DataDirLock.acquire({ dataDir, holder: { pid: 4711 }, ...never });
    expect(await kindOfLater(join())).toBe("io-failure");
    lock.release();
  });

  test("that takes too long is an error that says whose", async () => {
    const late = new DOMException("late", "TimeoutError");
    const { join } = fixture({
      "daemon.mount": () => {
        throw late;
      },
    });
    await expect(join()).rejects.toMatchObject({
      kind: "io-failure",
      message: expect.stringMatching(/hasn't mounted within 30 seconds$/),
    });
  });
});

describe("the end of a mount of the daemon that runs", () => {
  test("is waited for, and is a failure when the whole daemon ends", async () => {
    const alone = await joined({ "daemon.wait": () => ({ isStopping: false }) });
    await alone.mount.ended();
    expect(alone.asked.at(-1)).toStrictEqual(["daemon.wait", { id: 7 }]);
    const all = await joined({ "daemon.wait": () => ({ isStopping: true }) });
    await expect(all.mount.ended()).rejects.toMatchObject({
      kind: "closed",
      message: "the daemon (process 4711) was stopped, and the mount at /a with it",
    });
  });

  test("is asked for whoever uses it, and may have come already", async () => {
    const { asked, mount } = await joined({ "daemon.unmount": refuse("not-found") });
    await mount.end();
    expect(asked.at(-1)).toStrictEqual(["daemon.unmount", { mountPoint: "/a", whenBusy: "end" }]);
  });
});
