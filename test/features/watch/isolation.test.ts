import { describe, expect, test } from "vitest";
import type { Identity } from "../../../src/model/identity.js";
import { caller, World } from "../../vfs/world.js";
import { featuresOf, Observer, observe } from "./watch-world.js";

const ADMIN = caller(undefined, undefined, { isAdmin: true }).identity;

function agent(tenant: string, name?: string): Identity {
  return caller(tenant, name).identity;
}

async function shared() {
  const system = { name: "system", readonly: false, adminOnly: true, requiresTenant: false };
  const world = new World({ config: { namespaces: [system] } });
  const admin = featuresOf(world, ADMIN);
  for (const home of ["acme/a1", "acme/a2", "other/a1"]) {
    await admin.files.write(`/workspace/${home}/there`, "");
  }
  return { world, admin };
}

/** All that a tenant can do to its files. */
async function live({ files, metadata, queue }: ReturnType<typeof featuresOf>, home: string) {
  await files.write(`${home}/a`, "one");
  await files.write(`${home}/a`, "two");
  await metadata.set(`${home}/a`, "key", "value");
  await queue.submit(`${home}/a`);
  await queue.claimPath(`${home}/a`, { worker: "w1" });
  await files.mkdir(`${home}/dir`);
  await files.rename(`${home}/a`, `${home}/dir/b`);
  await files.rmdir(`${home}/dir`, { recursive: true });
}

describe("who watches everything", () => {
  test("hears nothing of another tenant, nor that something exists there", async () => {
    const { world, admin } = await shared();
    const observer = await observe(featuresOf(world, agent("acme")));
    await live(admin, "/workspace/other/a1");
    await live(admin, "/workspace/new-tenant/a1");
    await live(admin, "/system");
    expect(await observer.told()).toStrictEqual([]);
    await admin.files.write("/workspace/acme/a2/b", "");
    expect(await observer.told()).toStrictEqual(["created /workspace/acme/a2/b"]);
  });

  test("hears nothing of another agent of its tenant", async () => {
    const { world, admin } = await shared();
    const observer = await observe(featuresOf(world, agent("acme", "a1")));
    await live(admin, "/workspace/acme/a2");
    await admin.files.write("/shared/acme/for-all", "");
    await admin.files.write("/workspace/acme/a1/mine", "");
    const told = await observer.told();
    expect(told.filter((line) => line.includes("a2"))).toStrictEqual([]);
    expect(told.slice(-2)).toStrictEqual([
      "created /shared/acme/for-all",
      "created /workspace/acme/a1/mine",
    ]);
  });

  test("hears of every tenant as an admin", async () => {
    const { world, admin } = await shared();
    const observer = await observe(featuresOf(world, ADMIN));
    await live(admin, "/workspace/other/a1");
    expect((await observer.told()).length).toBeGreaterThan(8);
  });

  test("hears the same with a cursor that others' changes came after", async () => {
    const { world, admin } = await shared();
    const mine = featuresOf(world, agent("acme"));
    const cursor = await mine.watching.watchCursor();
    await live(admin, "/workspace/other/a1");
    await mine.files.write("/workspace/acme/a1/a", "");
    const observer = await observe(mine, { cursor });
    expect(await observer.told()).toStrictEqual(["created /workspace/acme/a1/a"]);
  });
});

test.each([
  ["there", "/workspace/other/a1"],
  ["not there", "/workspace/nobody/a1"],
])("a closed path is refused as stat refuses it when it is %s", async (_, path) => {
  const { world } = await shared();
  const mine = featuresOf(world, agent("acme"));
  const refused = await mine.files.stat(path).catch((error: unknown) => error);
  expect(refused).toMatchObject({ kind: "access-denied" });
  const cursor = await mine.watching.watchCursor();
  for (const options of [{ path }, { path, cursor }]) {
    const observer = new Observer(mine, options);
    expect(await observer.ended()).toStrictEqual(refused);
  }
});
