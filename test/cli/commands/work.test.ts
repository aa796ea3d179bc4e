import { describe, expect, test } from "vitest";
import type { FileStat } from "../../../src/features/files/files.js";
import type { ClaimOptions, WorkQueue } from "../../../src/features/queue/queue.js";
import { NexusError } from "../../../src/model/errors.js";
import { fakeClient, listedFile, workItem } from "../fake-client.js";
import { runCommand } from "../run-command.js";

const BLOCKED = workItem("/jobs/b", { status: "blocked", priority: undefined, blockerCount: 2 });

const stat = async (path: string) =>
  ({ ...listedFile(path), mimeType: "application/json", tenantId: "acme", etag: "e1" }) as FileStat;

describe("the views of nexus work", () => {
  const client = fakeClient({
    stat,
    queue: {
      ready: async () => [workItem("/jobs/a")],
      blocked: async () => [BLOCKED],
      dependencies: async () => [
        { reference: "/jobs/x", state: "waiting", path: "/jobs/x" },
        { reference: "/jobs/done", state: "completed", path: "/jobs/done" },
        { reference: "/jobs/gone", state: "deleted", path: undefined },
      ],
      inProgress: async () => [
        workItem("/jobs/c", { workerId: "w1", startedAt: "2026-06-15T11:59:00" }),
      ],
    },
  });

  test("are tables", async () => {
    const { stdout } = await runCommand(["work", "ready"], { client });
    expect(stdout).toBe(
      "PRIORITY  PATH     SIZE  AGE  ATTEMPTS\n       1  /jobs/a    12   5m         0\n",
    );
  });

  test("say of what is blocked what it waits for", async () => {
    const { stdout } = await runCommand(["work", "blocked"], { client });
    expect(stdout).toBe(
      "PRIORITY  PATH     WAITS FOR\n       -  /jobs/b  /jobs/x, /jobs/gone (deleted)\n",
    );
  });

  test("have the columns of the SQL views as JSON", async () => {
    const { stdout } = await runCommand(["work", "ready", "--json"], { client });
    const row = {
      path_id: "0f6e1f6c-6a39-4a5b-8e0f-2d0b5d3c1a11",
      tenant_id: "acme",
      virtual_path: "/jobs/a",
      backend_id: "local",
      physical_path: "e1",
      file_type: "application/json",
      size_bytes: 12,
      content_hash: "e1",
      created_at: "2026-06-15T11:55:00.000Z",
      updated_at: "2026-06-15T11:56:00.000Z",
      status: "ready",
      priority: 1,
    };
    const [only] = JSON.parse(stdout) as object[];
    expect(Object.entries(only ?? {})).toStrictEqual(Object.entries(row));
    const blocked = await runCommand(["work", "blocked", "--json"], { client });
    expect(JSON.parse(blocked.stdout)).toMatchObject([{ priority: null, blocker_count: 2 }]);
    const running = await runCommand(["work", "in-progress", "--json"], { client });
    expect(JSON.parse(running.stdout)).toMatchObject([
      { worker_id: "w1", started_at: "2026-06-15T11:59:00" },
    ]);
  });

  test("leave out what was removed meanwhile", async () => {
    const gone = fakeClient({
      queue: { ready: async () => [workItem("/jobs/gone"), workItem("/jobs/a")] },
      stat: (path) =>
        path === "/jobs/gone" ? Promise.reject(new NexusError("not-found", "gone")) : stat(path),
    });
    const { code, stdout } = await runCommand(["work", "ready", "--json"], { client: gone });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ virtual_path: "/jobs/a" }]);
  });

  test("take a limit", async () => {
    const limits: (number | undefined)[] = [];
    const limited = fakeClient({
      queue: {
        pending: async (options) => {
          limits.push(options?.limit);
          return [];
        },
      },
    });
    const { stdout } = await runCommand(["work", "pending", "-l", "3"], { client: limited });
    expect([limits, stdout]).toStrictEqual([[3], ""]);
  });
});

describe("nexus work status", () => {
  const counts = { ready: 1, pending: 2, blocked: 3, in_progress: 4, completed: 50, failed: 60 };
  const client = fakeClient({ queue: { status: async () => counts } });

  test("--json counts what is open", async () => {
    const { stdout } = await runCommand(["work", "status", "--json"], { client });
    expect(Object.entries(JSON.parse(stdout))).toStrictEqual([
      ...[
        ["ready", 1],
        ["pending", 2],
        ["blocked", 3],
        ["in_progress", 4],
        ["total", 10],
      ],
    ]);
  });

  test("shows all for people", async () => {
    const { stdout } = await runCommand(["work", "status"], { client });
    expect(stdout).toContain("completed       50\n");
  });
});

describe("nexus work claim", () => {
  function claiming(next: "item" | "nothing" = "item") {
    const asked: unknown[][] = [];
    const item = next === "item" ? workItem("/jobs/a", { workerId: "w1" }) : undefined;
    const queue: Partial<WorkQueue> = {
      claim: async ({ signal: _, ...options }: ClaimOptions) => {
        asked.push([options]);
        return item;
      },
      claimPath: async (path, { signal: _, ...options }) => {
        asked.push([path, options]);
        return workItem(path);
      },
    };
    return { client: fakeClient({ queue }), asked };
  }

  test("prints the path of what it took, for a script", async () => {
    const { client, asked } = claiming();
    const { code, stdout } = await runCommand(["work", "claim", "-w", "w1"], { client });
    expect([code, stdout, asked]).toStrictEqual([0, "/jobs/a\n", [[{ worker: "w1" }]]]);
  });

  test("ends with 1 and prints nothing there when nothing is ready", async () => {
    const { client } = claiming("nothing");
    const { code, stdout, stderr } = await runCommand(["work", "claim", "-w", "w1"], { client });
    expect([code, stdout, stderr]).toStrictEqual([1, "", "nexus: nothing is ready\n"]);
  });

  test.each([
    [["--wait"], { wait: true }],
    [["--wait", "30s"], { wait: 30_000 }],
    [["--lease", "10m"], { leaseMs: 600_000 }],
  ])("takes %j", async (words, options) => {
    const { client, asked } = claiming();
    await runCommand(["work", "claim", "-w", "w1", ...words], { client });
    expect(asked).toStrictEqual([[{ worker: "w1", ...options }]]);
  });

  test("takes one item by its path, which isn't waited for", async () => {
    const { client, asked } = claiming();
    const args = ["work", "claim", "/jobs/c", "-w", "w1"];
    expect((await runCommand(args, { client })).stdout).toBe("/jobs/c\n");
    expect(asked).toStrictEqual([["/jobs/c", { worker: "w1" }]]);
    const { code, stderr } = await runCommand([...args, "--wait"], { client });
    expect([code, stderr]).toStrictEqual([
      2,
      "nexus: --wait waits for any item, so it takes no path\n",
    ]);
  });
});

describe("what ends the work on an item", () => {
  test.each([
    ["renew", ["--lease", "1m"], ["renew", "/jobs/a", { worker: "w1", leaseMs: 60_000 }]],
    ["release", [], ["release", "/jobs/a", { worker: "w1" }]],
    ["complete", [], ["complete", "/jobs/a", { worker: "w1" }]],
    ["fail", [], ["fail", "/jobs/a", { worker: "w1", retry: false }]],
    [
      "fail",
      ["--error", "no disk", "--retry"],
      ["fail", "/jobs/a", { worker: "w1", retry: true, error: "no disk" }],
    ],
  ])("%s %j", async (verb, words, expected) => {
    const asked: unknown[] = [];
    const record = (name: string) => async (path: string, options: unknown) => {
      asked.push([name, path, options]);
      return workItem(path);
    };
    const client = fakeClient({
      queue: Object.fromEntries(
        ["renew", "release", "complete", "fail"].map((name) => [name, record(name)]),
      ) as Partial<WorkQueue>,
    });
    const ran = await runCommand(["work", verb, "/jobs/a", "-w", "w1", ...words], { client });
    expect([ran.code, ran.stdout, asked]).toStrictEqual([0, "", [expected]]);
  });
});

describe("nexus work submit", () => {
  test("keeps path_ids, and makes paths absolute", async () => {
    const asked: unknown[] = [];
    const client = fakeClient({
      queue: {
        submit: async (path, options) => {
          asked.push([path, options]);
          return workItem(path);
        },
      },
    });
    const id = "0f6e1f6c-6a39-4a5b-8e0f-2d0b5d3c1a11";
    const words = ["--priority", "-2", "--depends-on", "jobs/b", "--depends-on", id];
    await runCommand(["work", "submit", "/jobs/a", ...words], { client });
    await runCommand(["work", "submit", "/jobs/a"], { client });
    expect(asked).toStrictEqual([
      ["/jobs/a", { priority: -2, dependsOn: ["/jobs/b", id] }],
      ["/jobs/a", {}],
    ]);
  });
});
