import { expect, test } from "vitest";
import { kindOf } from "../support/error-kind.js";
import { ANYBODY, World } from "./world.js";

test("an attribute can't be created and replaced at once, whether it is there or not", async () => {
  const world = new World();
  const ino = await world.write("file", "");
  world.lookup("file");
  for (const name of ["user.key", "trusted.key"]) {
    const set = (mode: "any" | "create and replace") =>
      kindOf(() => world.fs.setxattr(ANYBODY, { ino, name, value: Buffer.from(mode), mode }));
    expect(set("create and replace")).toBe("no-attribute");
    expect(set("any")).toBeUndefined();
    expect(set("create and replace")).toBe("already-exists");
    expect(await world.fs.getxattr(ANYBODY, { ino, name })).toEqual(Buffer.from("any"));
  }
});
