import { expect } from "vitest";
import { S_IFIFO } from "../../../src/model/attributes.js";
import { fails, outcomeOf, type PosixCase } from "../posix-case.js";
import { O, R_OK, W_OK, X_OK } from "../posix-driver.js";
import { contentOfOpen, namesIn, put, textOf, withFile } from "../posix-steps.js";
import type { Credentials } from "../thread-credentials.js";
import { STRANGER, unprivileged } from "../unprivileged.js";

const CREAT = O.WRONLY | O.CREAT;

/** path_resolution(7), access(2): what mode bits let whom do. */
export const PERMISSION_CASES: readonly PosixCase[] = [
  {
    name: "a file opens for what its mode lets the owner do, and access says the same",
    needs: ["kernel"],
    run: (context) =>
      unprivileged(context, async () => {
        const { driver } = context;
        await put(driver, { path: "file", data: "content" });
        for (const mode of [0o000, 0o100, 0o200, 0o400, 0o500, 0o600, 0o700, 0o077]) {
          await driver.chmod("file", mode);
          const [mayRead, mayWrite] = [(mode & 0o400) !== 0, (mode & 0o200) !== 0];
          const outcome = (isAllowed: boolean) => (isAllowed ? "success" : "EACCES");
          const opening = async (flags: number) =>
            outcomeOf(withFile(driver, { path: "file", flags }, async () => undefined));
          const found = {
            read: await opening(O.RDONLY),
            write: await opening(O.WRONLY),
            both: await opening(O.RDWR),
            truncate: await opening(O.RDONLY | O.TRUNC),
            R_OK: await outcomeOf(driver.access("file", R_OK)),
            W_OK: await outcomeOf(driver.access("file", W_OK)),
            X_OK: await outcomeOf(driver.access("file", X_OK)),
          };
          expect(found, mode.toString(8)).toEqual({
            read: outcome(mayRead),
            write: outcome(mayWrite),
            both: outcome(mayRead && mayWrite),
            truncate: outcome(mayRead && mayWrite),
            R_OK: outcome(mayRead),
            W_OK: outcome(mayWrite),
            X_OK: outcome((mode & 0o100) !== 0),
          });
        }
      }),
  },
  {
    name: "the first class that fits decides: owner, then group, then others",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file", data: "content" });
      const mayRead = (who: Credentials) =>
        kernel.as(who, async () => outcomeOf(driver.access("file", R_OK)));
      const expectReaders = async (mode: number, expected: Record<string, string>) => {
        await driver.chown("file", { uid: 70, gid: 80 });
        await driver.chmod("file", mode);
        expect({
          owner: await mayRead({ uid: 70, gid: 80 }),
          group: await mayRead({ uid: 71, gid: 80 }),
          supplementary: await mayRead({ uid: 71, gid: 81, groups: [5, 80] }),
          other: await mayRead(STRANGER),
        }).toEqual(expected);
      };
      const [yes, no] = ["success", "EACCES"];
      await expectReaders(0o044, { owner: no, group: yes, supplementary: yes, other: yes });
      await expectReaders(0o404, { owner: yes, group: no, supplementary: no, other: yes });
      await expectReaders(0o440, { owner: yes, group: yes, supplementary: yes, other: no });
    },
  },
  {
    name: "root reads and writes what nobody may, and runs what somebody may",
    needs: ["kernel", "root"],
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      await driver.chmod("file", 0);
      expect(await textOf(driver, "file")).toBe("content");
      await driver.access("file", R_OK | W_OK);
      await fails(driver.access("file", X_OK), "EACCES");
      await driver.chmod("file", 0o001);
      await driver.access("file", X_OK);
    },
  },
  {
    name: "without x on a directory nothing in it is reached, and r still lists the names",
    needs: ["kernel"],
    run: (context) =>
      unprivileged(context, async () => {
        const { driver } = context;
        await driver.mkdir("directory");
        await put(driver, { path: "directory/file" });
        await driver.symlink("directory/file", "link");
        await driver.chmod("directory", 0o600);
        try {
          for (const path of ["directory/file", "directory/absent", "link", "directory/."]) {
            await fails(driver.stat(path), "EACCES");
          }
          await fails(driver.open("directory/file", { flags: O.RDONLY }), "EACCES");
          await fails(driver.open("directory/new", { flags: CREAT, mode: 0o600 }), "EACCES");
          await fails(driver.unlink("directory/file"), "EACCES");
          await fails(driver.rename("directory/file", "moved"), "EACCES");
          expect(await namesIn(driver, "directory")).toEqual(["file"]);
        } finally {
          await driver.chmod("directory", 0o700);
        }
      }),
  },
  {
    name: "without r a directory can't be listed, and x leads to what is in it",
    needs: ["kernel"],
    run: (context) =>
      unprivileged(context, async () => {
        const { driver } = context;
        await driver.mkdir("directory");
        await put(driver, { path: "directory/file", data: "reached" });
        await driver.chmod("directory", 0o300);
        try {
          await fails(driver.open("directory", { flags: O.RDONLY }), "EACCES");
          expect(await textOf(driver, "directory/file")).toBe("reached");
          await put(driver, { path: "directory/new" });
          await driver.unlink("directory/new");
        } finally {
          await driver.chmod("directory", 0o700);
        }
      }),
  },
  {
    name: "without w on a directory its names stay as they are, and contents don't",
    needs: ["kernel"],
    run: (context) =>
      unprivileged(context, async () => {
        const { driver } = context;
        await driver.mkdir("directory");
        await driver.mkdir("directory/below");
        await put(driver, { path: "directory/file", data: "old" });
        await put(driver, { path: "outside" });
        await driver.chmod("directory", 0o500);
        const attempts = {
          create: () => driver.open("directory/new", { flags: CREAT, mode: 0o600 }),
          mkdir: () => driver.mkdir("directory/new"),
          mknod: () => driver.mknod("directory/new", { mode: S_IFIFO | 0o600 }),
          symlink: () => driver.symlink("x", "directory/new"),
          link: () => driver.link("outside", "directory/new"),
          "rename in": () => driver.rename("outside", "directory/new"),
          "rename over": () => driver.rename("outside", "directory/file"),
          "rename out": () => driver.rename("directory/file", "new"),
          "rename inside": () => driver.rename("directory/file", "directory/new"),
          unlink: () => driver.unlink("directory/file"),
          rmdir: () => driver.rmdir("directory/below"),
          tmpfile: () => driver.open("directory", { flags: O.RDWR | O.TMPFILE, mode: 0o600 }),
        };
        try {
          for (const [name, attempt] of Object.entries(attempts)) {
            expect(`${name}: ${await outcomeOf(attempt())}`).toBe(`${name}: EACCES`);
          }
          await fails(driver.mkdir("directory/file"), "EEXIST");
          await fails(driver.unlink("directory/absent"), "ENOENT");
          await put(driver, { path: "directory/file", data: "new" });
          expect(await textOf(driver, "directory/file")).toBe("new");
          expect(await namesIn(driver, "directory")).toEqual(["below", "file"]);
        } finally {
          await driver.chmod("directory", 0o700);
        }
      }),
  },
  {
    name: "a directory moves to another parent only if its own .. may be written: EACCES",
    needs: ["kernel"],
    run: (context) =>
      unprivileged(context, async () => {
        const { driver } = context;
        await driver.mkdir("directory");
        await driver.mkdir("parent");
        await driver.chmod("directory", 0o500);
        await fails(driver.rename("directory", "parent/directory"), "EACCES");
        await driver.rename("directory", "renamed");
        await driver.chmod("renamed", 0o700);
        await driver.rename("renamed", "parent/directory");
      }),
  },
  {
    name: "a descriptor goes on doing what it was opened for when the mode forbids it",
    needs: ["kernel"],
    run: (context) =>
      unprivileged(context, async () => {
        const { driver } = context;
        await put(driver, { path: "file", data: "0123" });
        await withFile(driver, { path: "file", flags: O.RDWR }, async (fd) => {
          await driver.chmod("file", 0);
          await driver.pwrite(fd, { offset: 0, data: Buffer.from("X") });
          await driver.ftruncate(fd, 3);
          expect((await contentOfOpen(driver, fd)).toString()).toBe("X12");
          await fails(driver.open("file", { flags: O.RDONLY }), "EACCES");
          await fails(driver.truncate("file", 0), "EACCES");
        });
      }),
  },
  {
    name: "O_NOATIME is the owner's: EPERM for everybody else",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file", mode: 0o644 });
      const flags = O.RDONLY | O.NOATIME;
      await kernel.as(STRANGER, () => fails(driver.open("file", { flags }), "EPERM"));
      await driver.chown("file", STRANGER);
      await kernel.as(STRANGER, () =>
        withFile(driver, { path: "file", flags }, async () => undefined),
      );
    },
  },
];
