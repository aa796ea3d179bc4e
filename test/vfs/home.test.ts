import { describe, expect, test } from "vitest";
import { type Ino, ROOT_INO } from "../../src/model/ids.js";
import { messageThrown } from "../support/error-kind.js";
import { caller, World } from "./world.js";

/** The paths of all directories, by the rows. */
function directories(world: World, ino: Ino = ROOT_INO, path = ""): string[] {
  return world.metadata
    .readdir({ ino, after: 0, limit: 1000 })
    .flatMap(({ name, ino: child }) => [
      `${path}/${name}`,
      ...directories(world, child, `${path}/${name}`),
    ])
    .sort();
}

async function lookup(world: World, parent: Ino, name: string) {
  const entry = await world.fs.lookup(caller(), { parent, name });
  if (entry === undefined) throw new Error(`${name} isn't there`);
  return entry;
}

const ROOTS = ["/archives", "/external", "/shared", "/system", "/workspace"];

describe("the directories that the system makes", () => {
  test("are the roots of the namespaces", () => {
    expect(directories(new World())).toStrictEqual(ROOTS);
  });

  test("are those of the namespaces of a configuration, too", () => {
    const declared = { name: "team", readonly: false, adminOnly: false, requiresTenant: true };
    const world = new World({ config: { namespaces: [declared] } });
    world.nexus.welcome(caller("acme").identity);
    expect(directories(world)).toStrictEqual(
      [...ROOTS, "/shared/acme", "/team", "/team/acme", "/workspace/acme"].sort(),
    );
  });

  test("are an identity's own, before it looks for them", async () => {
    const world = new World();
    const alice = caller("acme", "alice");
    world.nexus.welcome(alice.identity);
    const made = ["/shared/acme", "/workspace/acme", "/workspace/acme/alice"];
    expect(directories(world)).toStrictEqual([...ROOTS, ...made].sort());
    const shared = await world.fs.lookup(alice, { parent: ROOT_INO, name: "shared" });
    const own = { parent: shared?.ino ?? ROOT_INO, name: "acme" };
    expect(await world.fs.lookup(alice, own)).toMatchObject({ attributes: { mode: 0o040755 } });
  });

  test("aren't made for who has no tenant", () => {
    const world = new World();
    world.nexus.welcome(caller().identity);
    expect(directories(world)).toStrictEqual(ROOTS);
  });

  test("are their one user's, and open to all where there may be several", async () => {
    const world = new World();
    const alice = caller("acme", "alice");
    const owner = { uid: 1001, gid: 100 };
    world.nexus.welcome(alice.identity, { owner });
    world.nexus.welcome(caller("acme", "bob").identity, { owner: undefined });
    world.nexus.welcome(caller("globex").identity, { owner });
    const attributesOf = async (path: string) => {
      let ino: Ino = ROOT_INO;
      for (const name of path.split("/").slice(1)) ino = (await lookup(world, ino, name)).ino;
      const { uid, gid, mode } = await world.fs.getattr(caller(), { ino });
      return [uid, gid, (mode & 0o7777).toString(8)];
    };
    expect(await attributesOf("/workspace/acme/alice")).toEqual([1001, 100, "755"]);
    expect(await attributesOf("/workspace/acme/bob")).toEqual([0, 0, "777"]);
    expect(await attributesOf("/workspace/acme")).toEqual([0, 0, "755"]);
    expect(await attributesOf("/shared/acme")).toEqual([0, 0, "777"]);
    expect(await attributesOf("/workspace/globex")).toEqual([0, 0, "777"]);
    expect(await attributesOf("/shared")).toEqual([0, 0, "755"]);
  });

  test("are made once, and are the same after a restart", () => {
    const world = new World();
    const { identity } = caller("acme", "alice");
    world.nexus.welcome(identity);
    const before = directories(world);
    const count = world.metadata.countInodes();
    world.nexus.welcome(identity);
    const after = world.killed();
    after.nexus.welcome(identity);
    expect(directories(after)).toStrictEqual(before);
    expect(after.metadata.countInodes()).toBe(count);
  });

  test("aren't made where something else has the name, and the message says what to do", () => {
    const world = new World();
    const shared = world.metadata.lookup({ parent: ROOT_INO, name: "shared" })?.ino ?? ROOT_INO;
    world.metadata.create({
      parent: shared,
      name: "acme",
      mode: 0o100644,
      uid: 0,
      gid: 0,
      rdev: 0,
      tenantId: undefined,
      agentId: undefined,
      mimeType: undefined,
      now: world.clock.now(),
    });
    const message = messageThrown(() => world.nexus.welcome(caller("acme").identity));
    expect(message).toContain("'acme' is something else");
  });
});

describe("statfs", () => {
  test("counts inodes, and tells the room of the disk", async () => {
    const world = new World();
    const before = await world.fs.statfs(caller(), { ino: ROOT_INO });
    await world.write("one", "");
    await world.write("two", "");
    const after = await world.fs.statfs(caller(), { ino: ROOT_INO });
    const inUse = (stat: typeof before) => stat.files - stat.filesFree;
    expect(inUse(after)).toBe(inUse(before) + 2);
    expect(after.nameMaxBytes).toBe(255);
    expect(after.blocks).toBeGreaterThanOrEqual(after.blocksFree);
    expect(after.blocksFree).toBeGreaterThanOrEqual(after.blocksAvailable);
  });
});
