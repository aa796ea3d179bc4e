import { expect, test } from "vitest";
import type { Caller } from "../../src/model/identity.js";
import type { Ino } from "../../src/model/ids.js";
import { ROOT_INO } from "../../src/model/ids.js";
import { caller, flags, World } from "./world.js";

// What an identity may not see, it can't find out by what changes elsewhere either.

/** Two tenants with a workspace each. */
class Neighbours {
  readonly world = new World();
  readonly mine = caller("acme", "alice");
  readonly theirs = caller("beta", "bob");

  constructor() {
    for (const { identity } of [this.mine, this.theirs]) this.world.nexus.welcome(identity);
  }

  async homeOf(who: Caller): Promise<Ino> {
    const { tenantId = "", agentId = "" } = who.identity;
    let ino: Ino = ROOT_INO;
    for (const name of ["workspace", tenantId, agentId]) {
      ino = (await this.world.fs.lookup(who, { parent: ino, name }))?.ino ?? ROOT_INO;
    }
    return ino;
  }

  async put(who: Caller, { name, text }: { name: string; text: string }): Promise<Ino> {
    const { fs } = this.world;
    const parent = await this.homeOf(who);
    const made = { parent, name, mode: 0o600, flags: flags(), exclusive: true };
    const { entry, opened } = await fs.create(who, made);
    const { handle } = opened;
    const data = Buffer.from(text);
    await fs.write(who, { handle, offset: 0, data, killSetId: false, fromCache: false });
    fs.release({ handle });
    return entry.ino;
  }

  async refCount(who: Caller, ino: Ino): Promise<string> {
    const value = await this.world.fs.getxattr(who, { ino, name: "user.nexus.ref_count" });
    return Buffer.from(value ?? []).toString();
  }
}

test("that another tenant has the same content doesn't show in ref_count", async () => {
  const neighbours = new Neighbours();
  const { mine, theirs } = neighbours;
  const ino = await neighbours.put(mine, { name: "guess", text: "a secret" });
  await neighbours.put(mine, { name: "again", text: "a secret" });
  expect(await neighbours.refCount(mine, ino)).toBe("2");
  const other = await neighbours.put(theirs, { name: "secret", text: "a secret" });
  expect(await neighbours.refCount(mine, ino)).toBe("2");
  expect(await neighbours.refCount(theirs, other)).toBe("1");
  const admin = { ...mine, identity: { ...mine.identity, isAdmin: true } };
  expect(await neighbours.refCount(admin, ino)).toBe("3");
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
  await neighbours.put(theirs, { name: "secret", text: "x" });
  expect(await used()).toBe(before);
});
