import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { outcomeOf } from "../conformance/posix-case.js";
import { XATTR } from "../conformance/posix-driver.js";
import { put } from "../conformance/posix-steps.js";
import { SystemDriver } from "../conformance/system-driver.js";
import { Mounted, SOON, shell, whyNoMounts } from "../support/daemon.js";

const COMPUTED = [
  "etag",
  "path_id",
  "version",
  "ref_count",
  "mime_type",
  "tenant",
  "agent",
  "created_at",
];

describe.skipIf(whyNoMounts() !== undefined)("extended attributes on a mount", () => {
  let mounted: Mounted | undefined;
  let driver = new SystemDriver("/nonexistent");
  const identity = ["--tenant", "acme", "--agent", "agent1"];

  beforeAll(async () => {
    mounted = await Mounted.start({ args: identity });
    driver = new SystemDriver(mounted.mountPoint);
  });

  afterAll(async () => {
    await mounted?.stop();
  });

  const sh = (script: string) => shell(script, { cwd: mounted?.mountPoint ?? "" });
  const sql = async (query: string) => await mounted?.sql(query);
  const rowsOf = (path: string) =>
    sql(`select key, typeof(value), hex(value) from file_metadata
         join file_paths using (path_id) where virtual_path = '/${path}' order by key`);
  const hex = (text: string) => Buffer.from(text).toString("hex").toUpperCase();

  test("are what SQL has, after setting, changing, renaming and mounting again", async () => {
    await sh("echo {} > job.json; setfattr -n user.status -v ready job.json");
    await sh("setfattr -n user.priority -v 5 job.json; setfattr -n user.empty job.json");
    const rows = `empty|text|\npriority|text|${hex("5")}\nstatus|text|${hex("ready")}`;
    await expect.poll(() => rowsOf("job.json"), SOON).toBe(rows);
    const listed = 'user.empty=""\nuser.priority="5"\nuser.status="ready"\n';
    expect(await sh("getfattr -d job.json | tail -n +2 | sed '/^$/d'")).toBe(listed);

    await sh("mkdir done; mv job.json done/renamed.json");
    expect(await sh("getfattr -d done/renamed.json | tail -n +2 | sed '/^$/d'")).toBe(listed);
    await expect.poll(() => rowsOf("done/renamed.json"), SOON).toBe(rows);

    await mounted?.unmount();
    expect(await rowsOf("done/renamed.json")).toBe(rows);
    await mounted?.mount(identity);
    expect(await sh("getfattr -d done/renamed.json | tail -n +2 | sed '/^$/d'")).toBe(listed);

    await sh("setfattr -n user.status -v pending done/renamed.json");
    await sh("setfattr -x user.empty done/renamed.json");
    const after = `priority|text|${hex("5")}\nstatus|text|${hex("pending")}`;
    await expect.poll(() => rowsOf("done/renamed.json"), SOON).toBe(after);
    await sh("rm done/renamed.json");
    await expect.poll(() => sql("select count(*) from file_metadata"), SOON).toBe("0");
  });

  test("keep bytes and texts as they are; what is no text is a blob in SQL", async () => {
    const values = [
      { path: "bytes", value: Buffer.from([0xff, 0x00, 0xfe, 0x80, 0x0a]), type: "blob" },
      { path: "lines", value: Buffer.from("línea 1\nlínea 2\n"), type: "text" },
      { path: "nul", value: Buffer.from("one\0two"), type: "blob" },
      { path: "digits", value: Buffer.from("007"), type: "text" },
      { path: "long", value: Buffer.alloc(65_536, 0xfe), type: "blob" },
    ];
    const check = async () => {
      for (const { path, value } of values) {
        expect(await driver.getxattr(path, { name: "user.value" })).toEqual(value);
      }
    };
    for (const { path, value, type } of values) {
      await put(driver, { path, data: "x" });
      await driver.setxattr(path, { name: "user.value", value });
      const row = `value|${type}|${value.toString("hex").toUpperCase()}`;
      await expect.poll(() => rowsOf(path), SOON).toBe(row);
    }
    await check();
    await mounted?.unmount();
    await mounted?.mount(identity);
    await check();
  });

  test("belong to the file: all its hard links have them, a copy has its own", async () => {
    const get = (path: string) => sh(`getfattr --only-values -n user.k ${path}`);
    await sh("echo x > first; ln first second; setfattr -n user.k -v shared first");
    expect(await get("second")).toBe("shared");
    await sh("cp -a first third; setfattr -n user.k -v other third; rm first");
    expect(await get("second")).toBe("shared");
    expect(await get("third")).toBe("other");
  });

  test("can be on directories, and are no part of symlinks", async () => {
    await sh("mkdir dir; setfattr -n user.k -v d dir; ln -s dir dirlink");
    expect(await sh("getfattr --only-values -n user.k dirlink")).toBe("d");
    const onLink = driver.setxattr("dirlink", {
      name: "user.k",
      value: Buffer.from("v"),
      follow: false,
    });
    expect(await outcomeOf(onLink)).toBe("EPERM");
  });

  test("of user.nexus are computed", async () => {
    const path = "workspace/acme/agent1/notes.txt";
    await put(driver, { path, data: "text\n" });
    const value = async (name: string) =>
      (await driver.getxattr(path, { name: `user.nexus.${name}` })).toString();
    const values = await Promise.all(COMPUTED.map(value));
    const sha256 = (await sh(`sha256sum < ${path}`)).slice(0, 64);
    const pathId = await sql(
      `select path_id from file_paths where virtual_path = '/${path}' and content_hash = '${sha256}'`,
    );
    const [createdAt] = values.splice(-1);
    expect(values).toEqual([sha256, pathId, "1", "1", "text/plain", "acme", "agent1"]);
    expect(createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+/);
    await put(driver, { path, data: "another text\n" });
    expect(await value("version")).toBe("2");
    expect(await value("etag")).not.toBe(sha256);
    expect(await value("path_id")).toBe(pathId);
  });

  test("of user.nexus can't be set or removed, and aren't listed or copied along", async () => {
    await put(driver, { path: "computed", data: "x" });
    for (const key of [...COMPUTED, "unknown"]) {
      const name = `user.nexus.${key}`;
      const set = driver.setxattr("computed", { name, value: Buffer.from("v") });
      expect(await outcomeOf(set)).toBe("EPERM");
      expect(await outcomeOf(driver.removexattr("computed", name))).toBe("EPERM");
    }
    expect(await outcomeOf(driver.getxattr("computed", { name: "user.nexus.unknown" }))).toBe(
      "ENODATA",
    );
    expect(await driver.listxattr("computed")).toEqual([]);
    expect(
      await sh("getfattr -d -m - computed; cp -a computed ../out; getfattr -d -m - ../out"),
    ).toBe("");
  });

  test("have the limits of Linux", async () => {
    await put(driver, { path: "limits", data: "x" });
    const set = (name: string, length: number) =>
      outcomeOf(driver.setxattr("limits", { name, value: Buffer.alloc(length, "v") }));
    expect(await set("user.most", 65_536)).toBe("success");
    expect(await set("user.more", 65_537)).toBe("E2BIG");
    expect(await set(`user.${"n".repeat(250)}`, 1)).toBe("success");
    expect(await set(`user.${"n".repeat(251)}`, 1)).toBe("ERANGE");
    expect(await set("user.", 1)).toBe("EINVAL");
    const small = driver.getxattr("limits", { name: "user.most", size: 65_535 });
    expect(await outcomeOf(small)).toBe("ERANGE");
    expect((await driver.getxattr("limits", { name: "user.most", size: 0 })).length).toBe(65_536);
    expect(await outcomeOf(driver.listxattr("limits", { size: 5 }))).toBe("ERANGE");
  });

  test("obey XATTR_CREATE and XATTR_REPLACE", async () => {
    await put(driver, { path: "flags", data: "x" });
    const set = (flags: number, text: string) =>
      outcomeOf(driver.setxattr("flags", { name: "user.k", value: Buffer.from(text), flags }));
    expect(await set(XATTR.REPLACE, "a")).toBe("ENODATA");
    expect(await set(XATTR.CREATE | XATTR.REPLACE, "a")).toBe("ENODATA");
    expect(await set(XATTR.CREATE, "b")).toBe("success");
    expect(await set(XATTR.CREATE | XATTR.REPLACE, "c")).toBe("EEXIST");
    expect(await set(XATTR.CREATE, "c")).toBe("EEXIST");
    expect((await driver.getxattr("flags", { name: "user.k" })).toString()).toBe("b");
    expect(await set(XATTR.REPLACE, "d")).toBe("success");
    expect((await driver.getxattr("flags", { name: "user.k" })).toString()).toBe("d");
    await driver.removexattr("flags", "user.k");
    expect(await outcomeOf(driver.removexattr("flags", "user.k"))).toBe("ENODATA");
  });

  test("that are ACLs or of unknown families answer EOPNOTSUPP", async () => {
    // user::rw-, group::r--, other::r--; acl(5) and linux/posix_acl_xattr.h.
    const acl = Buffer.from("0200000001000600ffffffff04000400ffffffff20000400ffffffff", "hex");
    // Only a directory can have a default ACL: the kernel says EACCES for a file by itself.
    await driver.mkdir("acls");
    for (const name of ["system.posix_acl_access", "system.posix_acl_default", "other.name"]) {
      expect(await outcomeOf(driver.setxattr("acls", { name, value: acl }))).toBe("EOPNOTSUPP");
      expect(await outcomeOf(driver.getxattr("acls", { name }))).toBe("EOPNOTSUPP");
    }
  });

  test("of the families trusted and security are kept, but out of file_metadata", async () => {
    await put(driver, { path: "families", data: "x" });
    await sh("setfattr -n trusted.t -v 1 families; setfattr -n security.s -v 2 families");
    await sh("setfattr -n user.u -v 3 families");
    expect((await driver.listxattr("families")).sort()).toEqual([
      "security.s",
      "trusted.t",
      "user.u",
    ]);
    await expect.poll(() => rowsOf("families"), SOON).toBe(`u|text|${hex("3")}`);
  });
});
