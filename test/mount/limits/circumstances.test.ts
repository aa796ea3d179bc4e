import { spawn } from "node:child_process";
import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mounted, NEXUS_MOUNT, SOON, shell, whyNoMounts } from "../../support/daemon.js";
import { problemsIn } from "../../support/data-directory.js";

async function mount(): Promise<Mounted> {
  const mounted = await Mounted.start();
  onTestFinished(() => mounted.stop());
  return mounted;
}

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

describe.skipIf(whyNoMounts() !== undefined)("a mount", () => {
  test("whose daemon may open few files says ENFILE, logs it, and syncs what it has once some are closed", async () => {
    const mounted = Mounted.prepare();
    onTestFinished(() => mounted.stop());
    const { mountPoint, dataDir } = mounted;
    await shell(
      `ulimit -n 64; exec ${process.execPath} ${NEXUS_MOUNT} ${mountPoint} --data-dir ${dataDir}`,
    );
    const descriptors: number[] = [];
    const large = Buffer.alloc(100_000, "x");
    const fill = () => {
      for (let number = 0; number < 100; number++) {
        descriptors.push(openSync(join(mountPoint, `file${number}`), "w"));
        writeSync(descriptors.at(-1) ?? -1, large);
      }
    };
    expect(codeOf(fill)).toBe("ENFILE");
    const [first = -1] = descriptors;
    expect(codeOf(() => fsyncSync(first))).toBe("ENFILE");
    for (const fd of descriptors.splice(1)) closeSync(fd);
    // Each goes on until its content is sealed, or its file is closed for good.
    await expect.poll(() => codeOf(() => fsyncSync(first)), SOON).toBeUndefined();
    closeSync(first);
    expect(mounted.troubles.some((line) => line.includes("EMFILE"))).toBe(true);
    await mounted.unmount();
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("whose lock and socket somebody removed is the only one of its store, and ends as always", async () => {
    const mounted = await mount();
    writeFileSync(join(mounted.mountPoint, "file"), "text");
    for (const name of ["lock", "nexus.sock"]) rmSync(join(mounted.dataDir, name));
    const second = await mounted.run([join(mounted.base, "second"), "--data-dir", mounted.dataDir]);
    expect(second).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/is in use by another process/),
    });
    expect(readFileSync(join(mounted.mountPoint, "file"), "utf8")).toBe("text");
    await mounted.unmount();
    const again = () => mounted.tryMount();
    await expect.poll(async () => (await again()).code, SOON).toBe(0);
    expect(readFileSync(join(mounted.mountPoint, "file"), "utf8")).toBe("text");
  });

  test("whose store was moved away changes nothing, and goes on when it is back", async () => {
    const mounted = await mount();
    const { mountPoint, dataDir } = mounted;
    writeFileSync(join(mountPoint, "file"), "text");
    const elsewhere = `${dataDir} elsewhere`;
    renameSync(dataDir, elsewhere);
    // What was begun before may still end: a transaction takes up to 50 ms.
    let made = 0;
    const make = () => codeOf(() => writeFileSync(join(mountPoint, `new${made++}`), ""));
    await expect.poll(make, SOON).toBe("EIO");
    expect(codeOf(() => renameSync(join(mountPoint, "file"), join(mountPoint, "moved")))).toBe(
      "EIO",
    );
    expect(readFileSync(join(elsewhere, "nexus-mount.log"), "utf8")).toContain(
      "metadata.db is gone",
    );
    renameSync(elsewhere, dataDir);
    writeFileSync(join(mountPoint, "file"), "other text");
    await mounted.unmount();
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });

  test("whose database another program keeps locked says EBUSY after a while, shows what it has, and loses nothing", async () => {
    const mounted = await mount();
    const { mountPoint, dataDir } = mounted;
    writeFileSync(join(mountPoint, "before"), "text");
    await expect
      .poll(() => mounted.sql("SELECT name FROM dentries WHERE name = 'before'"), SOON)
      .toBe("before");
    const other = spawn("sqlite3", [join(dataDir, "metadata.db")], { stdio: "pipe" });
    onTestFinished(() => {
      other.kill("SIGKILL");
    });
    // The daemon may be about to commit.
    other.stdin.write(".timeout 10000\nBEGIN EXCLUSIVE; SELECT 'held';\n");
    await new Promise((resolve) => other.stdout.once("data", resolve));
    expect(await shell(`(echo more > ${mountPoint}/after) 2>&1 || true`)).toContain("busy");
    expect(await shell(`cat ${mountPoint}/before`)).toBe("text");
    other.stdin.end("COMMIT;\n");
    await new Promise((resolve) => other.once("close", resolve));
    writeFileSync(join(mountPoint, "after"), "more");
    expect(mounted.troubles.some((line) => line.includes("does another program hold"))).toBe(true);
    await mounted.unmount();
    expect(problemsIn(dataDir)).toStrictEqual([]);
  });
});
