import { expect, test, vi } from "vitest";
import { kindOfLater } from "../../support/error-kind.js";
import { World } from "../../vfs/world.js";

const worker = "w1";

/** A queue with two items of the worker and one that is ready; then the disk gets full. */
async function fullDisk() {
  const world = new World();
  const { files, queue } = world.nexus.featuresFor({ isAdmin: false });
  for (const path of ["/a", "/b", "/c"]) {
    await files.write(path, "");
    await queue.submit(path);
  }
  await queue.claimPath("/a", { worker });
  await queue.claimPath("/b", { worker });
  const hasRoom = vi.spyOn(world.metadata, "hasRoom").mockReturnValue(false);
  return { queue, free: () => hasRoom.mockReturnValue(true) };
}

test("on a full disk nothing is claimed, and everything once there is room", async () => {
  const { queue, free } = await fullDisk();
  const additions = {
    claim: () => queue.claim({ worker }),
    claimPath: () => queue.claimPath("/c", { worker }),
    "fail with a reason": () => queue.fail("/a", { worker, error: "why", retry: true }),
  };
  for (const [name, add] of Object.entries(additions)) {
    expect([name, await kindOfLater(add())]).toStrictEqual([name, "no-space"]);
  }
  expect(await queue.status()).toMatchObject({ ready: 1, in_progress: 2 });
  free();
  expect(await queue.fail("/a", { worker, error: "why" })).toMatchObject({ state: "failed" });
  expect(await queue.claim({ worker })).toMatchObject({ path: "/c" });
});

test("a full disk is no obstacle to keeping an item, giving it back or ending it", async () => {
  const { queue } = await fullDisk();
  expect(await queue.renew("/a", { worker })).toMatchObject({ state: "in_progress" });
  expect(await queue.release("/b", { worker })).toMatchObject({ state: "ready" });
  expect(await queue.complete("/a", { worker })).toMatchObject({ state: "completed" });
});
