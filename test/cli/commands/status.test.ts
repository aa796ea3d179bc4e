import { describe, expect, test } from "vitest";
import { NexusError } from "../../../src/model/errors.js";
import type { AgentId, TenantId } from "../../../src/model/ids.js";
import type { ControlClient } from "../../../src/sdk/daemon-control.js";
import type { DaemonStatus, MountStatus } from "../../../src/sdk/daemon-status.js";
import { NOW, type Ran, runCommand } from "../run-command.js";

const AGENT = { isAdmin: false, tenantId: "acme" as TenantId, agentId: "bot" as AgentId };

function mount(changes: Partial<MountStatus>): MountStatus {
  return {
    ...{ id: 1, mountPoint: "/home/ada/nexus", identity: { isAdmin: false } },
    ...{ options: ["rw", "nosuid"], isDetached: false },
    since: new Date(NOW.getTime() - 3 * 60_000).toISOString(),
    ...{ requestsServed: 1234, lookupsHeld: 56, openHandles: 2 },
    ...changes,
  };
}

const STATUS: DaemonStatus = {
  ...{ pid: 4711, version: "1.2.3", dataDir: "/srv/nexus", persist: false, clients: 2 },
  ...{ startedAt: "2026-06-15T10:00:00.000Z", uptimeSeconds: 7200 },
  mounts: [
    mount({}),
    mount({ id: 2, mountPoint: "/home/ada/a2", identity: AGENT, isDetached: true }),
    mount({ id: 3, mountPoint: "/mnt", identity: { isAdmin: true }, options: ["ro"] }),
  ],
  holds: [],
  store: {
    ...{ inodesKnown: 57, openHandles: 2, stagedFiles: 3, stagedBytes: 4096, waitingToSeal: 1 },
    cacheSizeMb: 64,
    work: { ready: 2, leased: 1 } as unknown as DaemonStatus["store"]["work"],
    scrub: { done: undefined, beganAt: undefined, endedAt: undefined, damaged: 0 },
  },
};

/** Runs `nexus status` beside a daemon that answers like this; undefined when there is none. */
async function status(
  args: readonly string[],
  answer: ((signal: AbortSignal | undefined) => Promise<unknown>) | undefined,
): Promise<Ran & { asked: readonly string[]; closed: number }> {
  const asked: string[] = [];
  let closed = 0;
  const client: ControlClient = {
    call: async (name, _params, options) => {
      asked.push(name);
      return await answer?.(options?.signal);
    },
    close: () => {
      closed += 1;
    },
  };
  const ran = await runCommand(["status", "--data-dir", "/srv/nexus", ...args], {
    surroundings: {
      control: async (dataDir) => {
        asked.push(dataDir);
        return answer === undefined ? undefined : client;
      },
    },
  });
  return { ...ran, asked, closed };
}

describe("nexus status", () => {
  test("prints the daemon, the figures of its store and a line for each mount", async () => {
    const { code, stdout, stderr, asked, closed } = await status([], async () => STATUS);
    expect({ code, stderr, asked, closed }).toStrictEqual({
      ...{ code: 0, stderr: "", closed: 1 },
      asked: ["/srv/nexus", "daemon.status"],
    });
    expect(stdout).toBe(
      [
        "Data directory   /srv/nexus",
        "Daemon           process 4711, version 1.2.3, up 2h",
        "Ends             with its last mount",
        "Clients          2",
        "Staged           3 files, 4.0KB",
        "Waiting to seal  1",
        "Inodes known     57",
        "Open files       2",
        "Metadata cache   up to 64 MB",
        "Checked          not all yet",
        "Work             2 ready, 1 leased",
        "",
        "MOUNT                    IDENTITY   OPTIONS    FOR  REQUESTS  CACHED  OPEN",
        "/home/ada/nexus          everybody  rw,nosuid  3m       1234      56     2",
        "/home/ada/a2 (detached)  acme/bot   rw,nosuid  3m       1234      56     2",
        "/mnt                     admin      ro         3m       1234      56     2",
        "",
      ].join("\n"),
    );
  });

  test("tells how much of the contents was checked, and of damage that was found", async () => {
    const scrub = {
      ...{ done: 0.4299, beganAt: "2026-06-01T10:00:00.000Z", damaged: 1 },
      endedAt: "2026-05-02T01:00:00.000Z",
    };
    const { stdout } = await status([], async () => ({
      ...STATUS,
      store: { ...STATUS.store, scrub },
    }));
    expect(stdout).toContain(
      "\nChecked          42 % of all since 2026-06-01, all by 2026-05-02" +
        "\nDamaged          1 content; nexus fsck tells of which files\n",
    );
  });

  test("tells who keeps the room of removed files, and for how long", async () => {
    const since = new Date(NOW.getTime() - 2 * 3_600_000).toISOString();
    const hold = { pid: 99, purpose: "a backup to /mnt/b", since };
    const { stdout } = await status([], async () => ({ ...STATUS, holds: [hold] }));
    expect(stdout).toContain("\nRoom kept        for a backup to /mnt/b, process 99, for 2h\n");
    const json = await status(["--json"], async () => ({ ...STATUS, holds: [hold] }));
    expect(JSON.parse(json.stdout)).toMatchObject({ holds: [hold] });
    const { holds: _, ...older } = STATUS;
    expect(await status([], async () => older)).toMatchObject({ code: 0 });
  });

  test("prints the same as JSON", async () => {
    const { code, stdout } = await status(["--json"], async () => STATUS);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ pid: 4711, data_dir: "/srv/nexus", uptime_seconds: 7200, persist: false },
      store: { staged_bytes: 4096, waiting_to_seal: 1, cache_size_mb: 64, work: { ready: 2 } },
      mounts: [
        { mount_point: "/home/ada/nexus", requests_served: 1234, identity: { is_admin: false } },
        { is_detached: true, identity: { tenant_id: "acme", agent_id: "bot" } },
        { options: ["ro"] },
      ],
    });
  });

  test("says that a daemon that persists has no mounts", async () => {
    const none = { ...STATUS, mounts: [], persist: true };
    const { stdout } = await status([], async () => none);
    expect(stdout).toContain("Ends             when it is told to\n");
    expect(stdout).toMatch(/\n\nno mounts\n$/);
  });

  test("says when no daemon runs, and when one doesn't answer", async () => {
    expect(await status([], undefined)).toMatchObject({
      ...{ code: 1, stdout: "" },
      stderr:
        "nexus: no daemon runs on /srv/nexus; nexus mount starts one, --data-dir names another store\n",
    });
    const late = new DOMException("late", "TimeoutError");
    expect(await status([], () => Promise.reject(late))).toMatchObject({
      ...{ code: 1, closed: 1 },
      stderr: "nexus: the daemon of /srv/nexus doesn't answer within 5 seconds\n",
    });
    const gone = new NexusError("io-failure", "the daemon is gone");
    expect(await status([], () => Promise.reject(gone))).toMatchObject({
      code: 1,
      stderr: "nexus: the daemon is gone\n",
    });
  });
});
