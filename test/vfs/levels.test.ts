import { describe, expect, test } from "vitest";
import { S_IFREG } from "../../src/model/attributes.js";
import type { Caller } from "../../src/model/identity.js";
import { type Ino, ROOT_INO } from "../../src/model/ids.js";
import { kindOfLater } from "../support/error-kind.js";
import { caller, flags, World } from "./world.js";

// /workspace/{tenant} holds the agents' directories: a file there would shut all of them out. Who no
// tenant or agent binds may make one: somebody who works alone writes /workspace/data.txt.

const ADMIN = caller(undefined, undefined, { isAdmin: true });
const ACME = caller("acme");
/** Bound, but to no tenant. */
const AGENT = caller(undefined, "alice");

async function workspaceOf(world: World): Promise<Ino> {
  const entry = await world.fs.lookup(ACME, { parent: ROOT_INO, name: "workspace" });
  return entry?.ino ?? ROOT_INO;
}

type Making = (request: { world: World; who: Caller; parent: Ino }) => unknown;
const name = "acme";
const modes = { mode: "replace", whiteout: false } as const;

/** Everything that could make a name lead to something else than a directory. */
const MAKING: Readonly<Record<string, Making>> = {
  create: ({ world, who, parent }) =>
    world.fs.create(who, { parent, name, mode: 0o644, flags: flags(), exclusive: false }),
  mknod: ({ world, who, parent }) =>
    world.fs.mknod(who, { parent, name, mode: S_IFREG | 0o644, rdev: 0 }),
  symlink: ({ world, who, parent }) =>
    world.fs.symlink(who, { parent, name, target: Buffer.from("elsewhere") }),
};

test.each(Object.entries(MAKING))(
  "a tenant's shared directory can't become a file by %s of who is bound",
  async (_, make) => {
    const world = new World();
    const parent = (await world.fs.lookup(ACME, { parent: ROOT_INO, name: "shared" }))?.ino;
    if (parent === undefined) throw new Error("there is no /shared");
    world.nexus.welcome(ACME.identity);
    await world.fs.rmdir(ACME, { parent, name });
    for (const who of [ACME, caller("acme", "alice"), AGENT]) {
      const making = (async () => make({ world, who, parent }))();
      expect(await kindOfLater(making)).toBe("not-permitted");
    }
    await world.fs.mkdir(ACME, { parent, name, mode: 0o755 });
  },
);

test("a tenant's shared directory can't become a file by linking one that had no name", async () => {
  const world = new World();
  const parent = (await world.fs.lookup(ACME, { parent: ROOT_INO, name: "shared" }))?.ino;
  if (parent === undefined) throw new Error("there is no /shared");
  const { ino } = await world.fs.mkdir(ACME, { parent, name, mode: 0o755 });
  const request = { ino, mode: 0o600, flags: flags(), exclusive: false };
  const { entry } = await world.fs.tmpfile(ACME, request);
  await world.fs.rmdir(ACME, { parent, name });
  const to = { newParent: parent, newName: name };
  const linking = (async () => world.fs.link(ACME, { ino: entry.ino, ...to }))();
  expect(await kindOfLater(linking)).toBe("not-permitted");
});

describe("a name that stands for a tenant whose agents come below it", () => {
  test.each(Object.entries(MAKING))(
    "isn't given by who is bound to anything by %s",
    async (_title, make) => {
      for (const who of [ACME, AGENT]) {
        const world = new World();
        const parent = await workspaceOf(world);
        const making = (async () => make({ world, who, parent }))();
        expect(await kindOfLater(making)).toBe("not-permitted");
        expect(world.metadata.lookup({ parent, name })).toBeUndefined();
      }
    },
  );

  test.each(Object.entries(MAKING))(
    "is given to a file by %s of who isn't bound",
    async (_, make) => {
      for (const who of [caller(), ADMIN]) {
        const world = new World();
        const parent = await workspaceOf(world);
        await make({ world, who, parent });
        expect(world.metadata.lookup({ parent, name })).toBeDefined();
        // The tenants that don't have this name see nothing of it.
        const other = caller("globex");
        const looking = (async () => world.fs.lookup(other, { parent, name }))();
        expect(await kindOfLater(looking)).toBe("access-denied");
        const page = await world.fs.listByName(other, { ino: parent, after: "", limit: 10 });
        expect(page.entries).toStrictEqual([]);
        await world.fs.unlink(who, { parent, name });
      }
    },
  );

  test("leaves no trace of such a file in what a tenant is told of the directory", async () => {
    const world = new World();
    const parent = await workspaceOf(world);
    const before = await world.fs.getattr(ACME, { ino: parent });
    world.clock.advance(5000);
    await MAKING.create?.({ world, who: caller(), parent });
    expect(await world.fs.getattr(ACME, { ino: parent })).toStrictEqual(before);
  });

  test("isn't given to a file from elsewhere: link and rename stay in their zones", async () => {
    const world = new World();
    const newParent = await workspaceOf(world);
    const ino = await world.write("file", "text");
    world.lookup("file");
    const to = { newParent, newName: name };
    const linking = (async () => world.fs.link(ADMIN, { ino, ...to }))();
    expect(await kindOfLater(linking)).toBe("cross-zone");
    for (const mode of ["replace", "no-replace", "exchange"] as const) {
      const request = { parent: ROOT_INO, name: "file", ...to, ...modes, mode };
      const renaming = (async () => world.fs.rename(ADMIN, request))();
      expect(await kindOfLater(renaming)).toBe("cross-zone");
    }
    expect(world.metadata.lookup({ parent: newParent, name })).toBeUndefined();
  });

  test("is refused first to who may not go there, whatever it would be", async () => {
    const world = new World();
    const parent = await workspaceOf(world);
    for (const make of Object.values(MAKING)) {
      const making = (async () => make({ world, who: caller("globex"), parent }))();
      expect(await kindOfLater(making)).toBe("access-denied");
    }
  });

  test("is given to a directory", async () => {
    const world = new World();
    const parent = await workspaceOf(world);
    const { ino } = await world.fs.mkdir(ACME, { parent, name, mode: 0o755 });
    expect(world.metadata.lookup({ parent, name })?.ino).toBe(ino);
  });

  test("can be a file where no level comes below it", async () => {
    const world = new World();
    const shared = world.metadata.lookup({ parent: ROOT_INO, name: "shared" })?.ino ?? ROOT_INO;
    await world.fs.lookup(ACME, { parent: ROOT_INO, name: "shared" });
    world.nexus.welcome(ACME.identity);
    const own = await world.fs.lookup(ACME, { parent: shared, name });
    for (const make of Object.values(MAKING)) {
      const fresh = { world, who: ACME, parent: own?.ino ?? ROOT_INO };
      await make(fresh);
      await world.fs.unlink(ACME, { parent: fresh.parent, name });
    }
  });
});
