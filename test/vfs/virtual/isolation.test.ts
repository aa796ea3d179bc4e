import { beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "../../../src/model/identity.js";
import type { Ino } from "../../../src/model/ids.js";
import { inoOfWorkLinkName, workLinkName } from "../../../src/vfs/virtual/work-link-name.js";
import { caller } from "../world.js";
import { VirtualWorld } from "./virtual-world.js";

const READY = "/.nexus/work/ready";
const ITEMS = [
  { ino: 11, zone: "/", path: "/jobs/open" },
  { ino: 12, zone: "/shared/acme", path: "/shared/acme/job" },
  { ino: 13, zone: "/shared/other", path: "/shared/other/job" },
  { ino: 14, zone: "/workspace/acme/alice", path: "/workspace/acme/alice/job" },
  { ino: 15, zone: "/workspace/acme/bob", path: "/workspace/acme/bob/job" },
  { ino: 16, zone: "/system", path: "/system/job" },
];

const WHO: { who: string; as: Caller; sees: number[] }[] = [
  { who: "an admin", as: caller("x", "y", { isAdmin: true }), sees: [11, 12, 13, 14, 15, 16] },
  { who: "one without a tenant", as: caller(), sees: [11, 12, 13, 14, 15] },
  { who: "a tenant", as: caller("acme"), sees: [11, 12, 14, 15] },
  { who: "an agent", as: caller("acme", "alice"), sees: [11, 12, 14] },
  { who: "another tenant", as: caller("other"), sees: [11, 13] },
];

describe.each(WHO)("$who", ({ as, sees }) => {
  let world: VirtualWorld;
  let names: Map<number, string>;

  beforeEach(() => {
    world = new VirtualWorld();
    const put = ({ ino, ...item }: (typeof ITEMS)[number]) =>
      workLinkName(world.work.put({ ino: ino as Ino, ...item }));
    names = new Map(ITEMS.map((item) => [item.ino, put(item)]));
  });

  test("lists the items that it may see", async () => {
    for (const atOnce of [1, 100]) {
      const listed = await world.names(READY, as, atOnce);
      expect(listed.map(inoOfWorkLinkName)).toEqual(sees);
    }
  });

  test("finds these, and of the others no more than of those that never were", async () => {
    for (const [ino, name] of names) {
      const found = world.target(`${READY}/${name}`, as);
      if (sees.includes(ino)) expect(await found).toMatch(/^\.\.\/\.\.\/\.\.\//);
      else await expect(found).rejects.toMatchObject({ kind: "not-found" });
    }
  });

  test("learns nothing from the number of a symlink that another one looked up", async () => {
    const admin = caller(undefined, undefined, { isAdmin: true });
    for (const [item, name] of names) {
      const ino = await world.ino(`${READY}/${name}`, admin);
      const asks = [() => world.fs.getattr(as, { ino }), () => world.fs.readlink(as, { ino })];
      for (const ask of asks) {
        if (sees.includes(item)) expect(await ask()).toBeDefined();
        else expect(ask).toThrow("any more");
      }
    }
  });

  test("counts these in the stats, and files only if nothing is kept from it", async () => {
    const text = await world.text("/.nexus/stats", as);
    expect(text).toContain(`work_ready ${sees.length}\n`);
    expect(text).toContain(`work_total ${sees.length}\n`);
    const isBound = !as.identity.isAdmin && as.identity.tenantId !== undefined;
    expect(text.includes("files ")).toBe(!isBound);
  });

  test("is shown the same by an item's own path, if the store took its zone for another", async () => {
    const record = world.work.put({ ino: 99 as Ino, zone: "/", path: "/shared/third/secret" });
    const may = as.identity.isAdmin || as.identity.tenantId === undefined;
    const listed = (await world.names(READY, as)).map(inoOfWorkLinkName);
    expect(listed.includes(99 as Ino)).toBe(may);
    const found = world.entry(`${READY}/${workLinkName(record)}`, as);
    if (may) expect(await found).toBeDefined();
    else await expect(found).rejects.toMatchObject({ kind: "not-found" });
  });
});
