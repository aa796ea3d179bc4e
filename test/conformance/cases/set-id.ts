import { expect } from "vitest";
import { compareTimestamps } from "../../../src/model/timestamp.js";
import type { PosixCase } from "../posix-case.js";
import { O, type PosixDriver } from "../posix-driver.js";
import { permissionsOf, put, tick, withFile } from "../posix-steps.js";

/** Neither owns the file nor is in its group. */
const STRANGER = { uid: 12345, gid: 12345 };

/** What changes the content of an open file, by descriptor. */
const CHANGES: Readonly<Record<string, (driver: PosixDriver, fd: number) => Promise<unknown>>> = {
  write: (driver, fd) => driver.pwrite(fd, { offset: 0, data: Buffer.from("x") }),
  fallocate: (driver, fd) => driver.fallocate(fd, { offset: 0, length: 100, mode: 0 }),
  copy_file_range: (driver, fd) =>
    withFile(driver, { path: "source", flags: O.RDONLY }, (from) =>
      driver.copyFileRange(from, { offset: 0, to: fd, toOffset: 0, length: 4 }),
    ),
  ftruncate: (driver, fd) => driver.ftruncate(fd, 2),
};

/** Set-user-id and set-group-id: who takes them, and that everybody sees it at once; inode(7). */
export const SET_ID_CASES: readonly PosixCase[] = [
  ...Object.entries(CHANGES).map(
    ([name, change]): PosixCase => ({
      name: `${name} by somebody else takes the set-id bits, and stat tells at once`,
      needs: ["kernel", "root"],
      async run({ driver, kernel }) {
        await put(driver, { path: "source", data: "text" });
        for (const mode of [0o4777, 0o6777]) {
          await put(driver, { path: "file", data: "content" });
          await driver.chmod("file", mode);
          expect(await permissionsOf(driver, "file")).toBe(mode);
          await kernel.as(STRANGER, () =>
            withFile(driver, { path: "file", flags: O.RDWR }, (fd) => change(driver, fd)),
          );
          expect(await permissionsOf(driver, "file")).toBe(0o777);
        }
      },
    }),
  ),
  {
    name: "opening with O_TRUNC by somebody else takes the set-id bits, and stat tells at once",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      for (const data of ["", "content"]) {
        await put(driver, { path: "file", data });
        await driver.chmod("file", 0o6777);
        expect(await permissionsOf(driver, "file")).toBe(0o6777);
        await kernel.as(STRANGER, async () =>
          driver.close(await driver.open("file", { flags: O.WRONLY | O.TRUNC })),
        );
        expect(await permissionsOf(driver, "file")).toBe(0o777);
      }
    },
  },
  {
    name: "writing by somebody else takes set-group-id also without group execute",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file", data: "content" });
      await driver.chmod("file", 0o2666);
      expect(await permissionsOf(driver, "file")).toBe(0o2666);
      await kernel.as(STRANGER, () =>
        withFile(driver, { path: "file", flags: O.WRONLY }, (fd) =>
          driver.pwrite(fd, { offset: 0, data: Buffer.from("x") }),
        ),
      );
      expect(await permissionsOf(driver, "file")).toBe(0o666);
    },
  },
  {
    name: "a file that open has made keeps the set-id bits that it was made with, also with O_TRUNC",
    async run({ driver }) {
      const flags = O.WRONLY | O.CREAT | O.TRUNC;
      await driver.close(await driver.open("file", { flags, mode: 0o6711 }));
      expect(await permissionsOf(driver, "file")).toBe(0o6711);
      // Another name brings the kernel's attributes up to date.
      await driver.link("file", "other");
      expect(await permissionsOf(driver, "file")).toBe(0o6711);
    },
  },
  {
    name: "chown to nobody in particular takes the set-id bits, and moves ctime",
    async run({ driver }) {
      await put(driver, { path: "clock" });
      for (const [mode, kept] of [
        [0o4755, 0o755],
        [0o6755, 0o755],
        [0o755, 0o755],
      ] as const) {
        await put(driver, { path: "file" });
        await driver.chmod("file", mode);
        const before = await driver.stat("file");
        await tick(driver, "clock");
        await driver.chown("file", {});
        const after = await driver.stat("file");
        expect(after).toMatchObject({ mode: (before.mode & ~0o7777) | kept, mtime: before.mtime });
        expect(compareTimestamps(after.ctime, before.ctime)).toBeGreaterThan(0);
      }
    },
  },
  {
    name: "chown to nobody in particular leaves a directory's set-id bits alone",
    async run({ driver }) {
      await driver.mkdir("directory");
      await driver.chmod("directory", 0o6755);
      await driver.chown("directory", {});
      expect(await permissionsOf(driver, "directory")).toBe(0o6755);
    },
  },
];
