import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import type { OutputStream } from "../../../src/cli/terminal/output.js";
import type { WatchEvent, WatchOptions } from "../../../src/features/watch/watch.js";
import { NexusError } from "../../../src/model/errors.js";
import type { Ino } from "../../../src/model/ids.js";
import { clientOf } from "../../sdk/isolation/ground.js";
import { World } from "../../vfs/world.js";
import { each, fakeClient } from "../fake-client.js";
import { runCommand, Screen } from "../run-command.js";

const TIME = new Date(2026, 5, 15, 9, 7, 3);

function event(fields: Partial<WatchEvent> & Pick<WatchEvent, "kind">): WatchEvent {
  const base = { path: "/jobs/a", ino: 7 as Ino, type: "file", time: TIME, cursor: "c1" } as const;
  return { ...base, ...fields } as WatchEvent;
}

function watching(events: readonly WatchEvent[]) {
  const asked: (WatchOptions | undefined)[] = [];
  const looked: string[] = [];
  const client = fakeClient({
    stat: async (path) => {
      looked.push(path);
      return {} as never;
    },
    watchCursor: async () => "c0",
    watch: (options) => {
      asked.push(options);
      return each(events);
    },
  });
  return { client, asked, looked };
}

describe("nexus watch", () => {
  test("prints a line for each event", async () => {
    const { client } = watching([
      event({ kind: "created", path: "/jobs", type: "directory", isNew: true }),
      event({ kind: "modified" }),
      event({ kind: "attributes" }),
      event({ kind: "renamed", from: "/jobs/b" }),
      event({ kind: "metadata", keys: ["colour", "size"] }),
      event({ kind: "work", status: "ready", previousStatus: undefined }),
      event({ kind: "work", status: "completed", previousStatus: "in_progress" }),
      event({ kind: "removed" }),
    ]);
    const { code, stdout } = await runCommand(["watch", "/jobs"], { client });
    expect(code).toBe(0);
    expect(stdout.split("\n")).toStrictEqual([
      "09:07:03  created     /jobs/",
      "09:07:03  modified    /jobs/a",
      "09:07:03  attributes  /jobs/a",
      "09:07:03  renamed     /jobs/b -> /jobs/a",
      "09:07:03  metadata    /jobs/a  colour, size",
      "09:07:03  work        /jobs/a  no work -> ready",
      "09:07:03  work        /jobs/a  in_progress -> completed",
      "09:07:03  removed     /jobs/a",
      "",
    ]);
  });

  test("--json has a line of JSON for each, after one that says from where", async () => {
    const { client } = watching([event({ kind: "created", isNew: true })]);
    const { stdout } = await runCommand(["watch", "--json", "/jobs"], { client });
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toStrictEqual([
      { kind: "started", path: "/jobs", cursor: "c0" },
      {
        ...{ kind: "created", path: "/jobs/a", ino: 7, type: "file", is_new: true },
        ...{ time: TIME.toISOString(), cursor: "c1" },
      },
    ]);
  });

  test("hands on what was asked for, and looks for the path only without a cursor", async () => {
    const { client, asked, looked } = watching([]);
    await runCommand(["watch"], { client });
    await runCommand(["watch", "/jobs", "--no-recursive", "--cursor", "c9"], { client });
    expect(asked).toMatchObject([
      { path: "/", recursive: true, cursor: "c0" },
      { path: "/jobs", recursive: false, cursor: "c9" },
    ]);
    expect(looked).toStrictEqual(["/"]);
  });

  test("ends with 1 and what to do when the cursor is too old", async () => {
    const client = fakeClient({
      watch: async function* () {
        yield* [];
        throw new NexusError("stale", "the cursor is too old; start over");
      },
    });
    const { code, stderr } = await runCommand(["watch", "--cursor", "c"], { client });
    expect([code, stderr]).toStrictEqual([1, "nexus: the cursor is too old; start over\n"]);
  });
});

describe("nexus watch on a store", () => {
  /** Runs it until `end`, which is called with what it has printed so far. */
  async function watchUntil(
    words: readonly string[],
    { stdout = new Screen(), signals = new EventEmitter() } = {},
  ) {
    const world = new World();
    const admin = { isAdmin: true };
    const other = clientOf(world, admin);
    const ran = runCommand(["watch", ...words], {
      client: clientOf(world, admin),
      surroundings: { signals, stdout: stdout as unknown as OutputStream },
    });
    await new Promise(setImmediate);
    await other.write("/jobs/a", "one");
    for (let turns = 0; turns < 10; turns += 1) await new Promise(setImmediate);
    return { ran, other, stdout, signals };
  }

  test("prints at once, and ends at Ctrl-C", async () => {
    const { ran, stdout, signals } = await watchUntil(["--json"]);
    const kinds = stdout.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).kind);
    expect(kinds).toStrictEqual(["started", "created", "created"]);
    signals.emit("SIGINT", "SIGINT");
    expect(await ran).toMatchObject({ code: 130, stderr: "nexus: interrupted\n" });
  });

  test("ends quietly when nobody reads any more", async () => {
    const { ran, stdout } = await watchUntil([]);
    stdout.emit("error", new Error("write EPIPE"));
    expect(await ran).toMatchObject({ code: 0, stderr: "" });
  });

  test("refuses a path that isn't there", async () => {
    const client = clientOf(new World(), { isAdmin: false });
    const { code, stderr } = await runCommand(["watch", "/missing"], { client });
    expect([code, stderr]).toStrictEqual([1, "nexus: /missing doesn't exist\n"]);
  });
});
