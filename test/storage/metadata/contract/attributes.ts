import { describe, expect, test } from "vitest";
import type { Ino } from "../../../../src/model/ids.js";
import type {
  AttributeFamily,
  SetAttributeRequest,
} from "../../../../src/storage/metadata/metadata-store.js";
import { bytesOfLength } from "../../../support/bytes.js";
import { kindOf } from "../../../support/error-kind.js";
import { at, type Namespace } from "../fixture.js";
import type { OpenNamespace } from "../metadata-store-contract.js";

const FAMILIES: readonly AttributeFamily[] = ["custom", "system"];

const VALUES: Record<string, Buffer> = {
  text: Buffer.from("ready"),
  "no bytes": Buffer.alloc(0),
  "text of a number": Buffer.from("0012.50"),
  "text with quotes, newlines and emoji": Buffer.from("'a' \"b\"\n🙂\ufeff"),
  "text that begins with a byte order mark": Buffer.from("\ufeffx"),
  "text with NUL": Buffer.from("a\0b"),
  NUL: Buffer.from([0]),
  "bytes that are no UTF-8": Buffer.from([0x61, 0xff, 0xfe, 0x00, 0x80]),
  "a lone surrogate in UTF-8": Buffer.from([0xed, 0xa0, 0x80]),
  "64 KiB of anything": bytesOfLength(64 * 1024),
};

/** Sets and reads the attributes of one file. */
function attributesOf(namespace: Namespace, family: AttributeFamily, ino: Ino) {
  const { store } = namespace;
  return {
    set: (key: string, value: string | Buffer, rest: Partial<SetAttributeRequest> = {}) =>
      store.setAttribute({
        ino,
        family,
        key,
        value: Buffer.from(value),
        mode: "any",
        now: at(1),
        ...rest,
      }),
    get: (key: string) => {
      const value = store.getAttribute({ ino, family, key });
      return value === undefined ? undefined : Buffer.from(value);
    },
    remove: (key: string, now = at(1)) => store.removeAttribute({ ino, family, key, now }),
    list: () => store.listAttributes({ ino, family }),
    measure: () => store.measureAttributes({ ino, family }),
  };
}

export function attributesContract(open: OpenNamespace): void {
  describe.each(FAMILIES)("%s attributes", (family) => {
    test.each(Object.entries(VALUES))("come back byte for byte: %s", (_, value) => {
      const namespace = open();
      const attributes = attributesOf(namespace, family, namespace.file("file"));
      attributes.set("key", value);
      expect(attributes.get("key")?.toString("hex")).toBe(value.toString("hex"));
      // Replaced by a value of another type, and back.
      attributes.set("key", Buffer.from([0xff]));
      attributes.set("key", value);
      expect(attributes.get("key")?.toString("hex")).toBe(value.toString("hex"));
    });

    test("are listed by the bytes of their names, whichever came first", () => {
      const namespace = open();
      const attributes = attributesOf(namespace, family, namespace.file("file"));
      for (const key of ["b", "ä", "a", "B"]) attributes.set(key, "1");
      attributes.set("a", "2");
      expect(attributes.list()).toStrictEqual(["B", "a", "b", "ä"]);
      expect(attributes.measure()).toStrictEqual({ keys: 4, bytes: 5 });
      expect(attributes.remove("a")).toBe(true);
      attributes.set("a", "3");
      expect(attributes.list()).toStrictEqual(["B", "a", "b", "ä"]);
    });

    test("setting and removing one moves ctime, and only that", () => {
      const namespace = open();
      const ino = namespace.file("file");
      const before = namespace.row(ino);
      const attributes = attributesOf(namespace, family, ino);
      attributes.set("key", "1", { now: at(5, 6) });
      expect(namespace.row(ino)).toStrictEqual({ ...before, ctime: at(5, 6) });
      attributes.remove("key", at(7));
      expect(namespace.row(ino)).toStrictEqual({ ...before, ctime: at(7) });
      expect(attributes.remove("key", at(8))).toBe(false);
      expect(namespace.row(ino).ctime).toStrictEqual(at(7));
    });

    test("create wants a new one, replace an old one", () => {
      const namespace = open();
      const attributes = attributesOf(namespace, family, namespace.file("file"));
      const attempt = (value: string, mode: "create" | "replace") =>
        kindOf(() => attributes.set("key", value, { mode }));

      expect(attempt("1", "replace")).toBe("no-attribute");
      expect(attributes.list()).toStrictEqual([]);
      expect(attempt("2", "create")).toBeUndefined();
      expect(attempt("3", "create")).toBe("already-exists");
      expect(attributes.get("key")).toStrictEqual(Buffer.from("2"));
      expect(attempt("4", "replace")).toBeUndefined();
      expect(attributes.get("key")).toStrictEqual(Buffer.from("4"));
    });

    test("an inode that isn't there has none, and takes none: not-found", () => {
      const namespace = open();
      const attributes = attributesOf(namespace, family, 999_999 as Ino);
      expect(kindOf(() => attributes.set("key", "1"))).toBe("not-found");
      expect(attributes.get("key")).toBeUndefined();
      expect(attributes.list()).toStrictEqual([]);
      expect(attributes.measure()).toStrictEqual({ keys: 0, bytes: 0 });
      expect(attributes.remove("key")).toBe(false);
    });

    test("belong to the inode: another one has its own, and a new one starts without", () => {
      const namespace = open();
      const ino = namespace.file("file");
      const attributes = attributesOf(namespace, family, ino);
      const others = attributesOf(namespace, family, namespace.file("other"));
      attributes.set("key", "mine");
      others.set("key", "theirs");
      attributes.set("KEY", "another key");
      expect(attributes.get("key")).toStrictEqual(Buffer.from("mine"));
      expect(attributes.get("KEY")).toStrictEqual(Buffer.from("another key"));
      namespace.unlink("file");
      expect(attributes.list()).toStrictEqual(["KEY", "key"]);
      namespace.store.reap([ino]);
      expect(attributes.list()).toStrictEqual([]);
      expect(others.get("key")).toStrictEqual(Buffer.from("theirs"));
    });
  });

  test("the two families don't see each other's attributes", () => {
    const namespace = open();
    const ino = namespace.file("file");
    const [custom, system] = FAMILIES.map((family) => attributesOf(namespace, family, ino));
    custom?.set("key", "custom");
    expect(system?.get("key")).toBeUndefined();
    system?.set("key", "system");
    expect(custom?.get("key")).toStrictEqual(Buffer.from("custom"));
    expect(custom?.remove("key")).toBe(true);
    expect(system?.list()).toStrictEqual(["key"]);
  });
}
