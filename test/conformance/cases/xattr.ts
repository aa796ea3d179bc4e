import { expect } from "vitest";
import { S_IFIFO } from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { O, type PosixDriver, type SetXattrRequest, XATTR } from "../posix-driver.js";
import { pattern, put, withFile } from "../posix-steps.js";
import { unprivileged } from "../unprivileged.js";

const VALUE = Buffer.from("value");

async function sortedList(driver: PosixDriver, path: string): Promise<string[]> {
  return (await driver.listxattr(path)).filter((name) => name.startsWith("user.")).sort();
}

const get = (driver: PosixDriver, path: string, name = "user.key") =>
  driver.getxattr(path, { name });

/** setxattr(2), getxattr(2), listxattr(2), removexattr(2), xattr(7). */
export const XATTR_CASES: readonly PosixCase[] = [
  {
    name: "an attribute holds any bytes, none at all, and thousands",
    async run({ driver }) {
      await put(driver, { path: "file" });
      const values = ["", "text", "größe", "\0", "a\0b\0", "\xff"].map((text) => Buffer.from(text));
      for (const value of [...values, Buffer.from([0xff, 0x00, 0xfe]), pattern(3500)]) {
        await driver.setxattr("file", { name: "user.key", value });
        expect((await get(driver, "file")).equals(value)).toBe(true);
      }
    },
  },
  {
    // ext4 has a block for them all.
    name: "a value of 64 KiB is kept",
    nexus: true,
    async run({ driver }) {
      await put(driver, { path: "file" });
      const value = pattern(64 * 1024);
      await driver.setxattr("file", { name: "user.key", value });
      expect((await get(driver, "file")).equals(value)).toBe(true);
    },
  },
  {
    name: "a value of more than 64 KiB fails with E2BIG",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file" });
      const value = Buffer.alloc(64 * 1024 + 1);
      await fails(driver.setxattr("file", { name: "user.key", value }), "E2BIG");
      expect(await sortedList(driver, "file")).toEqual([]);
    },
  },
  {
    name: "a name has at most 255 bytes: ERANGE; and something after its namespace: EINVAL",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file" });
      const longest = `user.${"n".repeat(250)}`;
      await driver.setxattr("file", { name: longest, value: VALUE });
      expect(await sortedList(driver, "file")).toEqual([longest]);
      expect(await get(driver, "file", longest)).toEqual(VALUE);
      for (const [name, code] of [
        [`${longest}n`, "ERANGE"],
        ["", "ERANGE"],
        ["user.", "EINVAL"],
      ] as const) {
        await fails(driver.setxattr("file", { name, value: VALUE }), code);
        await fails(get(driver, "file", name), code);
        await fails(driver.removexattr("file", name), code);
      }
    },
  },
  {
    name: "a namespace that doesn't exist fails with EOPNOTSUPP",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file" });
      for (const name of ["nonsense.key", "user", "key", ".key"]) {
        await fails(driver.setxattr("file", { name, value: VALUE }), "EOPNOTSUPP");
        await fails(get(driver, "file", name), "EOPNOTSUPP");
        await fails(driver.removexattr("file", name), "EOPNOTSUPP");
      }
    },
  },
  {
    name: "XATTR_CREATE fails with EEXIST on what is there, XATTR_REPLACE with ENODATA on what isn't",
    async run({ driver }) {
      await put(driver, { path: "file" });
      const set = (request: Partial<SetXattrRequest>) =>
        driver.setxattr("file", { name: "user.key", value: VALUE, ...request });
      await fails(set({ flags: XATTR.REPLACE }), "ENODATA");
      expect(await sortedList(driver, "file")).toEqual([]);
      await set({ flags: XATTR.CREATE });
      await fails(set({ flags: XATTR.CREATE, value: Buffer.from("other") }), "EEXIST");
      expect(await get(driver, "file")).toEqual(VALUE);
      await set({ flags: XATTR.REPLACE, value: Buffer.from("replaced") });
      expect((await get(driver, "file")).toString()).toBe("replaced");
    },
  },
  {
    name: "flags that don't exist fail with EINVAL",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file" });
      const request = { name: "user.key", value: VALUE, flags: 4 };
      await fails(driver.setxattr("file", request), "EINVAL");
      expect(await sortedList(driver, "file")).toEqual([]);
    },
  },
  {
    name: "a buffer of no bytes asks for the size, and one that is too small fails with ERANGE",
    needs: ["kernel"],
    async run({ driver }) {
      await put(driver, { path: "file" });
      for (const name of ["user.key", "user.other"]) {
        await driver.setxattr("file", { name, value: VALUE });
      }
      const get = (size: number) => driver.getxattr("file", { name: "user.key", size });
      expect(await get(0)).toHaveLength(5);
      expect(await get(5)).toEqual(VALUE);
      for (const size of [1, 4]) await fails(get(size), "ERANGE");
      const names = await driver.listxattr("file");
      const size = names.join("\0").length + 1;
      expect(await driver.listxattr("file", { size })).toEqual(names);
      await fails(driver.listxattr("file", { size: size - 1 }), "ERANGE");
      await fails(driver.listxattr("file", { size: 1 }), "ERANGE");
    },
  },
  {
    name: "an attribute that isn't there fails with ENODATA, for reading and removing",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await fails(get(driver, "file"), "ENODATA");
      await fails(driver.removexattr("file", "user.key"), "ENODATA");
      await driver.setxattr("file", { name: "user.key", value: VALUE });
      await driver.removexattr("file", "user.key");
      await fails(get(driver, "file"), "ENODATA");
      await fails(driver.removexattr("file", "user.key"), "ENODATA");
      // A name is all of a name.
      await driver.setxattr("file", { name: "user.key", value: VALUE });
      for (const name of ["user.ke", "user.keyy", "user.KEY"]) {
        await fails(get(driver, "file", name), "ENODATA");
      }
    },
  },
  {
    name: "a listing has each name once, while attributes come, change and go",
    async run({ driver }) {
      await put(driver, { path: "file" });
      const names = Array.from({ length: 20 }, (_, index) => `user.key-${index}`);
      for (const value of [VALUE, Buffer.from("other")]) {
        for (const name of names) await driver.setxattr("file", { name, value });
      }
      expect(await sortedList(driver, "file")).toEqual([...names].sort());
      for (const name of names.slice(0, 15)) await driver.removexattr("file", name);
      expect(await sortedList(driver, "file")).toEqual(names.slice(15).sort());
      expect((await get(driver, "file", "user.key-19")).toString()).toBe("other");
    },
  },
  {
    name: "a descriptor sets, reads and removes the attributes of its file, also one to read only",
    async run({ driver }) {
      await put(driver, { path: "file" });
      await withFile(driver, { path: "file", flags: O.RDONLY }, async (fd) => {
        await driver.fsetxattr(fd, { name: "user.key", value: VALUE });
        await driver.rename("file", "renamed");
        expect(await get(driver, "renamed")).toEqual(VALUE);
        await driver.setxattr("renamed", { name: "user.key", value: Buffer.from("other") });
        expect((await driver.fgetxattr(fd, "user.key")).toString()).toBe("other");
        await driver.fremovexattr(fd, "user.key");
        await fails(driver.fremovexattr(fd, "user.key"), "ENODATA");
        await fails(get(driver, "renamed"), "ENODATA");
      });
    },
  },
  {
    name: "user attributes are for files and directories: EPERM on symlinks and FIFOs",
    needs: ["kernel"],
    async run({ driver }) {
      await driver.mkdir("directory");
      await driver.setxattr("directory", { name: "user.key", value: VALUE });
      expect(await get(driver, "directory")).toEqual(VALUE);
      await driver.symlink("directory", "link");
      await driver.mknod("fifo", { mode: S_IFIFO | 0o600 });
      const onLink = { name: "user.key", value: VALUE, follow: false };
      await fails(driver.setxattr("link", onLink), "EPERM");
      await fails(driver.getxattr("link", { name: "user.key", follow: false }), "ENODATA");
      expect(await driver.listxattr("link", { follow: false })).not.toContain("user.key");
      await driver.setxattr("link", { name: "user.key", value: Buffer.from("through") });
      expect((await get(driver, "directory")).toString()).toBe("through");
      await fails(driver.setxattr("fifo", { name: "user.key", value: VALUE }), "EPERM");
      await fails(get(driver, "fifo"), "ENODATA");
    },
  },
  {
    name: "trusted attributes are root's, on symlinks and FIFOs too",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      await driver.symlink("file", "link");
      await driver.mknod("fifo", { mode: S_IFIFO | 0o600 });
      const request = { name: "trusted.key", value: VALUE, follow: false };
      for (const path of ["file", "link", "fifo"]) {
        await driver.setxattr(path, request);
        expect(await driver.getxattr(path, request)).toEqual(VALUE);
        expect(await driver.listxattr(path, { follow: false })).toContain("trusted.key");
      }
      await driver.chmod("file", 0o777);
      await kernel.as({ uid: 12345, gid: 12345 }, async () => {
        await fails(driver.getxattr("file", request), "ENODATA");
        await fails(driver.setxattr("file", request), "EPERM");
        await fails(driver.removexattr("file", "trusted.key"), "EPERM");
        expect(await driver.listxattr("file")).not.toContain("trusted.key");
      });
      await driver.removexattr("file", "trusted.key");
    },
  },
  {
    name: "user attributes are read by who may read, and changed by who may write: EACCES",
    needs: ["kernel"],
    run: (context) =>
      unprivileged(context, async () => {
        const { driver } = context;
        await put(driver, { path: "file" });
        const request = { name: "user.key", value: VALUE };
        await driver.setxattr("file", request);
        await driver.chmod("file", 0o400);
        expect(await get(driver, "file")).toEqual(VALUE);
        await fails(driver.setxattr("file", request), "EACCES");
        await fails(driver.removexattr("file", "user.key"), "EACCES");
        await driver.chmod("file", 0o200);
        await fails(get(driver, "file"), "EACCES");
        // Names are for everybody who gets there.
        expect(await driver.listxattr("file")).toContain("user.key");
        await driver.removexattr("file", "user.key");
      }),
  },
];
