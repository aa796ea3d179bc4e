import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { testDir } from "../../support/temp-dir.js";
import { opened } from "./opened.js";

// The samples of the embedded mode's documentation for the shell. They name no data directory: it is
// ./nexus-data, where they run.

const NEXUS = fileURLToPath(new URL("../../../dist/cli/main.js", import.meta.url));
const run = promisify(execFile);

/** A working directory in which `nexus` runs; throws unless it ends with 0. */
class Shell {
  readonly cwd = testDir();
  readonly dataDir = join(this.cwd, "nexus-data");

  async nexus(commandLine: string): Promise<string> {
    const { stdout } = await run(process.execPath, [NEXUS, ...commandLine.split(" ")], {
      cwd: this.cwd,
      env: { PATH: process.env.PATH, HOME: this.cwd },
    });
    return stdout;
  }

  async json(commandLine: string): Promise<unknown> {
    return JSON.parse(await this.nexus(commandLine));
  }
}

describe("samples for the shell", () => {
  test("nexus export and nexus import", async () => {
    const shell = new Shell();
    const nexus = await opened({ dataDir: shell.dataDir });
    await nexus.write("/workspace/data.txt", "content");
    await nexus.write("/documents/data.txt", "content");
    await nexus.write("/documents/other.txt", "other");
    await nexus.close();

    expect(await shell.nexus("export metadata-backup.jsonl")).toContain("3 files");
    expect(await shell.nexus("export workspace-backup.jsonl --prefix /workspace")).toContain(
      "1 file",
    );

    await shell.nexus("rm /workspace/data.txt");
    await shell.nexus("cp /documents/other.txt /documents/kept.txt");
    await shell.nexus("write /documents/other.txt changed");
    await shell.nexus("import metadata-backup.jsonl");
    expect(await shell.nexus("cat /workspace/data.txt")).toBe("content");
    expect(await shell.nexus("cat /documents/other.txt")).toBe("changed");

    await shell.nexus("import metadata-backup.jsonl --overwrite");
    expect(await shell.nexus("cat /documents/other.txt")).toBe("other");
  });

  test("nexus work", async () => {
    const shell = new Shell();
    const nexus = await opened({ dataDir: shell.dataDir });
    const statuses = ["ready", "pending", "blocked", "in_progress"];
    for (const status of statuses) {
      await nexus.write(`/jobs/${status}`, status);
      await nexus.metadata.set(`/jobs/${status}`, "status", status);
    }
    await nexus.close();

    for (const status of statuses) {
      const view = `work ${status.replace("_", "-")}`;
      const text = await shell.nexus(`${view} --limit 10`);
      const shown = statuses.filter((other) => text.includes(`/jobs/${other}`));
      expect(shown).toEqual([status]);
    }
    expect(await shell.json("work ready --json")).toMatchObject([{ virtual_path: "/jobs/ready" }]);
    expect(await shell.nexus("work status")).toContain("ready");
    const counts = { ready: 1, pending: 1, blocked: 1, in_progress: 1, total: 4 };
    expect(await shell.json("work status --json")).toEqual(counts);
  });
});
