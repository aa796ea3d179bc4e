import { describe, expect, test } from "vitest";
import type { Ino } from "../../../../src/model/ids.js";
import { WORK_STATUSES } from "../../../../src/model/work.js";
import type { WorkRecord } from "../../../../src/storage/metadata/work-store.js";
import { kindOf } from "../../../support/error-kind.js";
import { at } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";
import { Jobs, LEASE_MS } from "./work-fixture.js";

/** The order of work, claims and leases. */
export function workContract(open: OpenNamespace): void {
  const jobs = () => new Jobs(open());

  describe("work: statuses and order", () => {
    test.each(WORK_STATUSES)(
      "a file whose status is %s is in that list, and in no other",
      (status) => {
        const queue = jobs();
        queue.add("job", { status });
        for (const state of WORK_STATUSES) {
          expect(queue.names(state), state).toEqual(state === status ? ["job"] : []);
        }
        expect(queue.store.countWork({ zones: "all" })[status]).toBe(1);
      },
    );

    test.each([
      ["status", "done"],
      ["status", ""],
      ["status", "ready "],
      ["priority", "high"],
      ["priority", "1.5"],
      ["priority", ""],
      ["priority", "1000000000"],
    ])("the %s '%s' is refused, and nothing changes", (key, value) => {
      const queue = jobs();
      const ino = queue.add("job", { priority: "5" });
      expect(kindOf(() => queue.set(ino, key, value))).toBe("invalid-argument");
      expect(queue.get(ino, "status")).toBe("ready");
      expect(queue.get(ino, "priority")).toBe("5");
      expect(queue.names("ready")).toEqual(["job"]);
    });

    test("lower priorities come first, none last, then the oldest first", () => {
      const queue = jobs();
      queue.add("none, old", { node: { now: at(1) } });
      queue.add("two, young", { priority: "2", node: { now: at(9) } });
      queue.add("two, old", { priority: "2", node: { now: at(3) } });
      queue.add("minus one", { priority: "-1", node: { now: at(9) } });
      queue.add("ten", { priority: "10", node: { now: at(1) } });
      const order = ["minus one", "two, old", "two, young", "ten", "none, old"];
      expect(queue.names("ready")).toEqual(order);
      expect(queue.names(undefined)).toEqual(order);
    });

    test("a priority that changes, or goes, moves the item", () => {
      const queue = jobs();
      const a = queue.add("a", { priority: "1" });
      queue.add("b", { priority: "2" });
      queue.set(a, "priority", "3");
      expect(queue.names("ready")).toEqual(["b", "a"]);
      queue.set(a, "priority", "1");
      expect(queue.names("ready")).toEqual(["a", "b"]);
      queue.remove(a, "priority");
      expect(queue.names("ready")).toEqual(["b", "a"]);
    });

    test("a priority that was there before the status counts", () => {
      const queue = jobs();
      queue.add("b", { priority: "2" });
      const a = queue.namespace.file("a");
      queue.set(a, "priority", "1");
      queue.set(a, "status", "ready");
      expect(queue.names("ready")).toEqual(["a", "b"]);
    });

    test.each([
      ["of a state", { state: "ready", zones: "all" }],
      ["of a state, in some zones", { state: "ready", zones: ["/", "/elsewhere"] }],
      ["of all", { state: undefined, zones: "all" }],
      ["of all, in some zones", { state: undefined, zones: ["/", "/elsewhere"] }],
    ] as const)(
      "a listing %s goes on after any item, also among those of one moment",
      (_, what) => {
        const queue = jobs();
        for (const [index, created] of [5, 1, 1, 1, 9, 1, 5].entries()) {
          const zone = index % 3 === 2 ? "/elsewhere" : "/";
          for (const priority of ["1", "2"]) {
            queue.add(`${index}.${priority}`, { priority, zone, node: { now: at(created) } });
          }
        }
        const whole = queue.store.listWork({ ...what, limit: 100 });
        expect(whole).toHaveLength(14);
        for (const limit of [1, 2, 3, 5]) {
          const paged: WorkRecord[] = [];
          for (;;) {
            const last = paged.at(-1);
            const after = last === undefined ? {} : { after: last };
            const page = queue.store.listWork({ ...what, limit, ...after });
            if (page.length === 0) break;
            paged.push(...page);
          }
          expect(paged).toStrictEqual(whole);
        }
      },
    );

    test("without its status, a file is no item any more", () => {
      const queue = jobs();
      const ino = queue.add("job");
      queue.remove(ino, "status");
      expect(queue.names(undefined)).toEqual([]);
      expect(queue.store.workItem(ino)).toBeUndefined();
    });

    test("an item that is removed is in no list; one that is renamed has its new path", () => {
      const queue = jobs();
      queue.add("gone");
      queue.add("moved");
      queue.namespace.unlink("gone");
      queue.namespace.rename("moved", "there");
      expect(queue.names("ready")).toEqual(["there"]);
    });

    test("one with two names stays until the last one goes", () => {
      const queue = jobs();
      const ino = queue.add("a");
      queue.namespace.store.link({ ino, parent: 1 as Ino, name: "b", now: at(2) });
      queue.namespace.unlink("a");
      expect(queue.names("ready")).toEqual(["b"]);
      queue.namespace.unlink("b");
      expect(queue.names("ready")).toEqual([]);
    });

    test("a file without a name is work as soon as it gets one", () => {
      const queue = jobs();
      const ino = queue.namespace.unnamed();
      queue.set(ino, "status", "ready");
      expect(queue.names("ready")).toEqual([]);
      expect(queue.claimNext()).toBeUndefined();
      queue.namespace.store.link({ ino, parent: 1 as Ino, name: "job", now: at(2) });
      expect(queue.names("ready")).toEqual(["job"]);
    });

    test("zones are told apart", () => {
      const queue = jobs();
      queue.add("a", { zone: "/shared/acme", priority: "2" });
      queue.add("b", { zone: "/shared/other", priority: "1" });
      queue.add("c", { zone: "/", priority: "1" });
      expect([...queue.store.workZones()].sort()).toEqual(["/", "/shared/acme", "/shared/other"]);
      expect(queue.names("ready", ["/", "/shared/acme"])).toEqual(["c", "a"]);
      expect(queue.names(undefined, ["/shared/acme", "/"])).toEqual(["c", "a"]);
      expect(queue.names("ready", [])).toEqual([]);
      expect(queue.store.countWork({ zones: ["/shared/other"] }).ready).toBe(1);
      expect(queue.claimNext("w", { zones: ["/shared/acme"] })?.path).toBe("/a");
      expect(queue.claimNext("w", { zones: ["/shared/acme"] })).toBeUndefined();
    });
  });

  describe("work: claims", () => {
    test("the first item in order goes to one worker, the next to the next", () => {
      const queue = jobs();
      queue.add("second", { priority: "2" });
      queue.add("first", { priority: "1" });
      expect(queue.claimNext("w1")?.path).toBe("/first");
      expect(queue.claimNext("w2")?.path).toBe("/second");
      expect(queue.claimNext("w3")).toBeUndefined();
      expect(queue.names("in_progress").sort()).toEqual(["first", "second"]);
    });

    test("a claim sets status, worker and start, and clears those of an earlier attempt", () => {
      const queue = jobs();
      const ino = queue.add("job");
      queue.set(ino, "started_at", "long ago");
      const item = queue.claim(ino, "w1", at(10));
      expect(item).toMatchObject({
        state: "in_progress",
        workerId: "w1",
        leaseEndMs: 10_000 + LEASE_MS,
      });
      expect(queue.get(ino, "status")).toBe("in_progress");
      expect(queue.get(ino, "worker_id")).toBe("w1");
      expect(queue.get(ino, "started_at")).toBe("1970-01-01T00:00:10.000000");
    });

    test("an item that another worker has is busy; the same worker keeps it for longer", () => {
      const queue = jobs();
      const ino = queue.add("job");
      queue.claim(ino, "w1", at(10));
      expect(kindOf(() => queue.claim(ino, "w2", at(20)))).toBe("busy");
      expect(queue.claim(ino, "w1", at(20)).leaseEndMs).toBe(20_000 + LEASE_MS);
      expect(queue.get(ino, "started_at")).toBe("1970-01-01T00:00:10.000000");
    });

    test.each(["pending", "blocked", "completed", "failed"])(
      "one that is %s can't be claimed",
      (status) => {
        const queue = jobs();
        const ino = queue.add("job", { status });
        expect(kindOf(() => queue.claim(ino))).toBe("try-again");
        expect(queue.get(ino, "status")).toBe(status);
        expect(queue.get(ino, "worker_id")).toBeUndefined();
      },
    );

    test("a file that is no work item can't be claimed, nor can one that isn't there", () => {
      const queue = jobs();
      expect(kindOf(() => queue.claim(queue.namespace.file("file")))).toBe("invalid-argument");
      expect(kindOf(() => queue.claim(12_345 as Ino))).toBe("not-found");
    });

    test("who completes it must have it", () => {
      const queue = jobs();
      const ino = queue.add("job");
      expect(kindOf(() => queue.complete(ino, "w1"))).toBe("stale");
      queue.claim(ino, "w1");
      expect(kindOf(() => queue.complete(ino, "w2"))).toBe("busy");
      expect(queue.complete(ino, "w1", at(20))).toMatchObject({
        state: "completed",
        completedAt: "1970-01-01T00:00:20.000000",
        leaseEndMs: undefined,
      });
      expect(kindOf(() => queue.complete(ino, "w1"))).toBe("stale");
    });

    test("one that failed tells why, and the attempt counts; given back, it doesn't", () => {
      const queue = jobs();
      const ino = queue.add("job");
      queue.claim(ino);
      const failed = { ino, workerId: "w1", outcome: "failed", error: "no oil" } as const;
      expect(queue.store.finishWork({ ...failed, countAttempt: true, now: at(20) })).toMatchObject({
        state: "failed",
        attempts: 1,
      });
      expect(queue.get(ino, "error")).toBe("no oil");
      queue.set(ino, "status", "ready");
      // Begun afresh by somebody, it is as if it had never been tried.
      expect(queue.get(ino, "error")).toBeUndefined();
      expect(queue.get(ino, "attempts")).toBeUndefined();
      queue.claim(ino);
      const back = { ino, workerId: "w1", outcome: "ready", countAttempt: false } as const;
      expect(queue.store.finishWork({ ...back, now: at(30) })).toMatchObject({
        state: "ready",
        attempts: 0,
        workerId: undefined,
        startedAt: undefined,
      });
      queue.claim(ino);
      const again = { ...back, error: "still none", countAttempt: true, now: at(40) };
      expect(queue.store.finishWork(again)).toMatchObject({ state: "ready", attempts: 1 });
      queue.claim(ino);
      expect(queue.get(ino, "error")).toBe("still none");
      queue.complete(ino);
      expect(queue.get(ino, "error")).toBeUndefined();
    });

    test("a lease that ran out gives the item to another, and the attempt counts", () => {
      const queue = jobs();
      const ino = queue.add("job");
      queue.claim(ino, "w1", at(10));
      expect(queue.store.nextLeaseEndMs()).toBe(10_000 + LEASE_MS);
      expect(queue.store.expireLeases(at(69))).toBe(0);
      expect(queue.store.expireLeases(at(70))).toBe(1);
      expect(queue.store.nextLeaseEndMs()).toBeUndefined();
      expect(queue.store.workItem(ino)).toMatchObject({ state: "ready", attempts: 1 });
      expect(queue.get(ino, "worker_id")).toBeUndefined();
      expect(queue.claimNext("w2", { now: at(71) })).toMatchObject({ workerId: "w2", attempts: 1 });
      const late = { ino, workerId: "w1", leaseMs: LEASE_MS, now: at(72) };
      expect(kindOf(() => queue.store.renewWork(late))).toBe("busy");
    });

    test("who comes after the lease gets it, also if nobody has looked since", () => {
      const queue = jobs();
      const ino = queue.add("job");
      queue.claim(ino, "w1", at(10));
      expect(queue.claim(ino, "w2", at(1000))).toMatchObject({ workerId: "w2", attempts: 1 });
    });

    test("a renewed lease ends later", () => {
      const queue = jobs();
      const ino = queue.add("job");
      queue.claim(ino, "w1", at(10));
      queue.store.renewWork({ ino, workerId: "w1", leaseMs: LEASE_MS, now: at(60) });
      expect(queue.store.expireLeases(at(100))).toBe(0);
      expect(queue.store.expireLeases(at(120))).toBe(1);
    });

    test("a status that is set by hand ends the lease", () => {
      const queue = jobs();
      const ino = queue.add("job");
      queue.claim(ino);
      queue.set(ino, "status", "completed");
      expect(queue.store.nextLeaseEndMs()).toBeUndefined();
      expect(queue.store.expireLeases(at(10_000))).toBe(0);
      expect(queue.get(ino, "status")).toBe("completed");
    });

    test("a status of in_progress that is set once more leaves the claim as it is", () => {
      const queue = jobs();
      const ino = queue.add("job");
      queue.claim(ino, "w1", at(10));
      queue.set(ino, "status", "in_progress", { now: at(20) });
      expect(queue.store.workItem(ino)).toMatchObject({
        leaseEndMs: 10_000 + LEASE_MS,
        startedAt: "1970-01-01T00:00:10.000000",
        workerId: "w1",
      });
    });

    test("the latest start is first among those in progress", () => {
      const queue = jobs();
      const [a, b, c] = ["a", "b", "c"].map((name) => queue.add(name));
      queue.claim(a as Ino, "w", at(20));
      queue.claim(b as Ino, "w", at(40));
      queue.claim(c as Ino, "w", at(30));
      expect(queue.names("in_progress")).toEqual(["b", "c", "a"]);
    });

    test("those who watch hear when something may be ready, and when it is leased", () => {
      const queue = jobs();
      const heard: string[] = [];
      const stop = queue.store.watchWork((news) => heard.push(news));
      const ino = queue.add("job");
      expect(heard).toContain("ready");
      heard.length = 0;
      queue.claim(ino, "w1", at(10));
      expect(heard).toEqual(["leased"]);
      queue.store.expireLeases(at(1000));
      expect(heard).toEqual(["leased", "ready"]);
      stop();
      queue.claim(ino, "w1", at(2000));
      expect(heard).toEqual(["leased", "ready"]);
    });

    test("those who wait for the end of a lease hear only of one that may come first", () => {
      const queue = jobs();
      const [a, b, c] = ["a", "b", "c"].map((name) => queue.add(name));
      const heard: string[] = [];
      queue.store.watchWork((news) => news === "leased" && heard.push(news));
      queue.claim(a as Ino, "w", at(10));
      queue.claim(b as Ino, "w", at(11));
      expect(heard).toEqual(["leased"]);
      const soon = { workerId: "w", leaseMs: 100, now: at(12) };
      queue.store.claimWork({ ...soon, ino: c as Ino });
      expect(heard).toEqual(["leased", "leased"]);
      // Whoever asks hears of whatever ends before the answer.
      queue.store.finishWork({
        ...{ ino: c as Ino, workerId: "w", now: at(12) },
        ...{ outcome: "ready", countAttempt: false },
      });
      queue.store.nextLeaseEndMs();
      queue.store.claimWork({ ...soon, ino: c as Ino });
      expect(heard).toEqual(["leased", "leased", "leased"]);
    });
  });
}
