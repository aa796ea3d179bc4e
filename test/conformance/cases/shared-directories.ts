import { expect } from "vitest";
import { S_IFIFO } from "../../../src/model/attributes.js";
import { fails, outcomeOf, type PosixCase } from "../posix-case.js";
import { O, RENAME } from "../posix-driver.js";
import { namesIn, permissionsOf, put, withFile } from "../posix-steps.js";
import { STRANGER } from "../unprivileged.js";

const GROUP = 80;

/** The sticky bit and set-group-id on directories, inode(7). */
export const SHARED_DIRECTORY_CASES: readonly PosixCase[] = [
  {
    name: "what is made in a set-group-id directory has its group, and directories the bit as well",
    needs: ["root"],
    async run({ driver }) {
      await driver.mkdir("directory");
      await driver.chown("directory", { gid: GROUP });
      await driver.chmod("directory", 0o2775);
      await put(driver, { path: "directory/file" });
      await driver.mkdir("directory/below", 0o755);
      await driver.mkdir("directory/below/deeper", 0o700);
      await driver.symlink("x", "directory/link");
      await driver.mknod("directory/fifo", { mode: S_IFIFO | 0o600 });
      for (const path of ["file", "below", "below/deeper", "link", "fifo"]) {
        expect((await driver.lstat(`directory/${path}`)).gid).toBe(GROUP);
      }
      expect(await permissionsOf(driver, "directory/below")).toBe(0o2755);
      expect(await permissionsOf(driver, "directory/below/deeper")).toBe(0o2700);
      expect(await permissionsOf(driver, "directory/file")).toBe(0o644);
      const unnamed = { path: "directory", flags: O.RDWR | O.TMPFILE, mode: 0o600 };
      await withFile(driver, unnamed, async (fd) => {
        expect((await driver.fstat(fd)).gid).toBe(GROUP);
      });
    },
  },
  {
    name: "what moves or is linked into a set-group-id directory keeps its group",
    needs: ["root"],
    async run({ driver }) {
      await driver.mkdir("directory");
      await driver.chown("directory", { gid: GROUP });
      await driver.chmod("directory", 0o2775);
      await put(driver, { path: "file" });
      await driver.mkdir("moved");
      await driver.link("file", "directory/linked");
      await driver.rename("file", "directory/file");
      await driver.rename("moved", "directory/moved");
      for (const path of ["linked", "file", "moved"]) {
        expect((await driver.stat(`directory/${path}`)).gid).toBe(0);
      }
      expect(await permissionsOf(driver, "directory/moved")).toBe(0o755);
    },
  },
  {
    name: "a stranger makes no set-group-id program in a set-group-id directory",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await driver.mkdir("directory");
      await driver.chown("directory", { gid: GROUP });
      await driver.chmod("directory", 0o2777);
      await kernel.as(STRANGER, () => put(driver, { path: "directory/file", mode: 0o2755 }));
      expect(await permissionsOf(driver, "directory/file")).toBe(0o755);
      expect((await driver.stat("directory/file")).gid).toBe(GROUP);
      const member = { ...STRANGER, groups: [GROUP] };
      await kernel.as(member, () => put(driver, { path: "directory/theirs", mode: 0o2755 }));
      expect(await permissionsOf(driver, "directory/theirs")).toBe(0o2755);
    },
  },
  {
    name: "in a sticky directory nobody removes, moves or replaces what is somebody else's: EPERM",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await driver.mkdir("sticky");
      await driver.chmod("sticky", 0o1777);
      await driver.mkdir("sticky/empty");
      await driver.chmod("sticky/empty", 0o777);
      await put(driver, { path: "sticky/file" });
      await driver.chmod("sticky/file", 0o666);
      await kernel.as(STRANGER, async () => {
        await put(driver, { path: "sticky/own" });
        await driver.mkdir("sticky/directory");
        const { EXCHANGE } = RENAME;
        const outcomes = {
          unlink: await outcomeOf(driver.unlink("sticky/file")),
          rmdir: await outcomeOf(driver.rmdir("sticky/empty")),
          rename: await outcomeOf(driver.rename("sticky/file", "sticky/new")),
          replace: await outcomeOf(driver.rename("sticky/own", "sticky/file")),
          "replace a directory": await outcomeOf(driver.rename("sticky/directory", "sticky/empty")),
          exchange: await outcomeOf(
            driver.renameat2("sticky/own", { to: "sticky/file", flags: EXCHANGE }),
          ),
        };
        expect(new Set(Object.values(outcomes)), JSON.stringify(outcomes)).toEqual(
          new Set(["EPERM"]),
        );
      });
      expect(await namesIn(driver, "sticky")).toEqual(["directory", "empty", "file", "own"]);
    },
  },
  {
    name: "in a sticky directory everybody removes, moves and replaces what is their own",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await driver.mkdir("sticky");
      await driver.chmod("sticky", 0o1777);
      await kernel.as(STRANGER, async () => {
        await put(driver, { path: "sticky/one" });
        await put(driver, { path: "sticky/two" });
        await driver.rename("sticky/one", "sticky/two");
        await driver.rename("sticky/two", "sticky/three");
        await driver.unlink("sticky/three");
        await driver.mkdir("sticky/directory");
        await driver.rmdir("sticky/directory");
      });
      expect(await namesIn(driver, "sticky")).toEqual([]);
    },
  },
  {
    name: "the owner of a sticky directory, and root, remove what is others'",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await driver.mkdir("sticky");
      await driver.chmod("sticky", 0o1777);
      await driver.chown("sticky", STRANGER);
      await put(driver, { path: "sticky/of-root" });
      await put(driver, { path: "sticky/another" });
      await kernel.as({ uid: 70, gid: 70 }, async () => {
        await put(driver, { path: "sticky/of-seventy" });
        await fails(driver.unlink("sticky/of-root"), "EPERM");
      });
      await kernel.as(STRANGER, async () => {
        await driver.unlink("sticky/of-root");
        await driver.rename("sticky/another", "sticky/moved");
      });
      await driver.unlink("sticky/of-seventy");
      expect(await namesIn(driver, "sticky")).toEqual(["moved"]);
    },
  },
  {
    name: "on a sticky directory only the owner sets user attributes: EPERM",
    needs: ["kernel", "root"],
    async run({ driver, kernel }) {
      await driver.mkdir("sticky");
      await driver.chmod("sticky", 0o1777);
      const request = { name: "user.key", value: Buffer.from("value") };
      await kernel.as(STRANGER, () => fails(driver.setxattr("sticky", request), "EPERM"));
      await driver.chmod("sticky", 0o777);
      await kernel.as(STRANGER, () => driver.setxattr("sticky", request));
      expect(await driver.getxattr("sticky", request)).toEqual(request.value);
    },
  },
];
