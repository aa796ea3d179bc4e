import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { ROOT_INO } from "../../../src/model/ids.js";
import { ADMIN, lineOf, TransferWorld } from "../transfer/transfer-world.js";

function open() {
  const world = new TransferWorld();
  return { world, ...world.nexus.featuresFor(ADMIN.identity) };
}

test("what waits for a path_id goes on when an import brings that file back", async () => {
  const { world, files, queue } = open();
  for (const path of ["/a", "/keeps-the-content", "/b"]) await files.write(path, "text");
  await queue.submit("/a");
  const { pathId } = await files.stat("/a");
  await queue.submit("/b", { dependsOn: pathId });
  await files.delete("/a");
  expect(await queue.dependencies("/b")).toMatchObject([{ state: "deleted" }]);
  await world.pass(60_000);
  const more = { path_id: pathId, custom_metadata: { status: "ready" } };
  await world.transfer().importMetadata(Readable.from([lineOf("/again", "text", more)]));
  expect(await queue.dependencies("/b")).toMatchObject([{ state: "waiting", path: "/again" }]);
  await queue.claimPath("/again", { worker: "w1" });
  await queue.complete("/again", { worker: "w1" });
  expect(await queue.get("/b")).toMatchObject({ status: "ready" });
});

test("what waits for a path finds the file by any of its names", async () => {
  const { world, files, queue, metadata } = open();
  for (const path of ["/a", "/b", "/c"]) await files.write(path, "text");
  await metadata.set("/a", "status", "completed");
  await queue.submit("/b", { dependsOn: "/named/later" });
  await files.mkdir("/named");
  const { ino } = await files.stat("/a");
  const { ino: newParent } = await files.stat("/named");
  const a = await world.fs.lookup(ADMIN, { parent: ROOT_INO, name: "a" });
  const named = await world.fs.lookup(ADMIN, { parent: ROOT_INO, name: "named" });
  await world.fs.link(ADMIN, { ino, newParent, newName: "later" });
  expect(await queue.get("/b")).toMatchObject({ status: "ready" });
  for (const entry of [a, named]) {
    if (entry !== undefined) world.fs.forget({ ino: entry.ino, count: 1 });
  }
});
