import { describe, expect, test } from "vitest";
import { NexusError } from "../../src/model/errors.js";
import { type Ino, ROOT_INO } from "../../src/model/ids.js";
import { ALL_ATTEMPTS, type Ground } from "./isolation-attempts.js";
import { caller, flags, World } from "./world.js";

// A read-only mount refuses changes itself: whoever is root can take the kernel's flag away.

const ADMIN = caller(undefined, undefined, { isAdmin: true });
const PLACES = ["documents", "workspace/acme/alice", "shared/acme"];
const ENTRY = { uid: 0, gid: 0, rdev: 0, tenantId: undefined, agentId: undefined };

/** What lies there, made before the mount became read-only. */
async function ground(path: string): Promise<{ world: World; target: Ground }> {
  const before = new World();
  before.nexus.welcome(caller("acme", "alice").identity);
  await find(before, path, { makesDirectories: true }).then(async (directory) => {
    const { fs } = before;
    const made = { parent: directory, name: "file", mode: 0o644, exclusive: true };
    const { opened } = await fs.create(ADMIN, { ...made, flags: flags() });
    fs.release(opened);
    await fs.mkdir(ADMIN, { parent: directory, name: "directory", mode: 0o755 });
    const target = Buffer.from("file");
    await fs.symlink(ADMIN, { parent: directory, name: "symlink", target });
  });
  await before.close({ drainMs: 10_000 });
  const { dataDir, clock } = before;
  const world = new World({ dataDir, clock, config: { readOnly: true } });
  const file = await find(world, `${path}/file`);
  const { handle } = await world.fs.open(ADMIN, { ino: file, flags: flags({ access: "read" }) });
  const symlink = await find(world, `${path}/symlink`);
  return { world, target: { directory: await find(world, path), file, symlink, handle } };
}

async function find(
  { fs, metadata, clock }: World,
  path: string,
  { makesDirectories = false } = {},
): Promise<Ino> {
  let parent = ROOT_INO;
  for (const name of path.split("/")) {
    if (makesDirectories && metadata.lookup({ parent, name }) === undefined) {
      const made = { ...ENTRY, parent, name, mode: 0o040755, mimeType: undefined };
      metadata.create({ ...made, now: clock.now() });
    }
    const entry = await fs.lookup(ADMIN, { parent, name });
    if (entry === undefined) throw new Error(`no ${path}`);
    parent = entry.ino;
  }
  return parent;
}

async function kindOfOutcome(run: () => unknown): Promise<string> {
  try {
    await run();
    return "allowed";
  } catch (error) {
    if (!(error instanceof NexusError)) throw error;
    return error.kind;
  }
}

describe("a mount that is read-only", () => {
  test.each(PLACES)("changes nothing in /%s, not even for an admin", async (path) => {
    const { world, target } = await ground(path);
    const rows = () => world.metadata.readdirPlus({ ino: target.directory, after: 0, limit: 100 });
    const before = rows();
    await world.pass(48 * 3600 * 1000);
    const deviations: string[][] = [];
    for (const { title, access, byName, run } of ALL_ATTEMPTS) {
      // Of a handle that can't be open for writing, there is nothing else to be refused.
      if (["write", "fallocate", "copyFileRange (1)", "copyFileRange (2)"].includes(title))
        continue;
      for (const name of byName ? ["file", "directory", "nothing"] : ["file"]) {
        const situation = { fs: world.fs, caller: ADMIN, target, own: target, name };
        const told = await kindOfOutcome(() => run(situation));
        const isRight = access === "write" ? told === "read-only" : told !== "read-only";
        if (!isRight) deviations.push([title, name, told]);
      }
    }
    expect(deviations).toStrictEqual([]);
    await world.pass(1000);
    expect(rows()).toStrictEqual(before);
    expect(world.trouble).toStrictEqual([]);
  });

  test("is read-only wherever a configuration says otherwise", async () => {
    const mounts = [
      { prefix: "/", backend: "local", readonly: false, priority: 0 },
      { prefix: "/documents", backend: "local", readonly: false, priority: 5 },
    ];
    const world = new World({ config: { mounts, readOnly: true } });
    for (const name of ["documents", "elsewhere"]) {
      const mkdir = () => world.fs.mkdir(ADMIN, { parent: ROOT_INO, name, mode: 0o755 });
      expect(await kindOfOutcome(mkdir)).toBe("read-only");
    }
  });
});
