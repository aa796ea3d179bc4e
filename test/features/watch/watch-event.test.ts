import { expect, test } from "vitest";
import { eventOf, type WatchedPart } from "../../../src/features/watch/watch-event.js";
import type { Ino } from "../../../src/model/ids.js";
import type { ChangeDetails } from "../../../src/storage/metadata/change-store.js";
import { inWords } from "./watch-world.js";

function told(path: string, details: ChangeDetails, part: Partial<WatchedPart> = {}) {
  const position = { store: "s", seq: 1, time: { sec: 1, nsec: 0 } };
  const record = { position, ino: 7 as Ino, type: 8, path, ...details };
  const mayList = (at: string) => !at.startsWith("/hidden/");
  const event = eventOf(record, { root: "/", recursive: true, mayList, ...part });
  return event && inWords(event);
}

test("a rename between what may be seen and what may not looks like an end or a beginning", () => {
  const from = (oldPath: string) => ({ kind: "renamed", oldPath }) as const;
  expect(told("/hidden/a", from("/a"))).toBe("removed /a");
  expect(told("/a", from("/hidden/a"))).toBe("appeared /a");
  expect(told("/hidden/b", from("/hidden/a"))).toBe(undefined);
  expect(told("/b", from("/a"))).toBe("renamed /a /b");
});

test("what may not be seen isn't told, whatever happened", () => {
  const kinds: ChangeDetails[] = [
    { kind: "created", isNew: true },
    { kind: "removed" },
    { kind: "modified" },
    { kind: "attributes" },
    { kind: "metadata", keys: ["k"] },
    { kind: "work", status: "ready", oldStatus: undefined },
  ];
  for (const details of kinds) {
    expect(told("/hidden/a", details)).toBe(undefined);
    expect(told("/seen/a", details)).toContain(" /seen/a");
  }
});

test("the beginning of the record is nobody's event", () => {
  expect(told("/", { kind: "started" })).toBe(undefined);
});

test("a directory above that goes or is made anew is no reason to end", () => {
  const part = { root: "/a/b" };
  expect(told("/a", { kind: "removed" }, part)).toBe(undefined);
  expect(told("/a", { kind: "created", isNew: true }, part)).toBe(undefined);
  expect(() => told("/a", { kind: "created", isNew: false }, part)).toThrow("was renamed");
  expect(told("/a/bc", { kind: "created", isNew: false }, part)).toBe(undefined);
});

test("the root of everything is a part of itself, and nobody's child", () => {
  const attributes = { kind: "attributes" } as const;
  expect(told("/", attributes, { recursive: false })).toBe("attributes /");
  expect(told("/a", attributes, { recursive: false })).toBe("attributes /a");
  expect(told("/a/b", attributes, { recursive: false })).toBe(undefined);
});
