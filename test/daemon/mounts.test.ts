import { describe, expect, test } from "vitest";
import { Mounts } from "../../src/daemon/mounts.js";
import { NexusError } from "../../src/model/errors.js";
import type { AgentId, TenantId } from "../../src/model/ids.js";
import { recordingLogger } from "../support/silent-logger.js";
import { FakeHost, spec } from "./fake-host.js";

const AGENT = { isAdmin: false, tenantId: "acme" as TenantId, agentId: "bot" as AgentId };

function fixture() {
  const host = new FakeHost();
  const { logger, lines } = recordingLogger();
  const seen: string[][] = [];
  const mounts: Mounts = new Mounts({
    ...{ server: host.server, host: host.host, logger, dataDir: "/data" },
    now: () => new Date(0),
    onChange: () => seen.push(listed(mounts)),
  });
  return { host, mounts, lines, seen };
}

function listed(mounts: Mounts): string[] {
  return mounts.list().map((mount) => mount.spec.mountPoint);
}

/** Lets promises that are settled go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe("a mount that was restored after a crash", () => {
  test("is the answer to who asks for just that, once", async () => {
    const { host, mounts } = fixture();
    await mounts.restore(spec("/a", { identity: AGENT }));
    const changed = mounts.add(spec("/a"));
    await expect(changed).rejects.toMatchObject({ kind: "in-use" });
    const mount = await mounts.add(spec("/a", { identity: AGENT }));
    expect(mount.id).toBe(1);
    const again = mounts.add(spec("/a", { identity: AGENT }));
    await expect(again).rejects.toMatchObject({ kind: "in-use" });
    expect(host.places()).toStrictEqual(["/a"]);
  });

  test("isn't made again when who had asked for it came first", async () => {
    const { host, mounts } = fixture();
    await Promise.all([mounts.add(spec("/a")), mounts.restore(spec("/a"))]);
    expect(host.places()).toStrictEqual(["/a"]);
    await expect(mounts.add(spec("/a"))).rejects.toMatchObject({ kind: "in-use" });
  });
});

describe("the mounts of a daemon", () => {
  test("are served each as itself, and told of as they come and go", async () => {
    const { host, mounts, seen } = fixture();
    await mounts.add(spec("/a", { identity: AGENT }));
    await mounts.add(spec("/b", { readOnly: true }));
    expect(host.devices.map(({ asked }) => asked)).toMatchObject([
      { mount: 1, identity: AGENT, readOnly: false },
      { mount: 2, identity: { isAdmin: false }, readOnly: true },
    ]);
    expect(await mounts.remove("/a", { whenBusy: "refuse" })).toBe("ended");
    host.takeAway("/b");
    await settle();
    expect(seen.map((places) => places.join())).toStrictEqual(["/a", "/a,/b", "/b", ""]);
    expect(mounts.isEmpty).toBe(true);
  });

  test("one that can't be made leaves nothing, and the others alone", async () => {
    const { host, mounts } = fixture();
    await mounts.add(spec("/a"));
    host.unmountable.set("/b", new NexusError("not-permitted", "no"));
    host.unserved.set("/c", new NexusError("not-supported", "an old kernel"));
    await expect(mounts.add(spec("/b"))).rejects.toMatchObject({ kind: "not-permitted" });
    await expect(mounts.add(spec("/c"))).rejects.toMatchObject({ kind: "not-supported" });
    expect(host.places()).toStrictEqual(["/a"]);
    expect([...host.directories]).toStrictEqual(["/a"]);
    expect(listed(mounts)).toStrictEqual(["/a"]);
  });

  test("two that want one place at once: the second is told that it is taken", async () => {
    const { host, mounts } = fixture();
    const both = await Promise.allSettled([mounts.add(spec("/a")), mounts.add(spec("/a"))]);
    expect(both).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { kind: "in-use" } },
    ]);
    expect(host.places()).toStrictEqual(["/a"]);
  });

  test("none lies in another one, which would have to be asked for its directory", async () => {
    const { host, mounts } = fixture();
    await mounts.add(spec("/a"));
    await expect(mounts.add(spec("/a/b/c"))).rejects.toMatchObject({ kind: "invalid-argument" });
    expect([...host.directories]).toStrictEqual(["/a"]);
    await mounts.add(spec("/ab"));
    expect(host.places()).toStrictEqual(["/a", "/ab"]);
  });

  test("one that fails is taken out of the tree, and the others are served on", async () => {
    const { host, mounts, lines } = fixture();
    await mounts.add(spec("/a"));
    await mounts.add(spec("/b"));
    host.devices[0]?.fail(new NexusError("io-failure", "the device broke"));
    await mounts.whenOver(1);
    expect(host.places()).toStrictEqual(["/b"]);
    expect(listed(mounts)).toStrictEqual(["/b"]);
    expect(lines.some(({ msg }) => msg === "a mount has failed")).toBe(true);
  });
});

describe("a mount that is in use", () => {
  async function busy() {
    const made = fixture();
    await made.mounts.add(spec("/a"));
    await made.mounts.add(spec("/b"));
    made.host.busy.add("/a");
    return made;
  }

  test("is left where it is if that is asked for", async () => {
    const { host, mounts } = await busy();
    const removal = mounts.remove("/a", { whenBusy: "refuse" });
    await expect(removal).rejects.toMatchObject({ kind: "busy" });
    expect(host.places()).toStrictEqual(["/a", "/b"]);
  });

  test("is detached, and lives on until its users are done", async () => {
    const { host, mounts } = await busy();
    expect(await mounts.remove("/a", { whenBusy: "detach" })).toBe("detached");
    expect(mounts.list()).toMatchObject([
      { id: 1, isDetached: true },
      { id: 2, isDetached: false },
    ]);
    expect(host.ending).toStrictEqual([]);
    // Its place is free, and the name means the new one from now on.
    await mounts.add(spec("/a"));
    host.busy.clear();
    expect(await mounts.remove("/a", { whenBusy: "refuse" })).toBe("ended");
    host.devices[0]?.finish();
    await mounts.whenOver(1);
    expect(listed(mounts)).toStrictEqual(["/b"]);
  });

  test("is ended with all others when the daemon ends, and no new one is made", async () => {
    const { host, mounts } = await busy();
    await mounts.close();
    expect(host.ending.toSorted()).toStrictEqual([1, 2]);
    expect(host.places()).toStrictEqual([]);
    expect(mounts.isEmpty).toBe(true);
    await expect(mounts.add(spec("/c"))).rejects.toMatchObject({ kind: "closed" });
  });
});

test("a mount that another one covers is left where it is", async () => {
  const { host, mounts } = fixture();
  await mounts.add(spec("/a"));
  const [own] = host.mounts;
  if (own === undefined) throw new Error("there is no mount");
  host.mounts.push({ ...own, id: 900, device: "0:900", type: "tmpfs" });
  expect(await mounts.remove("/a", { whenBusy: "refuse" })).toBe("covered");
  expect(listed(mounts)).toStrictEqual(["/a"]);
});

test("what isn't mounted can't be unmounted, and nobody waits for it", async () => {
  const { mounts } = fixture();
  const removal = mounts.remove("/a", { whenBusy: "refuse" });
  await expect(removal).rejects.toMatchObject({ kind: "not-found" });
  await mounts.whenOver(17);
});
