import { join } from "node:path";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import type { Ino, TenantId } from "../../../src/model/ids.js";
import {
  countWork,
  firstReady,
  listWork,
  workItem,
  workZones,
} from "../../../src/storage/metadata/operations/work-read.js";
import type { Script } from "../../../src/storage/metadata/statement.js";
import { openMetadataStore } from "../../support/stores.js";
import { testDir } from "../../support/temp-dir.js";
import { Jobs } from "./contract/work-fixture.js";
import { at, Namespace } from "./fixture.js";

// What people and tools read with SQL: names and order of columns are a promise.

const FILE = ["path_id", "tenant_id", "virtual_path", "backend_id", "physical_path", "file_type"];
const CONTENT = ["size_bytes", "content_hash", "created_at", "updated_at"];
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  file_paths: [...FILE, ...CONTENT, "accessed_at", "deleted_at", "locked_by"],
  ready_work_items: [...FILE, ...CONTENT, "status", "priority"],
  pending_work_items: [...FILE, ...CONTENT, "status", "priority"],
  blocked_work_items: [...FILE, ...CONTENT, "status", "priority", "blocker_count"],
  in_progress_work: [...FILE, ...CONTENT, "status", "worker_id", "started_at"],
  work_by_priority: [
    ...["path_id", "tenant_id", "virtual_path", "backend_id", "file_type", "size_bytes"],
    ...["created_at", "updated_at", "status", "priority", "tags"],
  ],
  file_metadata: ["metadata_id", "ino", "path_id", "key", "value", "created_at"],
};

const ITEMS = 1000;

interface Expected {
  readonly path: string;
  readonly status: string;
  readonly priority: number | undefined;
  readonly created: number;
  readonly blockers: number;
  readonly started: number;
}

/** A thousand items in every state, made in an order that is none of the lists'. */
function queueOfThousand(dataDir: string): { items: Expected[]; close: () => Promise<void> } {
  const namespace = new Namespace(openMetadataStore(dataDir));
  const jobs = new Jobs(namespace);
  const items: Expected[] = [];
  for (let index = 0; index < ITEMS; index++) {
    const name = `job${index}`;
    const created = 1000 + ((index * 7919) % ITEMS);
    const priority = index % 3 === 0 ? undefined : ((index * 31) % 7) - 3;
    const blockers = index % 5 === 4 ? 1 + (index % 4) : 0;
    const status =
      (["ready", "pending", "in_progress", "ready", "blocked"] as const)[index % 5] ?? "ready";
    const ino = namespace.file(name, { now: at(created), tenantId: "acme" as TenantId });
    const on = Array.from({ length: blockers }, (_, number) => `/missing${number}`);
    if (on.length > 0) jobs.dependOn(ino, on);
    if (priority !== undefined) jobs.set(ino, "priority", String(priority));
    const started = 5000 + ((index * 13) % ITEMS);
    jobs.set(ino, "status", status, { now: at(started) });
    if (status === "in_progress") jobs.set(ino, "worker_id", `w${index}`);
    if (index % 2 === 0) jobs.set(ino, "tags", "even");
    items.push({ path: `/${name}`, status, priority, created, blockers, started });
  }
  return { items, close: () => namespace.store.close() };
}

function byPriority(one: Expected, other: Expected): number {
  const rank = ({ priority = 1e9 }: Expected) => priority;
  return rank(one) - rank(other) || one.created - other.created;
}

function open(dataDir: string): Database.Database {
  return new Database(join(dataDir, "metadata.db"), { readonly: true });
}

describe("the views for people and tools", () => {
  test("have the columns that were promised, in their order", async () => {
    const dataDir = testDir();
    await openMetadataStore(dataDir).close();
    const database = open(dataDir);
    for (const [view, columns] of Object.entries(COLUMNS)) {
      const statement = database.prepare(`SELECT * FROM ${view}`);
      expect([view, ...statement.columns().map(({ name }) => name)]).toStrictEqual([
        view,
        ...columns,
      ]);
    }
    database.close();
  });

  test("have all items of a thousand, in order of work", async () => {
    const dataDir = testDir();
    const { items, close } = queueOfThousand(dataDir);
    await close();
    const database = open(dataDir);
    const paths = (view: string) =>
      database.prepare(`SELECT virtual_path FROM ${view}`).pluck().all();
    const expected = (state: string, order: (a: Expected, b: Expected) => number) =>
      items
        .filter(({ status }) => status === state)
        .sort(order)
        .map(({ path }) => path);
    expect(paths("ready_work_items")).toStrictEqual(expected("ready", byPriority));
    expect(paths("pending_work_items")).toStrictEqual(expected("pending", byPriority));
    const mostBlocked = (a: Expected, b: Expected) =>
      b.blockers - a.blockers || a.created - b.created;
    expect(paths("blocked_work_items")).toStrictEqual(expected("blocked", mostBlocked));
    const latest = (a: Expected, b: Expected) => b.started - a.started || a.created - b.created;
    expect(paths("in_progress_work")).toStrictEqual(expected("in_progress", latest));
    const all = [...items].sort(byPriority).map(({ path }) => path);
    expect(paths("work_by_priority")).toStrictEqual(all);
    expect(paths("file_paths")).toHaveLength(ITEMS);
    database.close();
  });

  test("have rows of values as they are stored", async () => {
    const dataDir = testDir();
    const { close } = queueOfThousand(dataDir);
    await close();
    const database = open(dataDir);
    const row = (view: string, path: string) =>
      database.prepare(`SELECT * FROM ${view} WHERE virtual_path = ?`).get(path);
    const file = { tenant_id: "acme", backend_id: "local", file_type: "file", size_bytes: 0 };
    const created = { created_at: "1970-01-01T00:16:40.000000" };
    expect(row("ready_work_items", "/job0")).toMatchObject({
      ...file,
      ...created,
      status: "ready",
      priority: null,
    });
    expect(row("work_by_priority", "/job0")).toMatchObject({ ...file, ...created, tags: "even" });
    expect(row("blocked_work_items", "/job4")).toMatchObject({ priority: 2, blocker_count: 1 });
    expect(row("in_progress_work", "/job7")).toMatchObject({
      worker_id: "w7",
      started_at: "1970-01-01T01:24:51.000000",
    });
    database.close();
  });
});

/** How SQLite is going to find what a statement asks for; one line for each table and each sort. */
function planOf(database: Database.Database, sql: string): string[] {
  const statement = database.prepare(`EXPLAIN QUERY PLAN ${sql}`);
  const parameters = Array.from({ length: sql.split("?").length - 1 }, () => 1);
  return (statement.all(...parameters) as { detail: string }[]).map(({ detail }) => detail);
}

/**
 * A look at all rows of a table, or a sort of them. Going along an index in its order is neither: it
 * ends with the limit. A `(subquery-n)` is the one name that a path begins with.
 */
function slowSteps(plan: readonly string[]): string[] {
  const isFine = /^SCAN (up|\(subquery-\d+\)|\w+ USING (COVERING )?INDEX work_by_\w+)$/;
  const isSlow = /^SCAN|TEMP B-TREE/;
  return plan.filter((step) => isSlow.test(step) && !isFine.test(step));
}

/** The statements that an operation runs while it finds nothing. */
function statementsOf(script: Script<unknown>): string[] {
  const statements: string[] = [];
  for (let step = script.next([]); step.done !== true; ) {
    const asked = step.value;
    if (asked.wants !== "recordingTime") statements.push(asked.statement.sql);
    step = script.next(asked.wants === "all" || asked.wants === "changes" ? [] : undefined);
  }
  return statements;
}

describe("the queue's statements", () => {
  const VIEWS = [
    "ready_work_items",
    "pending_work_items",
    "blocked_work_items",
    "in_progress_work",
    "work_by_priority",
  ];

  test.each(VIEWS)("SELECT * FROM %s LIMIT 10 looks at ten rows of an index", async (view) => {
    const dataDir = testDir();
    await openMetadataStore(dataDir).close();
    const database = open(dataDir);
    const plan = planOf(database, `SELECT * FROM ${view} LIMIT 10`);
    expect(slowSteps(plan)).toStrictEqual([]);
    expect(plan.join("\n")).toMatch(/(SEARCH|SCAN) w USING INDEX work_by_/);
    database.close();
  });

  const after = { urgency: 1, createdUs: 1, ino: 3 as Ino };
  const SCRIPTS: Readonly<Record<string, () => Script<unknown>>> = {
    "the first that is ready": () => firstReady("all"),
    "the first of some zones": () => firstReady(["/", "/shared/acme"]),
    "a list": () => listWork({ state: "blocked", zones: "all", limit: 10, after }),
    "a list of some zones": () => listWork({ state: "ready", zones: ["/"], limit: 10, after }),
    "all by priority": () => listWork({ state: undefined, zones: "all", limit: 10, after }),
    "some zones by priority": () => listWork({ state: undefined, zones: ["/"], limit: 10 }),
    "one item": () => workItem(3 as Ino),
    "counts of some zones": () => countWork(["/"]),
  };

  test.each(Object.entries(SCRIPTS))("%s is found in an index", async (_, script) => {
    const dataDir = testDir();
    await openMetadataStore(dataDir).close();
    const database = open(dataDir);
    const statements = statementsOf(script());
    expect(statements.length).toBeGreaterThan(0);
    for (const sql of statements) {
      const plan = planOf(database, sql);
      expect([sql, slowSteps(plan)]).toStrictEqual([sql, []]);
      expect(plan.join("\n")).toMatch(/SEARCH/);
    }
    database.close();
  });

  test("counts and zones come from the few rows that count", async () => {
    const dataDir = testDir();
    await openMetadataStore(dataDir).close();
    const database = open(dataDir);
    for (const sql of [...statementsOf(countWork("all")), ...statementsOf(workZones())]) {
      expect(planOf(database, sql)[0]).toMatch(/^SCAN work_counts/);
    }
    database.close();
  });

  test("a scan and a sort are noticed", async () => {
    const dataDir = testDir();
    await openMetadataStore(dataDir).close();
    const database = open(dataDir);
    const plan = (sql: string) => slowSteps(planOf(database, sql));
    expect(plan("SELECT * FROM work_items WHERE started_us = 1 ORDER BY status")).toHaveLength(2);
    database.close();
  });
});
