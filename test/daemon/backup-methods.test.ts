import { describe, expect, test } from "vitest";
import { backupMethods } from "../../src/daemon/backup-methods.js";
import type { CallContext } from "../../src/daemon/control-server.js";
import { NexusError } from "../../src/model/errors.js";
import type { StagingId } from "../../src/model/ids.js";

const CONFIG = { dataDir: "/data", dbPath: "/fast/metadata.db" };

function fixture({ beginning = Promise.resolve() }: { beginning?: Promise<void> } = {}) {
  const told: string[] = [];
  const noted: string[] = [];
  const methods = backupMethods({
    config: CONFIG,
    holders: {
      begin: ({ pid, purpose }) => {
        noted.push(`${purpose} of ${pid}`);
        return () => void noted.push("end");
      },
    },
    holds: {
      beginHold: async (hold) => {
        told.push(`begin ${hold}`);
        await beginning;
      },
      stagedBytes: async (hold, ids) => {
        told.push(`staged ${hold} ${ids}`);
        return [{ id: 7 as StagingId, kind: "none" }];
      },
      letStagedGo: async (hold) => void told.push(`let go ${hold}`),
      endHold: (hold) => void told.push(`end ${hold}`),
    },
  });
  const call = async (name: string, params: unknown, context: Partial<CallContext> = {}) => {
    const credentials = { uid: process.geteuid?.() ?? 0, gid: 0, pid: 1 };
    const { signal } = new AbortController();
    return await methods[name]?.(params, { credentials, signal, ...context });
  };
  return { told, noted, call };
}

describe("daemon.hold", () => {
  test("lasts until nobody waits for its answer any more", async () => {
    const { told, noted, call } = fixture();
    const asker = new AbortController();
    const asked = { hold: "h", purpose: "a backup to /mnt/b" };
    const holding = call("daemon.hold", asked, { signal: asker.signal });
    expect(await call("daemon.held", { hold: "h" })).toStrictEqual({
      dataDir: "/data",
      databasePath: "/fast/metadata.db",
    });
    expect(await call("daemon.stagedBytes", { hold: "h", ids: [7] })).toStrictEqual([
      { id: 7, kind: "none" },
    ]);
    await call("daemon.letStagedGo", { hold: "h" });
    expect(told).toStrictEqual(["begin h", "staged h 7", "let go h"]);
    asker.abort();
    await holding;
    expect(told.at(-1)).toBe("end h");
    expect(noted).toStrictEqual(["a backup to /mnt/b of 1", "end"]);
    for (const name of ["daemon.held", "daemon.stagedBytes", "daemon.letStagedGo"]) {
      await expect(call(name, { hold: "h", ids: [] })).rejects.toMatchObject({ kind: "not-found" });
    }
  });

  test("that can't begin says so to whoever asks, and ends", async () => {
    const full = new NexusError("no-space", "the disk is full");
    const { told, noted, call } = fixture({ beginning: Promise.reject(full) });
    const holding = call("daemon.hold", { hold: "h" });
    await expect(call("daemon.held", { hold: "h" })).rejects.toBe(full);
    await expect(holding).rejects.toBe(full);
    expect(told).toStrictEqual(["begin h", "end h"]);
    expect(noted).toStrictEqual(["a backup of 1", "end"]);
  });

  test("has a name of its own", async () => {
    const { told, call } = fixture();
    void call("daemon.hold", { hold: "h" });
    await expect(call("daemon.hold", { hold: "h" })).rejects.toMatchObject({
      kind: "already-exists",
    });
    expect(told).toStrictEqual(["begin h"]);
  });

  test("is refused to other users, as all that belongs to it", async () => {
    const { told, call } = fixture();
    void call("daemon.hold", { hold: "h" });
    const stranger = { credentials: { uid: 4711, gid: 4711, pid: 1 } };
    for (const name of ["daemon.hold", "daemon.held", "daemon.stagedBytes", "daemon.letStagedGo"]) {
      await expect(call(name, { hold: "h", ids: [] }, stranger)).rejects.toMatchObject({
        kind: "not-permitted",
      });
    }
    expect(told).toStrictEqual(["begin h"]);
  });

  test.each([
    ["daemon.hold", undefined],
    ["daemon.hold", { hold: "" }],
    ["daemon.hold", { hold: "g", purpose: 7 }],
    ["daemon.held", { hold: 1 }],
    ["daemon.stagedBytes", { hold: "h" }],
    ["daemon.stagedBytes", { hold: "h", ids: [-1] }],
    ["daemon.stagedBytes", { hold: "h", ids: ["../metadata.db"] }],
    ["daemon.stagedBytes", { hold: "h", ids: Array.from({ length: 65 }, () => 1) }],
  ])("refuses %s with %j", async (name, params) => {
    const { call } = fixture();
    void call("daemon.hold", { hold: "h" });
    await expect(call(name, params)).rejects.toMatchObject({ kind: "invalid-argument" });
  });
});
