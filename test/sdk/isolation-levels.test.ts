import { expect, test } from "vitest";
import type { NexusClient } from "../../src/sdk/client.js";
import { kindOfLater } from "../support/error-kind.js";
import { World } from "../vfs/world.js";
import { clientOf } from "./isolation/ground.js";
import { IDENTITIES } from "./isolation/rules.js";

// Paths that are shorter than their namespace's: the directories that tenants and agents share, and
// files that lie beside them.

function clients(names: readonly (keyof typeof IDENTITIES)[]): NexusClient[] {
  const world = new World();
  return names.map((name) => clientOf(world, IDENTITIES[name] ?? { isAdmin: false }));
}

async function paths(nexus: NexusClient): Promise<string[]> {
  const found: string[] = [];
  for await (const { path } of nexus.walk()) found.push(path);
  return found;
}

test("removing a tree that is shared removes nothing of it, not even what is one's own", async () => {
  const names = ["an admin", "a tenant's agent", "nobody in particular"];
  const [admin, alice, nobody] = clients(names) as [NexusClient, NexusClient, NexusClient];
  for (const path of ["/workspace/acme/alice/a", "/workspace/acme/bob/b", "/shared/acme/c"]) {
    await admin.write(path, "x");
  }
  const before = await paths(admin);
  const recursive = { recursive: true };
  for (const path of ["/workspace", "/workspace/acme", "/"]) {
    expect(await kindOfLater(alice.rmdir(path, recursive)), path).toMatch(/access-denied|busy/);
  }
  for (const path of ["/workspace", "/shared", "/"]) {
    expect(await kindOfLater(nobody.rmdir(path, recursive)), path).toBe("busy");
    expect(await kindOfLater(nobody.move(path, "/elsewhere")), path).toBe("busy");
  }
  expect(await paths(admin)).toStrictEqual(before);
  await alice.rmdir("/workspace/acme/alice", recursive);
  expect(await paths(admin)).not.toContain("/workspace/acme/alice/a");
});

test("a batch that is refused at its last path leaves no directory behind", async () => {
  const [alice] = clients(["a tenant's agent"]) as [NexusClient];
  const files = [
    { path: "/documents/made/on/the/way", content: "x" },
    { path: "/workspace/beta/bob/x", content: "x" },
  ];
  expect(await kindOfLater(alice.writeMany(files))).toBe("access-denied");
  expect(await alice.exists("/documents")).toBe(false);
});

test("a file on the tenants' level is read by who is no tenant, and changed by who is nobody's agent", async () => {
  const names = ["nobody in particular", "an agent without a tenant", "a tenant", "an admin"];
  const [nobody, agent, tenant, admin] = clients(names) as [
    NexusClient,
    NexusClient,
    NexusClient,
    NexusClient,
  ];
  const path = "/workspace/data.txt";
  await nobody.write(path, "needle");
  await nobody.queue.submit(path);
  // Its name stands for a tenant, and only who has one is kept from others'.
  expect((await agent.read(path)).toString()).toBe("needle");
  expect(await paths(agent)).toStrictEqual([path]);
  expect((await agent.queue.ready()).map((item) => item.path)).toStrictEqual([path]);
  expect(await kindOfLater(tenant.read(path))).toBe("access-denied");
  expect(await tenant.exists(path)).toBe(false);
  expect(await tenant.queue.ready()).toStrictEqual([]);
  // Its place is shared by all agents, so none of them changes it.
  const worker = "w";
  const changes: Record<string, () => Promise<unknown>> = {
    write: () => agent.write(path, "other"),
    append: () => agent.append(path, "other"),
    delete: () => agent.delete(path),
    rename: () => agent.rename(path, "/elsewhere"),
    metadata: () => agent.metadata.set(path, "key", "value"),
    attributeClaim: () => agent.metadata.set(path, "claim", "value"),
    submit: () => agent.queue.submit(path),
    claimPath: () => agent.queue.claimPath(path, { worker }),
    makeOne: () => agent.write("/workspace/other.txt", "x"),
  };
  for (const [title, change] of Object.entries(changes)) {
    expect([title, await kindOfLater(change())]).toStrictEqual([
      title,
      expect.stringMatching(/^(access-denied|not-permitted)$/),
    ]);
  }
  expect(await agent.queue.claim({ worker })).toBeUndefined();
  expect((await admin.read(path)).toString()).toBe("needle");
  expect(await nobody.queue.claim({ worker })).toMatchObject({ path });
});
