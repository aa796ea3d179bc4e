import { expect, test } from "vitest";
import { World } from "../../vfs/world.js";

// Who waits for work hears of all of it.

const worker = "w1";

async function twoLeased() {
  const world = new World();
  const { files, queue } = world.nexus.featuresFor({ isAdmin: false });
  for (const path of ["/a", "/b"]) {
    await files.write(path, "");
    await queue.submit(path);
    await queue.claimPath(path, { worker: "dead", leaseMs: 1000 });
  }
  return { world, queue };
}

test("a claim that finds several leases at their end tells those who wait of the others", async () => {
  const { world, queue } = await twoLeased();
  const waiting = queue.claim({ worker: "waits", wait: 60_000 });
  await world.settle();
  // The timer is late: the time is over, and nobody has looked yet.
  world.clock.skip(1001);
  expect(await queue.claim({ worker })).toMatchObject({ path: "/a", attempts: 1 });
  world.clock.advance(30_000);
  expect(await queue.get("/b")).toMatchObject({ workerId: "waits" });
  expect(await waiting).toMatchObject({ path: "/b", attempts: 1 });
});

test("a claim of one item that is refused ends the leases of others all the same", async () => {
  const { world, queue } = await twoLeased();
  await queue.renew("/b", { worker: "dead", leaseMs: 60_000 });
  world.clock.skip(1001);
  await expect(queue.claimPath("/b", { worker })).rejects.toThrow("'dead' has it");
  expect(await queue.get("/a")).toMatchObject({ state: "ready", attempts: 1 });
});

test("a time to wait is 0 or more", async () => {
  const { queue } = new World().nexus.featuresFor({ isAdmin: false });
  for (const wait of [-1, Number.NaN]) {
    await expect(queue.claim({ worker, wait })).rejects.toThrow("waiting");
  }
});

test("a lease may be as long as anybody likes", async () => {
  const world = new World();
  const { files, queue } = world.nexus.featuresFor({ isAdmin: false });
  await files.write("/job", "");
  await queue.submit("/job");
  const item = await queue.claim({ worker, leaseMs: Number.MAX_VALUE });
  expect(item?.leaseEndsAt?.getTime()).toBeGreaterThan(Date.UTC(2200, 0));
});
