import { expect, test } from "vitest";
import type { Identity } from "../../../src/model/identity.js";
import { kindOfLater } from "../../support/error-kind.js";
import { caller, World, type WorldOptions } from "../../vfs/world.js";

function openQueue(options: WorldOptions = {}) {
  const world = new World(options);
  const features = (identity: Identity) => world.nexus.featuresFor(identity);
  return { world, features, ...features({ isAdmin: false }) };
}

const worker = "w1";
const HOUR_MS = 3_600_000;

test("what is submitted is claimed in order of priority, worked on and completed", async () => {
  const { files, queue } = openQueue();
  for (const [name, priority] of Object.entries({ b: 2, a: 1, c: 3 })) {
    await files.write(`/jobs/${name}`, name);
    await queue.submit(`/jobs/${name}`, { priority });
  }
  expect((await queue.ready()).map(({ path }) => path)).toEqual(["/jobs/a", "/jobs/b", "/jobs/c"]);
  const item = await queue.claim({ worker });
  expect(item).toMatchObject({
    path: "/jobs/a",
    state: "in_progress",
    workerId: "w1",
    priority: 1,
  });
  expect(await queue.complete("/jobs/a", { worker })).toMatchObject({ state: "completed" });
  expect(await queue.status()).toMatchObject({ ready: 2, completed: 1, in_progress: 0 });
});

test("metadata that is set one by one makes the same items", async () => {
  const { files, metadata, queue } = openQueue();
  await files.write("/jobs/step1.json", "{}");
  await files.write("/jobs/step2.json", "{}");
  await metadata.set("/jobs/step1.json", "status", "ready");
  await metadata.set("/jobs/step1.json", "priority", 1);
  await metadata.set("/jobs/step2.json", "status", "blocked");
  const { pathId } = await files.stat("/jobs/step1.json");
  await metadata.set("/jobs/step2.json", "depends_on", pathId);
  expect((await queue.ready()).map(({ path }) => path)).toEqual(["/jobs/step1.json"]);
  expect(await queue.dependencies("/jobs/step2.json")).toEqual([
    { reference: pathId, state: "waiting", path: "/jobs/step1.json" },
  ]);
  await metadata.set("/jobs/step1.json", "status", "completed");
  expect(await metadata.get("/jobs/step2.json", "status")).toBe("ready");
});

test("dependencies that are submitted make an item blocked, unless they are completed", async () => {
  const { files, queue } = openQueue();
  for (const name of ["a", "b", "c"]) await files.write(`/${name}`, "");
  await queue.submit("/a");
  expect(await queue.submit("/b", { dependsOn: "/a" })).toMatchObject({ status: "blocked" });
  expect(await kindOfLater(queue.submit("/a", { dependsOn: ["/b"] }))).toBe("invalid-argument");
  expect(await queue.get("/a")).toMatchObject({ status: "ready", blockerCount: 0 });
  await queue.claimPath("/a", { worker });
  await queue.complete("/a", { worker });
  expect(await queue.submit("/c", { dependsOn: ["/a"] })).toMatchObject({ status: "ready" });
});

test("sixteen who wait get an item each, and nobody gets one twice", async () => {
  const { files, queue } = openQueue();
  const claims = Array.from({ length: 16 }, (_, index) =>
    queue.claim({ worker: `w${index}`, wait: true }),
  );
  for (let index = 0; index < 16; index++) {
    await files.write(`/job${index}`, "");
    await queue.submit(`/job${index}`);
  }
  const items = await Promise.all(claims);
  expect(new Set(items.map((item) => item?.path)).size).toBe(16);
  expect(new Set(items.map((item) => item?.workerId)).size).toBe(16);
  expect(await queue.claim({ worker })).toBeUndefined();
});

test("who waits gets nothing when the time is over, and an error when it is aborted", async () => {
  const { world, queue } = openQueue();
  const timed = queue.claim({ worker, wait: 5000 });
  await world.settle();
  world.clock.advance(5000);
  expect(await timed).toBeUndefined();
  const controller = new AbortController();
  const aborted = queue.claim({ worker, wait: true, signal: controller.signal });
  controller.abort();
  expect(await kindOfLater(aborted)).toBe("interrupted");
  expect(await kindOfLater(queue.claim({ worker, signal: controller.signal }))).toBe("interrupted");
});

test("who waits gets the item of a worker whose lease ends", async () => {
  const { world, files, queue } = openQueue();
  await files.write("/job", "");
  await queue.submit("/job");
  await queue.claim({ worker: "dies", leaseMs: 1000 });
  const waiting = queue.claim({ worker: "lives", wait: true });
  await world.pass(999);
  expect(await queue.get("/job")).toMatchObject({ workerId: "dies", attempts: 0 });
  await world.pass(2);
  expect(await waiting).toMatchObject({ workerId: "lives", attempts: 1 });
});

test("a lease that is renewed in time isn't lost", async () => {
  const { world, files, queue } = openQueue();
  await files.write("/job", "");
  await queue.submit("/job");
  await queue.claim({ worker, leaseMs: 1000 });
  for (let round = 0; round < 5; round++) {
    await world.pass(800);
    await queue.renew("/job", { worker, leaseMs: 1000 });
  }
  expect(await queue.get("/job")).toMatchObject({ state: "in_progress", attempts: 0 });
  await world.pass(1001);
  expect(await kindOfLater(queue.renew("/job", { worker }))).toBe("stale");
});

test("leases end while nobody looks, also after a restart", async () => {
  const { world, files, queue } = openQueue();
  await files.write("/job", "");
  await queue.submit("/job");
  await queue.claim({ worker, leaseMs: 60_000 });
  const next = world.killed();
  await next.pass(59_000);
  const { ino } = next.metadata.lookup({ parent: 1 as never, name: "job" }) ?? {};
  expect(next.metadata.work.workItem(ino as never)?.state).toBe("in_progress");
  await next.pass(1001);
  expect(next.metadata.work.workItem(ino as never)).toMatchObject({ state: "ready", attempts: 1 });
});

test("a lease that is taken when the hourly look has found none ends, too", async () => {
  const { world, files, queue } = openQueue();
  const leaseMs = 2 * HOUR_MS;
  for (const path of ["/a", "/b"]) {
    await files.write(path, "");
    await queue.submit(path);
  }
  await queue.claim({ worker, leaseMs });
  await queue.complete("/a", { worker });
  await world.pass(HOUR_MS + 60_000);
  await queue.claim({ worker: "dies", leaseMs });
  const waiting = queue.claim({ worker: "lives", wait: true });
  await world.pass(leaseMs + 1000);
  expect(await waiting).toMatchObject({ path: "/b", workerId: "lives", attempts: 1 });
});

test("leases end although the clock was set back", async () => {
  const { world, files, queue } = openQueue();
  for (const path of ["/a", "/b"]) {
    await files.write(path, "");
    await queue.submit(path);
  }
  await queue.claim({ worker, leaseMs: 60_000 });
  await queue.complete("/a", { worker });
  world.clock.setBack(600_000);
  await world.pass(61_000);
  // It ends later than the first one would have.
  await queue.claim({ worker: "dies", leaseMs: 1_200_000 });
  const waiting = queue.claim({ worker: "lives", wait: true });
  await world.pass(1_201_000);
  expect(await waiting).toMatchObject({ path: "/b", workerId: "lives", attempts: 1 });
});

test("what isn't a regular file with a status is no work item", async () => {
  const { files, queue, metadata } = openQueue();
  await files.write("/file", "");
  await files.mkdir("/directory");
  await metadata.set("/directory", "status", "anything");
  for (const path of ["/file", "/directory"]) {
    expect(await kindOfLater(queue.get(path)), path).toBe("invalid-argument");
    expect(await kindOfLater(queue.claimPath(path, { worker })), path).toBe("invalid-argument");
  }
  expect(await kindOfLater(queue.get("/nothing"))).toBe("not-found");
  expect(await queue.byPriority()).toEqual([]);
});

test.each(["", "a\nb"])("a worker can't be called '%s'", async (name) => {
  const { queue } = openQueue();
  expect(await kindOfLater(queue.claim({ worker: name }))).toBe("invalid-argument");
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])(
  "a lease can't be %s ms",
  async (leaseMs) => {
    const { queue } = openQueue();
    expect(await kindOfLater(queue.claim({ worker, leaseMs }))).toBe("invalid-argument");
  },
);

test("a tenant's agent sees, counts and claims only what is its own or everybody's", async () => {
  const { features } = openQueue();
  const admin = features({ isAdmin: true });
  const places = [
    "/jobs",
    "/shared/acme",
    "/shared/other",
    "/workspace/acme/a1",
    "/workspace/acme/a2",
  ];
  for (const [index, place] of places.entries()) {
    await admin.files.write(`${place}/job`, "");
    // What isn't its own comes first.
    await admin.queue.submit(`${place}/job`, { priority: -index });
  }
  const { identity } = caller("acme", "a1");
  const { queue } = features(identity);
  const own = ["/workspace/acme/a1/job", "/shared/acme/job", "/jobs/job"];
  expect((await queue.ready()).map(({ path }) => path)).toEqual(own);
  expect((await queue.byPriority({ limit: 2 })).map(({ path }) => path)).toEqual(own.slice(0, 2));
  expect(await queue.status()).toMatchObject({ ready: 3 });
  const claimed: (string | undefined)[] = [];
  for (let item = await queue.claim({ worker }); item !== undefined; ) {
    claimed.push(item.path);
    item = await queue.claim({ worker });
  }
  expect(claimed).toEqual(own);
  await queue.release("/jobs/job", { worker });
  for (const path of ["/shared/other/job", "/workspace/acme/a2/job", "/shared/other/none"]) {
    expect(await kindOfLater(queue.claimPath(path, { worker })), path).toBe("access-denied");
    expect(await kindOfLater(queue.get(path)), path).toBe("access-denied");
    expect(await kindOfLater(queue.submit("/jobs/job", { dependsOn: path })), path).toBe(
      "access-denied",
    );
  }
});

test("a path_id of somebody else's file means as little as one that nobody has", async () => {
  const { features } = openQueue();
  const admin = features({ isAdmin: true });
  await admin.files.write("/shared/other/secret", "");
  await admin.metadata.set("/shared/other/secret", "status", "completed");
  const { pathId } = await admin.files.stat("/shared/other/secret");
  const { files, queue } = features(caller("acme").identity);
  await files.write("/shared/acme/job", "");
  const nobodys = "01890000-0000-7000-8000-000000000000";
  expect(await queue.submit("/shared/acme/job", { dependsOn: [pathId, nobodys] })).toMatchObject({
    status: "blocked",
    blockerCount: 2,
  });
  const states = (await queue.dependencies("/shared/acme/job")).map(({ state, path }) => [
    state,
    path,
  ]);
  expect(states).toEqual([
    ["missing", undefined],
    ["missing", undefined],
  ]);
  // Nor when it is touched later.
  await admin.metadata.set("/shared/other/secret", "status", "ready");
  await admin.metadata.set("/shared/other/secret", "status", "completed");
  expect(await queue.get("/shared/acme/job")).toMatchObject({ blockerCount: 2 });
});

test("what an admin made wait for another tenant's file tells its own tenant nothing of it", async () => {
  const { features } = openQueue();
  const admin = features({ isAdmin: true });
  await admin.files.write("/shared/other/secret", "");
  await admin.files.write("/shared/acme/job", "");
  const { pathId } = await admin.files.stat("/shared/other/secret");
  await admin.queue.submit("/shared/acme/job", { dependsOn: pathId });
  const { queue } = features(caller("acme").identity);
  expect(await queue.dependencies("/shared/acme/job")).toEqual([
    { reference: pathId, state: "missing", path: undefined },
  ]);
});

test("nothing read-only is claimed, however ready it is", async () => {
  const { world, queue } = openQueue();
  const { metadata, nexus } = world;
  expect(nexus).toBeDefined();
  const archives = metadata.lookup({ parent: 1 as never, name: "archives" })?.ino;
  const common = { mode: 0o100644, uid: 0, gid: 0, rdev: 0, mimeType: undefined };
  const { ino } = metadata.create({
    ...common,
    parent: archives as never,
    name: "job",
    tenantId: undefined,
    agentId: undefined,
    now: world.clock.now(),
  });
  metadata.setAttribute({
    ino,
    family: "custom",
    key: "status",
    value: Buffer.from("ready"),
    mode: "any",
    now: world.clock.now(),
    work: { zone: "/archives/job" },
  });
  expect((await queue.ready()).map(({ path }) => path)).toEqual(["/archives/job"]);
  expect(await queue.claim({ worker })).toBeUndefined();
});

test("where nothing may be changed, nobody waits for work", async () => {
  const { world, files, queue } = openQueue();
  await files.write("/job", "");
  await queue.submit("/job");
  await world.close();
  const config = { readOnly: true };
  const next = openQueue({ dataDir: world.dataDir, clock: world.clock, config });
  expect((await next.queue.ready()).map(({ path }) => path)).toEqual(["/job"]);
  expect(await kindOfLater(next.queue.claim({ worker, wait: true }))).toBe("read-only");
});

test("an item that a worker has can't be submitted anew", async () => {
  const { world, files, queue } = openQueue();
  await files.write("/job", "");
  await queue.submit("/job");
  await queue.claimPath("/job", { worker, leaseMs: 1000 });
  expect(await kindOfLater(queue.submit("/job", { priority: 1 }))).toBe("busy");
  expect(await queue.get("/job")).toMatchObject({ workerId: worker, priority: undefined });
  await world.pass(1001);
  expect(await queue.submit("/job", { priority: 1 })).toMatchObject({
    state: "ready",
    priority: 1,
  });
});

test("what doesn't fit into metadata is refused, or kept in part if it is why work failed", async () => {
  const { files, metadata, queue } = openQueue();
  await files.write("/job", "");
  await queue.submit("/job");
  expect(await kindOfLater(queue.claim({ worker: "ä".repeat(128) }))).toBe("invalid-argument");
  expect(await queue.claim({ worker: "ä".repeat(127) })).toBeDefined();
  const error = `${"x".repeat(65_535)}äöü`;
  await queue.fail("/job", { worker: "ä".repeat(127), error });
  expect(await metadata.get("/job", "error")).toBe("x".repeat(65_535));
});

test.each([undefined, {}, { worker, wait: "long" }, { worker, wait: Number.NaN }])(
  "a claim with %o is refused",
  async (options) => {
    const { queue } = openQueue();
    expect(await kindOfLater(queue.claim(options as never))).toBe("invalid-argument");
  },
);

test("other namespaces put the items of a store into other zones", async () => {
  const first = openQueue();
  await first.files.write("/models/acme/job", "");
  await first.queue.submit("/models/acme/job", { dependsOn: [] });
  await first.files.write("/models/other/job", "");
  await first.queue.submit("/models/other/job");
  const models = { name: "models", readonly: false, adminOnly: false, requiresTenant: true };
  const { dataDir, clock } = first.world;
  await first.world.close();
  const { features, world } = openQueue({ dataDir, clock, config: { namespaces: [models] } });
  expect([...world.metadata.work.workZones()].sort()).toEqual(["/models/acme", "/models/other"]);
  const { queue } = features(caller("acme").identity);
  expect((await queue.ready()).map(({ path }) => path)).toEqual(["/models/acme/job"]);
});
