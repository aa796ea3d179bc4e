import { expect } from "vitest";
import { S_IFIFO, S_IFSOCK } from "../../../src/model/attributes.js";
import { fails, outcomeOf, type PosixCase } from "../posix-case.js";
import { O } from "../posix-driver.js";
import { permissionsOf, put, withFile } from "../posix-steps.js";
import { STRANGER, unprivileged } from "../unprivileged.js";

/** chmod(2), chown(2), umask(2): who may, and what becomes of the bits. */
export const OWNER_CASES: readonly PosixCase[] = [
  {
    name: "chmod sets all twelve bits of a file and of a directory, and of nothing else",
    async run({ driver }) {
      await put(driver, { path: "file", data: "content" });
      await driver.mkdir("directory");
      for (const mode of [0, 0o777, 0o1000, 0o2070, 0o4700, 0o7777, 0o644]) {
        for (const path of ["file", "directory"]) {
          const { mode: before } = await driver.stat(path);
          await driver.chmod(path, mode);
          expect((await driver.stat(path)).mode).toBe((before & ~0o7777) | mode);
        }
      }
      await driver.chmod("directory", 0o755);
    },
  },
  {
    name: "chmod follows a symlink, whose own mode can't be changed: EOPNOTSUPP",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      await driver.symlink("file", "link");
      await driver.chmod("link", 0o600);
      expect(await permissionsOf(driver, "file")).toBe(0o600);
      await fails(kernel.lchmod("link", 0o644), "EOPNOTSUPP");
      expect(await permissionsOf(driver, "link")).toBe(0o777);
      await kernel.lchmod("file", 0o640);
      expect(await permissionsOf(driver, "file")).toBe(0o640);
    },
  },
  {
    name: "only the owner may chmod: EPERM, with all permissions that there are",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      await driver.chmod("file", 0o777);
      await driver.chown("file", { gid: STRANGER.gid });
      await kernel.as(STRANGER, async () => {
        await fails(driver.chmod("file", 0o777), "EPERM");
        await withFile(driver, { path: "file", flags: O.RDWR }, (fd) =>
          fails(driver.fchmod(fd, 0o700), "EPERM"),
        );
      });
      expect(await permissionsOf(driver, "file")).toBe(0o777);
    },
  },
  {
    name: "chmod takes set-group-id away in silence where the group isn't the caller's",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file" });
      await driver.mkdir("directory");
      for (const path of ["file", "directory"]) {
        await driver.chown(path, { uid: STRANGER.uid, gid: 80 });
        await kernel.as(STRANGER, () => driver.chmod(path, 0o6755));
        expect(await permissionsOf(driver, path)).toBe(0o4755);
        await kernel.as({ ...STRANGER, groups: [80] }, () => driver.chmod(path, 0o6755));
        expect(await permissionsOf(driver, path)).toBe(0o6755);
      }
    },
  },
  {
    name: "an owner gives a file to its groups, and neither to other groups nor to anybody: EPERM",
    needs: ["kernel"],
    run: (context) =>
      unprivileged(context, async ({ uid, gid }) => {
        const { driver } = context;
        await put(driver, { path: "file" });
        await fails(driver.chown("file", { uid: uid + 1 }), "EPERM");
        await fails(driver.chown("file", { uid: 0 }), "EPERM");
        await fails(driver.chown("file", { gid: 80 }), "EPERM");
        await fails(driver.chown("file", { uid: uid + 1, gid }), "EPERM");
        await driver.chown("file", { uid, gid });
        await driver.chown("file", {});
        expect(await driver.stat("file")).toMatchObject({ uid, gid });
      }),
  },
  {
    name: "an owner may chgrp to a supplementary group, and who isn't the owner may not",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      const member = { ...STRANGER, groups: [80, 81] };
      await put(driver, { path: "file" });
      await kernel.as(member, () => fails(driver.chown("file", { gid: 80 }), "EPERM"));
      await driver.chown("file", STRANGER);
      await kernel.as(member, () => driver.chown("file", { gid: 81 }));
      expect(await driver.stat("file")).toMatchObject({ uid: STRANGER.uid, gid: 81 });
      await kernel.as(STRANGER, () => fails(driver.chown("file", { gid: 80 }), "EPERM"));
    },
  },
  {
    name: "chown sets what it is given, and leaves the other",
    needs: ["root"],
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.chown("file", { uid: 70, gid: 80 });
      await driver.chown("file", { uid: 71 });
      expect(await driver.stat("file")).toMatchObject({ uid: 71, gid: 80 });
      await driver.chown("file", { gid: 81 });
      expect(await driver.stat("file")).toMatchObject({ uid: 71, gid: 81 });
      await withFile(driver, { path: "file", flags: O.RDONLY }, (fd) =>
        driver.fchown(fd, { uid: 2 ** 31 + 5, gid: 2 ** 32 - 2 }),
      );
      expect(await driver.stat("file")).toMatchObject({ uid: 2 ** 31 + 5, gid: 2 ** 32 - 2 });
    },
  },
  {
    name: "chown takes the set-id bits of a program, also by root, and keeps a directory's",
    needs: ["root"],
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.mkdir("directory");
      for (const [mode, kept] of [
        [0o6755, 0o755],
        [0o4644, 0o644],
        // Without group execute it isn't set-group-id, but mandatory locking.
        [0o2745, 0o2745],
      ] as const) {
        await driver.chmod("file", mode);
        await driver.chown("file", { uid: 70 });
        expect(await permissionsOf(driver, "file")).toBe(kept);
      }
      await driver.chmod("directory", 0o6755);
      await driver.chown("directory", { uid: 70, gid: 80 });
      expect(await permissionsOf(driver, "directory")).toBe(0o6755);
    },
  },
  {
    name: "the umask counts for every way to make something but a symlink",
    async run({ driver }) {
      const before = driver.umask(0o077);
      try {
        await driver.mknod("fifo", { mode: S_IFIFO | 0o666 });
        await driver.mknod("socket", { mode: S_IFSOCK | 0o777 });
        await driver.mkdir("directory", 0o1777);
        await driver.symlink("target", "link");
        const unnamed = { path: ".", flags: O.RDWR | O.TMPFILE, mode: 0o666 };
        await withFile(driver, unnamed, async (fd) => {
          expect((await driver.fstat(fd)).mode & 0o7777).toBe(0o600);
        });
        expect(await permissionsOf(driver, "fifo")).toBe(0o600);
        expect(await permissionsOf(driver, "socket")).toBe(0o700);
        expect(await permissionsOf(driver, "directory")).toBe(0o1700);
        expect(await permissionsOf(driver, "link")).toBe(0o777);
        driver.umask(0o777);
        await put(driver, { path: "nothing", mode: 0o777 });
        expect(await permissionsOf(driver, "nothing")).toBe(0);
        // chmod doesn't ask it.
        await driver.chmod("nothing", 0o666);
        expect(await permissionsOf(driver, "nothing")).toBe(0o666);
      } finally {
        driver.umask(before);
      }
    },
  },
  {
    name: "who may write but doesn't own changes the content and none of the attributes",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await put(driver, { path: "file", data: "content" });
      await driver.chmod("file", 0o666);
      await kernel.as(STRANGER, async () => {
        await put(driver, { path: "file", data: "theirs" });
        await driver.truncate("file", 3);
        const outcomes = [
          await outcomeOf(driver.chmod("file", 0o666)),
          await outcomeOf(driver.chown("file", STRANGER)),
          await outcomeOf(driver.unlink("file")),
        ];
        expect(outcomes).toEqual(["EPERM", "EPERM", "EACCES"]);
      });
      expect(await driver.stat("file")).toMatchObject({ size: 3, uid: 0, gid: 0 });
    },
  },
];
