import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { describe, expect, test } from "vitest";
import { Mounted, nexusMount, shell, whyNoMounts } from "../support/daemon.js";
import { hashOf, problemsIn } from "../support/data-directory.js";

const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const PAGE_BYTES = 4096;
/** Tells of each file in the mount whether it can be read, in the order of their names. */
const READ_ALL = `for file in *; do
  if cat "$file" > /dev/null 2> ../said; then echo "$file whole"; else echo "$file $(sed 's/.*: //' ../said)"; fi
done`;

/** Where a content lies that a file was made with. */
function blob({ dataDir }: Mounted, text: string): string {
  const hash = hashOf(text);
  return join(dataDir, "cas", hash.slice(0, 2), hash.slice(2, 4), hash);
}

function change(path: string, changeIt: (path: string) => void): void {
  chmodSync(path, 0o600);
  changeIt(path);
  chmodSync(path, 0o444);
}

function sql({ dataDir }: Mounted, text: string): void {
  const database = new Database(join(dataDir, "metadata.db"), { fileMustExist: true });
  try {
    database.exec(text);
  } finally {
    database.close();
  }
}

/** Zeros over half of the first page of a table, or of the fourth of its leaves. */
function halfWritten({ dataDir }: Mounted, table: string, which: "root" | "leaf"): void {
  const path = join(dataDir, "metadata.db");
  const database = new Database(path);
  const page = (
    which === "root"
      ? database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?")
      : database.prepare(
          "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY pageno LIMIT 1 OFFSET 3",
        )
  )
    .pluck()
    .get(table) as number;
  database.close();
  const bytes = readFileSync(path);
  bytes.fill(0, (page - 1) * PAGE_BYTES, (page - 1) * PAGE_BYTES + PAGE_BYTES / 2);
  writeFileSync(path, bytes);
}

/** Mounts, makes files, unmounts, makes damage, and mounts again. */
async function damaged(
  files: string,
  damage: (mounted: Mounted) => void,
  look: (mounted: Mounted) => Promise<void>,
): Promise<void> {
  const mounted = await Mounted.start();
  try {
    await shell(files, { cwd: mounted.mountPoint });
    await mounted.unmount();
    damage(mounted);
    await mounted.mount();
    await look(mounted);
  } finally {
    await mounted.stop();
  }
}

describe.skipIf(whyNoMounts() !== undefined)("on a mount", () => {
  test("contents that are missing, cut or surplus, and counts that are wrong, fail their own files alone", async () => {
    const names = ["counted", "cut", "emptied", "missing", "overcounted", "whole"];
    const files = `mkdir work; cd work; ${names.map((name) => `echo ${name} > ${name}`).join("; ")}
      setfattr -n user.note -v kept missing; ln missing second-name`;
    const damage = (mounted: Mounted) => {
      change(blob(mounted, "cut\n"), (path) => truncateSync(path, 2));
      change(blob(mounted, "emptied\n"), (path) => truncateSync(path, 0));
      rmSync(blob(mounted, "missing\n"));
      const stray = blob(mounted, "stray");
      mkdirSync(dirname(stray), { recursive: true });
      writeFileSync(stray, "stray", { mode: 0o444 });
      sql(
        mounted,
        `UPDATE contents SET ref_count = 0 WHERE hash = '${hashOf("counted\n")}';
         UPDATE contents SET ref_count = 9 WHERE hash = '${hashOf("overcounted\n")}'`,
      );
    };
    await damaged(files, damage, async (mounted) => {
      const cwd = join(mounted.mountPoint, "work");
      const EIO = "Input/output error";
      expect((await shell(READ_ALL, { cwd })).trim().split("\n")).toStrictEqual([
        ...["counted whole", `cut ${EIO}`, `emptied ${EIO}`, `missing ${EIO}`],
        ...["overcounted whole", `second-name ${EIO}`, "whole whole"],
      ]);
      // All that doesn't ask for the bytes goes on, and so does writing anew.
      const rest = `stat -c %s cut missing; getfattr --only-values -n user.note missing; echo
        mv missing moved; chmod 600 moved; rm cut; echo new > cut; cat cut; echo again > emptied; cat emptied`;
      expect(await shell(rest, { cwd })).toBe("4\n8\nkept\nnew\nagain\n");
      // What has the right bytes heals each name of the file, without anybody's repair.
      await shell("echo missing > ../healing", { cwd });
      await mounted.unmount();
      await mounted.mount();
      expect(await shell("cat moved second-name", { cwd })).toBe("missing\nmissing\n");
      await mounted.unmount();
      const fsck = ["fsck", "--repair", "--data-dir", mounted.dataDir];
      await nexusMount(fsck, { program: NEXUS });
      expect(problemsIn(mounted.dataDir)).toStrictEqual([]);
    });
  });

  test("a flipped bit is found by fsck, and from its repair on fails its own files alone", async () => {
    const text = "a line of text\n".repeat(20_000);
    const flip = (path: string) => {
      const bytes = readFileSync(path);
      bytes[150_000] = (bytes[150_000] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    };
    await damaged(
      "printf 'a line of text\\n%.0s' $(seq 20000) > large; cp large copy; echo whole > whole",
      (mounted) => change(blob(mounted, text), flip),
      async (mounted) => {
        const fsck = (...args: string[]) =>
          nexusMount(["fsck", "--data-dir", mounted.dataDir, ...args], { program: NEXUS });
        const { code, stdout } = await fsck();
        expect({ code, stdout }).toMatchObject({
          code: 1,
          stdout: expect.stringMatching(/^damage .*\/copy.*other bytes than it was stored with/),
        });
        await mounted.unmount();
        expect((await fsck("--repair")).stdout).toContain("content.bytes");
        await mounted.mount();
        const { mountPoint: cwd } = mounted;
        await expect(shell("cat large", { cwd })).rejects.toThrow("Input/output error");
        await expect(shell("cat copy", { cwd })).rejects.toThrow("Input/output error");
        expect(await shell("cat whole", { cwd })).toBe("whole\n");
        await shell("printf 'a line of text\\n%.0s' $(seq 20000) > copy", { cwd });
        await mounted.unmount();
        await mounted.mount();
        expect(await shell("cmp large copy && echo same", { cwd })).toBe("same\n");
      },
    );
  });

  const MANY = `mkdir a b; for directory in a b; do for file in $(seq 200); do echo $file > $directory/$file; done; done
    python3 -c 'import os; [os.setxattr(f"a/{file}", "user.k", b"value") for file in range(1, 201)]'`;

  test("a half-written page of attributes fails what asks for these alone", async () => {
    const damage = (mounted: Mounted) => halfWritten(mounted, "file_metadata", "root");
    await damaged(MANY, damage, async ({ mountPoint: cwd }) => {
      await expect(shell("getfattr -n user.k a/1", { cwd })).rejects.toThrow("Input/output error");
      expect(await shell("cat a/* b/* | wc -l; mv a/1 b/other; rm -r b; ls", { cwd })).toMatch(
        /^400\na\n/,
      );
    });
  });

  test("a half-written page of inodes fails what it had alone", async () => {
    const damage = (mounted: Mounted) => halfWritten(mounted, "inodes", "leaf");
    await damaged(MANY, damage, async ({ mountPoint: cwd }) => {
      await expect(shell("ls -l a", { cwd })).rejects.toThrow("Input/output error");
      expect(await shell("cat b/* | wc -l; echo new > b/new; cat b/new", { cwd })).toBe(
        "200\nnew\n",
      );
      const count = "for file in $(seq 200); do cat a/$file 2> /dev/null || true; done | wc -l";
      expect(Number(await shell(count, { cwd }))).toBeGreaterThan(100);
    });
  });

  test("a database that can't be opened is an error that says where to go from there", async () => {
    const mounted = await Mounted.start();
    try {
      await shell("echo a > a", { cwd: mounted.mountPoint });
      await mounted.unmount();
      const path = join(mounted.dataDir, "metadata.db");
      copyFileSync(path, `${path}.whole`);
      halfWritten(mounted, "inodes", "root");
      const { code, stderr } = await nexusMount([
        ...[mounted.mountPoint, "--data-dir", mounted.dataDir],
      ]);
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^nexus-mount: .*malformed; nexus fsck tells what of it can be read\n$/,
      );
      copyFileSync(`${path}.whole`, path);
      await mounted.mount();
      expect(await shell("cat a", { cwd: mounted.mountPoint })).toBe("a\n");
    } finally {
      await mounted.stop();
    }
  });
});
