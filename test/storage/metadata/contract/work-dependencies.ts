import { describe, expect, test } from "vitest";
import { type Ino, ROOT_INO } from "../../../../src/model/ids.js";
import { kindOf } from "../../../support/error-kind.js";
import { at } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";
import { Jobs } from "./work-fixture.js";

/** What items wait for. */
export function workDependenciesContract(open: OpenNamespace): void {
  const jobs = () => new Jobs(open());

  describe("work: dependencies", () => {
    test("an item is ready when all that it depends on is completed, and not before", () => {
      const queue = jobs();
      const a = queue.add("a");
      const b = queue.add("b");
      const c = queue.add("c", { status: "blocked", dependsOn: ["/a", "/b"] });
      expect(queue.store.workItem(c)).toMatchObject({ state: "blocked", blockerCount: 2 });
      queue.claim(a);
      queue.complete(a);
      expect(queue.store.workItem(c)).toMatchObject({ state: "blocked", blockerCount: 1 });
      expect(queue.states(c)).toEqual(["/a completed", "/b waiting"]);
      queue.set(b, "status", "completed");
      expect(queue.store.workItem(c)).toMatchObject({ state: "ready", status: "ready" });
      expect(queue.get(c, "status")).toBe("ready");
    });

    test("one whose status says ready is blocked as long as it waits", () => {
      const queue = jobs();
      const a = queue.add("a", { status: "pending" });
      const b = queue.add("b", { dependsOn: "/a" });
      expect(queue.names("blocked")).toEqual(["b"]);
      expect(queue.names("ready")).toEqual([]);
      expect(kindOf(() => queue.claim(b))).toBe("try-again");
      queue.set(a, "status", "completed");
      expect(queue.names("ready")).toEqual(["b"]);
    });

    test("one that is blocked by hand waits for nothing else", () => {
      const queue = jobs();
      queue.add("job", { status: "blocked" });
      queue.set(queue.add("other"), "status", "completed");
      expect(queue.names("blocked")).toEqual(["job"]);
    });

    test("what was completed before it was depended on holds up nobody", () => {
      const queue = jobs();
      queue.add("a", { status: "completed" });
      const b = queue.add("b", { status: "blocked", dependsOn: "/a" });
      const c = queue.add("c", { status: "blocked" });
      queue.dependOn(c, "/a");
      expect(queue.get(b, "status")).toBe("ready");
      expect(queue.get(c, "status")).toBe("ready");
      expect(queue.get(b, "depends_on")).toBe("/a");
    });

    test("a dependency that failed keeps it blocked, until it is done after all", () => {
      const queue = jobs();
      const a = queue.add("a", { status: "failed" });
      const b = queue.add("b", { status: "blocked", dependsOn: "/a" });
      expect(queue.states(b)).toEqual(["/a failed"]);
      queue.set(a, "status", "ready");
      queue.set(a, "status", "completed");
      expect(queue.names("ready")).toEqual(["b"]);
    });

    test("one that is begun anew after it was completed blocks again who is not yet at work", () => {
      const queue = jobs();
      const a = queue.add("a", { status: "completed" });
      queue.add("b", { dependsOn: "/a" });
      queue.set(a, "status", "ready");
      expect(queue.names("blocked")).toEqual(["b"]);
    });

    test("what is deleted before it was completed keeps it blocked and says so", () => {
      const queue = jobs();
      const a = queue.add("a");
      const id = queue.namespace.store.describe(a)?.pathId ?? "";
      const byId = queue.add("by id", { status: "blocked", dependsOn: id });
      const byPath = queue.add("by path", { status: "blocked", dependsOn: "/a" });
      queue.namespace.unlink("a");
      expect(queue.states(byId)).toEqual([`${id} deleted`]);
      expect(queue.states(byPath)).toEqual(["/a missing"]);
      queue.namespace.store.reap([a]);
      expect(queue.states(byId)).toEqual([`${id} deleted`]);
      expect(queue.names("blocked").sort()).toEqual(["by id", "by path"]);
    });

    test("what is deleted after it was completed stays done", () => {
      const queue = jobs();
      const a = queue.add("a", { status: "completed" });
      const b = queue.add("b", { dependsOn: "/a" });
      queue.namespace.unlink("a");
      queue.namespace.store.reap([a]);
      expect(queue.states(b)).toEqual(["/a completed"]);
      expect(queue.names("ready")).toEqual(["b"]);
    });

    test("a path that has no file waits for one: made there, renamed there, linked there", () => {
      const queue = jobs();
      const waiting = ["made", "renamed", "linked"].map((name) =>
        queue.add(`for ${name}`, { status: "blocked", dependsOn: `/${name}` }),
      );
      const all = () => waiting.flatMap((ino) => queue.states(ino));
      expect(all()).toEqual(["/made missing", "/renamed missing", "/linked missing"]);
      queue.add("made", { status: "completed" });
      queue.add("tmp", { status: "completed" });
      queue.namespace.rename("tmp", "renamed");
      const ino = queue.namespace.unnamed();
      queue.set(ino, "status", "completed");
      queue.namespace.store.link({ ino, parent: ROOT_INO, name: "linked", now: at(2) });
      expect(all()).toEqual(["/made completed", "/renamed completed", "/linked completed"]);
      expect(queue.names("ready")).toHaveLength(3);
    });

    test("a directory that comes brings what is waited for in it", () => {
      const queue = jobs();
      const directory = queue.namespace.directory("tmp");
      const inner = queue.namespace.directory("in", { parent: directory });
      queue.add("job", { status: "completed", node: { parent: inner } });
      const waiting = queue.add("waiting", { status: "blocked", dependsOn: "/done/in/job" });
      queue.namespace.rename("tmp", "done");
      expect(queue.states(waiting)).toEqual(["/done/in/job completed"]);
      expect(queue.get(waiting, "status")).toBe("ready");
    });

    test("a file that takes another's place is what a path means from then on", () => {
      const queue = jobs();
      queue.add("a");
      const b = queue.add("b", { status: "blocked", dependsOn: "/a" });
      queue.add("new", { status: "completed" });
      queue.namespace.rename("new", "a");
      expect(queue.states(b)).toEqual(["/a completed"]);
    });

    test("a rename that closes a cycle is told by the one that waited for the path", () => {
      const queue = jobs();
      const a = queue.add("a", { status: "blocked", dependsOn: "/b" });
      const other = queue.add("other", { status: "blocked", dependsOn: "/a" });
      queue.namespace.rename("other", "b");
      expect(queue.store.dependenciesOf(a)).toMatchObject([
        { reference: "/b", state: "cycle", ino: other, path: "/b" },
      ]);
      expect(queue.store.dependenciesOf(other)).toMatchObject([{ state: "waiting", ino: a }]);
      queue.remove(other, "depends_on");
      expect(queue.store.dependenciesOf(a)).toMatchObject([{ state: "waiting", ino: other }]);
    });

    test("a dependency follows its file when that is renamed", () => {
      const queue = jobs();
      const a = queue.add("a");
      const b = queue.add("b", { status: "blocked", dependsOn: "/a" });
      queue.namespace.rename("a", "elsewhere");
      queue.set(a, "status", "completed");
      expect(queue.get(b, "status")).toBe("ready");
    });

    test("a path_id that comes later is found in the item's own zone, not in another", () => {
      const queue = jobs();
      const [own, foreign] = ["own", "foreign"].map((name) => queue.namespace.file(name));
      const idOf = (ino: Ino | undefined) =>
        queue.namespace.store.describe(ino as Ino)?.pathId ?? "";
      const item = queue.namespace.file("item");
      const attribute = { ino: item, family: "custom", mode: "any", now: at(1) } as const;
      const zone = "/shared/acme";
      const references = [own, foreign].map((ino) => idOf(ino));
      queue.namespace.store.setAttribute({
        ...attribute,
        key: "depends_on",
        value: Buffer.from(JSON.stringify(references)),
        work: {
          zone,
          dependencies: references.map((id) => ({
            reference: { by: "path-id" as const, text: id, pathId: id as never },
            ino: undefined,
          })),
        },
      });
      queue.set(item, "status", "blocked", { zone });
      queue.set(own as Ino, "status", "completed", { zone });
      queue.set(foreign as Ino, "status", "completed", { zone: "/shared/other" });
      expect(queue.states(item)).toEqual([
        `${references[0]} completed`,
        `${references[1]} missing`,
      ]);
    });

    test("an item can't wait for itself, however many others are between", () => {
      const queue = jobs();
      const a = queue.add("a");
      expect(kindOf(() => queue.dependOn(a, "/a"))).toBe("invalid-argument");
      const b = queue.add("b", { dependsOn: "/a" });
      const c = queue.add("c", { dependsOn: "/b" });
      expect(kindOf(() => queue.dependOn(a, ["/x", "/c"]))).toBe("invalid-argument");
      expect(queue.states(a)).toEqual([]);
      expect(queue.get(a, "depends_on")).toBeUndefined();
      expect([queue.states(b), queue.states(c)]).toEqual([["/a waiting"], ["/b waiting"]]);
    });

    test("two that wait for paths of each other: the second one is refused", () => {
      const queue = jobs();
      queue.add("a", { status: "blocked", dependsOn: "/b" });
      const b = queue.namespace.file("b");
      expect(kindOf(() => queue.dependOn(b, "/a"))).toBe("invalid-argument");
    });

    test("other dependencies take the place of those before; none make a blocked item ready", () => {
      const queue = jobs();
      queue.add("a");
      queue.add("b", { status: "completed" });
      const c = queue.add("c", { status: "blocked", dependsOn: "/a" });
      queue.dependOn(c, ["/a", "/b"]);
      expect(queue.states(c)).toEqual(["/a waiting", "/b completed"]);
      queue.remove(c, "depends_on");
      expect(queue.states(c)).toEqual([]);
      expect(queue.get(c, "status")).toBe("ready");
    });

    test("the most blockers come first", () => {
      const queue = jobs();
      for (const name of ["a", "b", "c"]) queue.add(name, { status: "pending" });
      queue.add("one", { dependsOn: "/a" });
      queue.add("three", { dependsOn: ["/a", "/b", "/c"] });
      queue.add("two", { dependsOn: ["/a", "/b"] });
      expect(queue.names("blocked")).toEqual(["three", "two", "one"]);
    });

    test("a chain is worked off from its end", () => {
      const queue = jobs();
      for (let index = 0; index < 50; index++) {
        const dependsOn = index === 0 ? [] : [`/job ${index - 1}`];
        queue.add(`job ${index}`, { status: index === 0 ? "ready" : "blocked", dependsOn });
      }
      const done: string[] = [];
      for (let item = queue.claimNext(); item !== undefined; item = queue.claimNext()) {
        done.push(item.path);
        queue.complete(item.ino);
      }
      expect(done).toEqual(Array.from({ length: 50 }, (_, index) => `/job ${index}`));
    });
  });
}
