import type { Command } from "commander";
import type { WorkItem, WorkListOptions, WorkQueue } from "../../../features/queue/queue.js";
import { isKind } from "../../../model/errors.js";
import type { NexusClient } from "../../../sdk/client.js";
import { parseCount } from "../../arguments.js";
import { addExamples } from "../../example.js";
import type { Frame } from "../../frame.js";
import { humanSize, humanSpan } from "../../terminal/human.js";
import { printJsonList } from "../../terminal/json.js";
import { type Column, printTable } from "../../terminal/table.js";
import { VIEW_COLUMNS, viewRow } from "./view-row.js";

interface Options {
  readonly limit: number;
  readonly json?: boolean;
}

interface Row extends WorkItem {
  readonly now: Date;
  /** What a blocked item waits for. */
  readonly blockers: string;
}

const COLUMNS = {
  priority: {
    title: "PRIORITY",
    alignment: "right",
    value: ({ priority }) => (priority === undefined ? "-" : String(priority)),
  },
  path: { title: "PATH", value: ({ path }) => path },
  size: { title: "SIZE", alignment: "right", value: ({ size }) => humanSize(size) },
  age: {
    title: "AGE",
    alignment: "right",
    value: ({ createdAt, now }) => humanSpan(now.getTime() - createdAt.getTime()),
  },
  attempts: {
    title: "ATTEMPTS",
    alignment: "right",
    value: ({ attempts }) => String(attempts),
  },
  worker: { title: "WORKER", value: ({ workerId }) => workerId ?? "-" },
  started: { title: "STARTED", value: ({ startedAt }) => startedAt ?? "-" },
  completed: { title: "COMPLETED", value: ({ completedAt }) => completedAt ?? "-" },
  lease: {
    title: "LEASE",
    alignment: "right",
    value: ({ leaseEndsAt, now }) =>
      leaseEndsAt === undefined ? "-" : humanSpan(leaseEndsAt.getTime() - now.getTime()),
  },
  blockers: { title: "WAITS FOR", value: ({ blockers }) => blockers },
} as const satisfies Readonly<Record<string, Column<Row>>>;

interface Listing {
  readonly verb: string;
  readonly description: string;
  readonly columns: readonly (keyof typeof COLUMNS)[];
  /** Columns of the view beyond those that all have. */
  readonly extra: readonly (keyof typeof VIEW_COLUMNS)[];
  list(queue: WorkQueue, options: WorkListOptions): Promise<WorkItem[]>;
}

const LISTINGS: readonly Listing[] = [
  {
    verb: "ready",
    description: "what can be claimed, the next first",
    columns: ["priority", "path", "size", "age", "attempts"],
    extra: [],
    list: (queue, options) => queue.ready(options),
  },
  {
    verb: "pending",
    description: "what isn't to be worked on yet",
    columns: ["priority", "path", "size", "age"],
    extra: [],
    list: (queue, options) => queue.pending(options),
  },
  {
    verb: "blocked",
    description: "what waits for other items, and for which",
    columns: ["priority", "path", "blockers"],
    extra: ["blocker_count"],
    list: (queue, options) => queue.blocked(options),
  },
  {
    verb: "in-progress",
    description: "what workers have, the last claimed first",
    columns: ["priority", "path", "worker", "started", "lease", "attempts"],
    extra: ["worker_id", "started_at"],
    list: (queue, options) => queue.inProgress(options),
  },
  {
    verb: "completed",
    description: "what is done",
    columns: ["priority", "path", "worker", "completed"],
    extra: ["worker_id", "started_at", "completed_at"],
    list: (queue, options) => queue.completed(options),
  },
  {
    verb: "failed",
    description: "what failed for good",
    columns: ["priority", "path", "worker", "attempts"],
    extra: ["worker_id", "started_at", "completed_at"],
    list: (queue, options) => queue.failed(options),
  },
];

/** `nexus work ready` and the other views. */
export function addListings(work: Command, frame: Frame): void {
  for (const listing of LISTINGS) addListing(work, { frame, listing });
}

function addListing(
  work: Command,
  {
    frame,
    listing: { verb, description, columns, extra, list },
  }: { frame: Frame; listing: Listing },
): void {
  const command = work
    .command(verb)
    .description(description)
    .option("-l, --limit <n>", "at most so many", parseCount, 100)
    .option("--json", "print it as JSON")
    .action(({ limit, json }: Options, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        run: async ({ client }) => {
          const items = await list(client.queue, { limit });
          if (json === true) {
            const rows = await present(items, async (item) => ({
              ...viewRow(item, await client.stat(item.path, { etag: false })),
              ...Object.fromEntries(extra.map((column) => [column, VIEW_COLUMNS[column](item)])),
            }));
            return await printJsonList(frame.output, rows);
          }
          const now = frame.surroundings.now();
          const waits = (columns as readonly string[]).includes("blockers");
          const rows = await present(items, async (item): Promise<Row> => {
            return { ...item, now, blockers: waits ? await blockersOf(client, item) : "" };
          });
          await printTable<Row>(frame.output, {
            columns: columns.map((name): Column<Row> => COLUMNS[name]),
            rows,
          });
        },
      }),
    );
  addExamples(command, [`nexus work ${verb} -l 10`, `nexus work ${verb} --json`]);
}

/** Looks at each item once more, and leaves out what is gone by now. */
async function present<Row>(
  items: readonly WorkItem[],
  look: (item: WorkItem) => Promise<Row>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const item of items) {
    try {
      rows.push(await look(item));
    } catch (error) {
      if (!isKind(error, "not-found")) throw error;
    }
  }
  return rows;
}

async function blockersOf({ queue }: NexusClient, { path }: WorkItem): Promise<string> {
  const dependencies = await queue.dependencies(path);
  return dependencies
    .filter(({ state }) => state !== "completed")
    .map(({ reference, path = reference, state }) =>
      state === "waiting" ? path : `${path} (${state})`,
    )
    .join(", ");
}
