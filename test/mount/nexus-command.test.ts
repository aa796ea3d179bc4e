import { spawn } from "node:child_process";
import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Ended, Mounted, NEXUS_MOUNT, nexusMount, whyNoMounts } from "../support/daemon.js";
import { problemsIn } from "../support/data-directory.js";

const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const skipReason = whyNoMounts();

async function nexus(...args: string[]): Promise<Ended> {
  return await nexusMount(args, { program: NEXUS });
}

describe("nexus", () => {
  test("prints its version", async () => {
    const { code, stdout } = await nexus("version", "--json");
    expect(code).toBe(0);
    const { nexus: number, node } = JSON.parse(stdout) as Record<string, string>;
    expect(node).toBe(process.version);
    for (const option of ["--version", "-V"]) {
      expect(await nexus(option)).toStrictEqual({ code: 0, stdout: `${number}\n`, stderr: "" });
    }
  });

  test.each([
    [["umont"], "nexus: unknown command 'umont' (Did you mean umount?)\n"],
    [["version", "--jsn"], "nexus: unknown option '--jsn' (Did you mean --json?)\n"],
    [["umount"], "nexus: missing required argument 'mountpoint', or --all\n"],
    [["mount"], "nexus: missing required argument 'mountpoint'\n"],
  ])("refuses %j in one line, with 2", async (args, stderr) => {
    expect(await nexus(...args)).toStrictEqual({ code: 2, stdout: "", stderr });
  });

  test("without a command prints its commands, and ends with 2", async () => {
    const { code, stderr } = await nexus();
    expect(code).toBe(2);
    expect(stderr).toMatch(/\n {2}mount [\s\S]*\n {2}umount[\s\S]*\n {2}version/);
  });

  test("--help ends with 0", async () => {
    const { code, stdout, stderr } = await nexus("--help");
    expect([code, stderr]).toStrictEqual([0, ""]);
    expect(stdout).toContain("umount");
  });
});

describe.each([
  ["nexus", NEXUS],
  ["nexus-mount", NEXUS_MOUNT],
])("what %s prints", (name, program) => {
  /** Prints its help to where `takeOutput` lets it; returns the exit code and what it complained of. */
  async function complaint(stdout: number | "pipe"): Promise<[number | null, string]> {
    const child = spawn(process.execPath, [program, "--help"], {
      stdio: ["ignore", stdout, "pipe"],
    });
    child.stdout?.destroy();
    let complained = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      complained += text;
    });
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return [code, complained];
  }

  test("may be read by somebody who has seen enough", async () => {
    expect(await complaint("pipe")).toStrictEqual([0, ""]);
  });

  test("is missed where it can't be printed", async () => {
    const full = openSync("/dev/full", "w");
    expect(await complaint(full)).toStrictEqual([1, `${name}: can't print: ENOSPC\n`]);
  });
});

describe.skipIf(skipReason !== undefined)("nexus mount and nexus umount", () => {
  test("do what nexus-mount does", async () => {
    const mounted = Mounted.prepare();
    onTestFinished(() => mounted.stop());
    const { mountPoint, dataDir } = mounted;
    const ended = await nexus("mount", "--tenant", "acme", mountPoint, "--data-dir", dataDir);
    expect(ended).toStrictEqual({
      code: 0,
      stdout: `nexus-mount: ${dataDir} is mounted at ${mountPoint} (pid ${mounted.pid})\n`,
      stderr: "",
    });
    writeFileSync(join(mountPoint, "shared/acme/file"), "text");
    expect(await nexus("umount", mountPoint)).toStrictEqual({
      code: 0,
      stdout: `nexus-mount: unmounted ${mountPoint}\n`,
      stderr: "",
    });
    expect(problemsIn(dataDir)).toStrictEqual([]);

    expect(await nexus("unmount", "--lazy", mountPoint)).toStrictEqual({
      code: 1,
      stdout: "",
      stderr: `nexus-mount: no Nexus namespace is mounted at ${mountPoint}\n`,
    });
    expect(await nexus("mount", mountPoint, "-o", "speed=9")).toMatchObject({ code: 2 });
  });

  test("nexus mount --help is the help of nexus-mount", async () => {
    const { code, stdout } = await nexus("mount", "--help");
    expect(code).toBe(0);
    expect(stdout).toContain("Usage: nexus-mount [options] [source] mountpoint");
  });
});
