import { describe, expect, test } from "vitest";
import { S_IFDIR } from "../../src/model/attributes.js";
import { NexusError } from "../../src/model/errors.js";
import { FIRST_VIRTUAL_INO, type Ino, ROOT_INO } from "../../src/model/ids.js";
import { ANYBODY, caller, World } from "./world.js";

/** What the file system says of a path; every directory on it is made. */
async function varies(world: World, path: string): Promise<boolean> {
  let parent = ROOT_INO;
  for (const name of path.split("/").filter((part) => part !== "")) {
    const found = await world.fs.lookup(ANYBODY, { parent, name });
    const mode = S_IFDIR | 0o755;
    parent = (found ?? (await world.fs.mkdir(ANYBODY, { parent, name, mode }))).ino;
  }
  return world.fs.variesByCaller({ ino: parent });
}

/** What it answers, or the kind of the error. */
async function kindOrValue(ask: () => Promise<string>): Promise<string> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof NexusError) return error.kind;
    throw error;
  }
}

describe("what is told of a directory depends on who asks", () => {
  test.each(["/", "/workspace", "/workspace/acme", "/shared"])(
    "where others' begin: %s",
    async (path) => {
      expect(await varies(new World(), path)).toBe(true);
    },
  );

  test.each([
    "/workspace/acme/agent1",
    "/workspace/acme/agent1/a/b",
    "/shared/acme",
    "/jobs",
    "/jobs/a",
  ])("and not below, where all is one's own or everybody's: %s", async (path) => {
    expect(await varies(new World(), path)).toBe(false);
  });

  test("above a path that has rules of its own", async () => {
    const mounts = [{ prefix: "/data/in", backend: "local", readonly: false, priority: 0 }];
    const world = new World({ config: { mounts } });
    expect(await varies(world, "/data")).toBe(true);
    expect(await varies(world, "/data/in")).toBe(false);
    expect(await varies(world, "/data/out")).toBe(false);
  });

  test("if it is virtual, or not known at all", () => {
    const { fs } = new World();
    expect(fs.variesByCaller({ ino: FIRST_VIRTUAL_INO as Ino })).toBe(true);
    expect(fs.variesByCaller({ ino: 999_999 as Ino })).toBe(true);
  });

  test("wherever one identity gets another answer than the next: names, attributes, listings", async () => {
    const world = new World();
    for (const tenant of ["acme", "globex"]) {
      for (const agent of ["agent1", "agent2"])
        await varies(world, `/workspace/${tenant}/${agent}/x`);
      await varies(world, `/shared/${tenant}/x`);
    }
    const admin = caller(undefined, undefined, { isAdmin: true });
    const tenants = [caller("acme"), caller("acme", "agent1"), caller("globex", "agent2")];
    let told = 0;
    const walk = async (ino: Ino, depth: number): Promise<void> => {
      const names = new Set<string>();
      const answers = new Set<string>();
      for (const who of [admin, ANYBODY, ...tenants]) {
        const answer = await kindOrValue(async () => {
          const seen: string[] = [];
          const emit = ({ name }: { name: string }) => seen.push(name) > 0;
          await world.fs.readdir(who, { ino, cookie: 0, limit: 100, emit });
          for (const name of seen) if (!name.startsWith(".")) names.add(name);
          return JSON.stringify([seen, await world.fs.getattr(who, { ino })]);
        });
        // Whether one gets here at all was asked for in the directory above.
        if (answer !== "access-denied") answers.add(answer);
      }
      told += 1;
      if (!world.fs.variesByCaller({ ino })) expect(answers.size).toBe(1);
      if (depth === 0) return;
      for (const name of names) {
        const entry = await world.fs.lookup(admin, { parent: ino, name });
        if (entry !== undefined) await walk(entry.ino, depth - 1);
      }
    };
    await walk(ROOT_INO, 4);
    expect(told).toBe(20);
  });
});
