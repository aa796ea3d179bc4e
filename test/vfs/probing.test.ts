import { describe, expect, test } from "vitest";
import type { Caller } from "../../src/model/identity.js";
import type { Ino } from "../../src/model/ids.js";
import { ROOT_INO } from "../../src/model/ids.js";
import { caller, flags, World } from "./world.js";

// What an identity may not see, it can't find out by what changes elsewhere either.

/** Two tenants with a workspace each, and a namespace that is the admins' own. */
class Neighbours {
  readonly world: World;
  readonly mine = caller("acme", "alice");
  readonly theirs = caller("beta", "bob");
  readonly admin = caller(undefined, undefined, { isAdmin: true });

  constructor() {
    const vault = { name: "vault", readonly: false, adminOnly: true, requiresTenant: false };
    this.world = new World({ config: { namespaces: [vault] } });
    for (const { identity } of [this.mine, this.theirs]) this.world.nexus.welcome(identity);
  }

  /** The directory of this path, made if need be. */
  async directory(who: Caller, path: readonly string[]): Promise<Ino> {
    const { fs } = this.world;
    let ino: Ino = ROOT_INO;
    for (const name of path) {
      const found = await fs.lookup(who, { parent: ino, name });
      ino = (found ?? (await fs.mkdir(who, { parent: ino, name, mode: 0o755 }))).ino;
    }
    return ino;
  }

  homeOf(who: Caller): Promise<Ino> {
    const { tenantId = "", agentId = "" } = who.identity;
    return this.directory(who, ["workspace", tenantId, agentId]);
  }

  /** A file with these bytes in a directory. */
  async put(who: Caller, { parent, text }: { parent: Ino; text: string }): Promise<Ino> {
    const { fs } = this.world;
    const name = `file ${this.#files++}`;
    const made = { parent, name, mode: 0o600, flags: flags(), exclusive: true };
    const { entry, opened } = await fs.create(who, made);
    const { handle } = opened;
    const data = Buffer.from(text);
    await fs.write(who, { handle, offset: 0, data, killSetId: false });
    fs.release({ handle });
    return entry.ino;
  }

  async refCount(who: Caller, ino: Ino): Promise<string> {
    const value = await this.world.fs.getxattr(who, { ino, name: "user.nexus.ref_count" });
    return Buffer.from(value ?? []).toString();
  }

  #files = 0;
}

describe("ref_count", () => {
  test("counts the files that one may read, admins' all", async () => {
    const neighbours = new Neighbours();
    const { mine, theirs, admin } = neighbours;
    const home = await neighbours.homeOf(mine);
    const ino = await neighbours.put(mine, { parent: home, text: "a secret" });
    await neighbours.put(mine, { parent: home, text: "a secret" });
    expect(await neighbours.refCount(mine, ino)).toBe("2");
    const parent = await neighbours.homeOf(theirs);
    const other = await neighbours.put(theirs, { parent, text: "a secret" });
    expect(await neighbours.refCount(mine, ino)).toBe("2");
    expect(await neighbours.refCount(theirs, other)).toBe("1");
    expect(await neighbours.refCount(admin, ino)).toBe("3");
  });

  test("counts what others have put where everybody may go", async () => {
    const neighbours = new Neighbours();
    const { mine, theirs } = neighbours;
    const documents = await neighbours.directory(mine, ["documents", "deep"]);
    const ino = await neighbours.put(mine, { parent: documents, text: "known to all" });
    await neighbours.put(theirs, { parent: documents, text: "known to all" });
    expect(await neighbours.refCount(mine, ino)).toBe("2");
  });

  test.each([[[]], [["deep", "deeper"]]])(
    "doesn't count what lies in vault/%s, where nobody else may go",
    async (below) => {
      const neighbours = new Neighbours();
      const { mine, admin } = neighbours;
      const vault = await neighbours.directory(admin, ["vault", ...below]);
      const kept = await neighbours.put(admin, { parent: vault, text: "a secret" });
      const askers = [mine, caller("acme"), caller(undefined, "alice"), caller()];
      for (const [before, who] of askers.entries()) {
        const ino = await neighbours.put(who, { parent: ROOT_INO, text: "a secret" });
        expect(await neighbours.refCount(who, ino)).toBe(String(before + 1));
      }
      expect(await neighbours.refCount(admin, kept)).toBe(String(askers.length + 1));
    },
  );

  test("doesn't count a file that has no name any more", async () => {
    const neighbours = new Neighbours();
    const { mine, world } = neighbours;
    const ino = await neighbours.put(mine, { parent: ROOT_INO, text: "text" });
    await neighbours.put(mine, { parent: ROOT_INO, text: "text" });
    expect(await neighbours.refCount(mine, ino)).toBe("2");
    await world.fs.unlink(mine, { parent: ROOT_INO, name: "file 1" });
    expect(await neighbours.refCount(mine, ino)).toBe("1");
  });
});

test("that another tenant makes files doesn't show in statfs", async () => {
  const neighbours = new Neighbours();
  const { mine, theirs, world } = neighbours;
  const ino = await neighbours.homeOf(mine);
  const used = async () => {
    const { files, filesFree } = await world.fs.statfs(mine, { ino });
    return files - filesFree;
  };
  const before = await used();
  const parent = await neighbours.homeOf(theirs);
  await neighbours.put(theirs, { parent, text: "x" });
  expect(await used()).toBe(before);
});
