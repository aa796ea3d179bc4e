import { beforeEach, describe, expect, test } from "vitest";
import { type Ino, ROOT_INO } from "../../../src/model/ids.js";
import type { WorkStatus } from "../../../src/model/work.js";
import type { ListedEntry } from "../../../src/vfs/file-system.js";
import { ANYBODY, flags, World } from "../world.js";

/** The virtual directory as the system has it, on the real store. */
describe("the virtual directory of a running system", () => {
  let world: World;

  beforeEach(() => {
    world = new World();
  });

  const set = (ino: Ino, key: string, text: string) =>
    world.metadata.setAttribute({
      ino,
      family: "custom",
      key,
      value: Buffer.from(text),
      mode: "any",
      now: world.clock.now(),
      work: { zone: "/" },
    });

  async function submit(name: string, priority: number | undefined): Promise<Ino> {
    const ino = await world.write(name, name);
    if (priority !== undefined) set(ino, "priority", String(priority));
    set(ino, "status", "ready");
    world.clock.advance(5);
    return ino;
  }

  async function ino(path: string): Promise<Ino> {
    let at = ROOT_INO;
    for (const name of path.split("/").slice(1)) {
      const entry = await world.fs.lookup(ANYBODY, { parent: at, name });
      if (entry === undefined) throw new Error(`${path} isn't there`);
      at = entry.ino;
    }
    return at;
  }

  /** The own names of the files in a directory of work, sorted as `ls` does. */
  async function names(state: WorkStatus): Promise<string[]> {
    const listed: string[] = [];
    const emit = ({ name }: ListedEntry) => listed.push(name) > 0;
    const request = { ino: await ino(`/.nexus/work/${state}`), cookie: 2, limit: 100, emit };
    await world.fs.readdir(ANYBODY, request);
    expect([...listed].sort()).toEqual(listed);
    return listed.map((name) => name.split("-").slice(3).join("-"));
  }

  async function text(path: string): Promise<string> {
    const opened = await world.fs.open(ANYBODY, {
      ino: await ino(path),
      flags: flags({ access: "read" }),
    });
    const into = Buffer.alloc(4096);
    const count = await world.fs.read(ANYBODY, { ...opened, offset: 0, into });
    world.fs.release(opened);
    return into.toString("utf8", 0, count);
  }

  test("lists work in its order: by priority, none last, then by age", async () => {
    await submit("third", undefined);
    await submit("fourth", undefined);
    await submit("second", 5);
    await submit("first", -7);
    expect(await names("ready")).toEqual(["first", "second", "third", "fourth"]);
    expect(await names("pending")).toEqual([]);
  });

  test("follows an item from state to state, and to its end", async () => {
    const item = await submit("item", 1);
    const held = await world.open("item");
    set(item, "status", "in_progress");
    expect([await names("ready"), await names("in_progress")]).toEqual([[], ["item"]]);
    set(item, "status", "completed");
    expect([await names("in_progress"), await names("completed")]).toEqual([[], ["item"]]);
    await world.unlink("item");
    for (const state of ["ready", "in_progress", "completed"] as const) {
      expect(await names(state)).toEqual([]);
    }
    held.close();
  });

  test("lists what was started last first", async () => {
    for (const name of ["early", "late"]) {
      const item = await submit(name, 1);
      set(item, "status", "in_progress");
    }
    expect(await names("in_progress")).toEqual(["late", "early"]);
  });

  test("leads to an item by its path of today", async () => {
    await submit("item", 1);
    const made = await world.fs.mkdir(ANYBODY, { parent: ROOT_INO, name: "jobs", mode: 0o755 });
    const how = { mode: "replace", whiteout: false } as const;
    const to = { newParent: made.ino, newName: "renamed", ...how };
    await world.fs.rename(ANYBODY, { parent: ROOT_INO, name: "item", ...to });
    expect(await names("ready")).toEqual(["renamed"]);
    const listed: ListedEntry[] = [];
    const directory = await ino("/.nexus/work/ready");
    const emit = (entry: ListedEntry) => listed.push(entry) > 0;
    await world.fs.readdir(ANYBODY, { ino: directory, cookie: 2, limit: 100, emit });
    const symlink = await ino(`/.nexus/work/ready/${listed[0]?.name}`);
    const target = await world.fs.readlink(ANYBODY, { ino: symlink });
    expect(Buffer.from(target).toString()).toBe("../../../jobs/renamed");
  });

  test("says which version it is, and counts", async () => {
    await submit("item", 1);
    expect(await text("/.nexus/version")).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
    const stats = await text("/.nexus/stats");
    expect(stats).toContain("work_ready 1\n");
    expect(stats).toContain(`files ${world.metadata.countInodes()}\n`);
  });
});
