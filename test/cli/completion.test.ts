import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { SCRIPTS } from "../../src/cli/completion/scripts.js";
import { openClient } from "../../src/cli/open-client.js";
import { testDir } from "../support/temp-dir.js";
import { each, fakeClient, listedFile } from "./fake-client.js";
import { runCommand } from "./run-command.js";

const client = fakeClient({
  walk: (options) =>
    each(
      options?.prefix === "/jobs"
        ? [listedFile("/jobs/a b.json"), listedFile("/jobs/done", { type: "directory" })]
        : [listedFile("/jobs", { type: "directory" }), listedFile("/readme.md")],
    ),
});

/** What may stand for the last of these words. */
async function candidates(...words: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await runCommand(["__complete", "--", ...words], { client });
  expect([code, stderr]).toStrictEqual([0, ""]);
  const [kind = "", ...lines] = stdout.trimEnd().split("\n");
  if (kind !== ":words") return [kind];
  return lines.map((line) => line.split("\t")[0] ?? "");
}

describe("what may come next on a command line", () => {
  test("is a verb, with what it does", async () => {
    expect(await candidates("")).toEqual(expect.arrayContaining(["ls", "work", "help", "umount"]));
    expect(await candidates("")).not.toContain("__complete");
    expect(await candidates("mk")).toStrictEqual(["mkdir"]);
    expect(await candidates("--tenant", "acme", "rmd")).toStrictEqual(["rmdir"]);
    const { stdout } = await runCommand(["__complete", "--", "mk"]);
    expect(stdout).toBe(":words\nmkdir\tmake a directory\n");
  });

  test("is a verb of a verb", async () => {
    expect(await candidates("work", "re")).toStrictEqual(["ready", "renew", "release"]);
    expect(await candidates("work", "help")).toStrictEqual(["help"]);
  });

  test("is an option of that verb", async () => {
    expect(await candidates("grep", "--f")).toStrictEqual(["--file-glob", "--fixed-strings"]);
    expect(await candidates("work", "claim", "--w")).toStrictEqual(["--worker", "--wait"]);
    expect(await candidates("ls", "--data")).toStrictEqual(["--data-dir"]);
    expect(await candidates("ls", "--", "--data")).toStrictEqual([]);
  });

  test("is one of an option's or argument's choices", async () => {
    const modes = ["skip", "overwrite", "remap", "auto"];
    expect(await candidates("import", "--conflict-mode", "")).toStrictEqual(modes);
    expect(await candidates("import", "--conflict-mode=re")).toStrictEqual([
      "--conflict-mode=remap",
    ]);
    expect(await candidates("completion", "")).toStrictEqual(["bash", "zsh", "fish"]);
  });

  test.each([
    [["write", "/a", "-i", ""], ":files"],
    [["ls", "--config", ""], ":files"],
    [["ls", "--config="], ":files"],
    [["export", "x"], ":files"],
    [["ls", "--data-dir", ""], ":directories"],
    [["init", ""], ":directories"],
    [["umount", ""], ":directories"],
  ])("is a path of the host: %j", async (words, kind) => {
    expect(await candidates(...words)).toStrictEqual([kind]);
  });

  test("is a path of the namespace", async () => {
    expect(await candidates("cat", "/")).toStrictEqual(["/jobs/", "/readme.md"]);
    expect(await candidates("cat", "/readme.md", "/j")).toStrictEqual(["/jobs/"]);
    expect(await candidates("ls", "/jobs/")).toStrictEqual(["/jobs/a b.json", "/jobs/done/"]);
    expect(await candidates("ls", "r")).toStrictEqual(["readme.md"]);
    expect(await candidates("cp", "/a", "/jobs/d")).toStrictEqual(["/jobs/done/"]);
    expect(await candidates("grep", "TODO", "-p", "/re")).toStrictEqual(["/readme.md"]);
    expect(await candidates("export", "out", "--prefix=/re")).toStrictEqual([
      "--prefix=/readme.md",
    ]);
  });

  test("is nothing where a path is no argument, or too many", async () => {
    expect(await candidates("ls", "/", "/")).toStrictEqual([]);
    expect(await candidates("write", "/a", "/")).toStrictEqual([]);
    expect(await candidates("work", "claim", "--lease", "")).toStrictEqual([]);
  });

  test("makes no store that isn't there, and never complains", async () => {
    const missing = join(testDir(), "no-store");
    const asked = await runCommand(["__complete", "--", "--data-dir", missing, "ls", "/"], {
      surroundings: { open: openClient },
    });
    expect(asked).toMatchObject({ code: 0, stdout: ":words\n", stderr: "" });
    expect(existsSync(missing)).toBe(false);
    const broken = await runCommand(["__complete", "--", "--config", "/no/file", "ls", "/"]);
    expect(broken).toMatchObject({ code: 0, stdout: ":words\n", stderr: "" });
  });
});

describe("the script for bash", () => {
  /** Completes a line at its end, with a `nexus` that gives this answer. Returns what it was asked, too. */
  function complete(line: string, answer: string): { asked: string[]; replies: string[] } {
    const base = testDir();
    mkdirSync(join(base, "bin"));
    mkdirSync(join(base, "dir with space"));
    writeFileSync(join(base, "file.yaml"), "");
    writeFileSync(join(base, "answer"), answer);
    writeFileSync(join(base, "script"), SCRIPTS.bash);
    writeFileSync(
      join(base, "bin/nexus"),
      `#!/bin/bash\nprintf '%s\\0' "$@" > ${base}/asked; cat ${base}/answer\n`,
      { mode: 0o755 },
    );
    // Words as readline splits them: at spaces, and at = and : as words of their own.
    const driver = `
      PATH=${base}/bin:$PATH; cd ${base}; source ./script
      compopt() { :; }
      COMP_LINE=$1; COMP_POINT=\${#1}
      mapfile -t COMP_WORDS < <(grep -oE '[=:]+|([^ =:\\\\]|\\\\.)+' <<< "$1")
      [[ $1 == *' ' ]] && COMP_WORDS+=("")
      COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
      _nexus
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const replies = execFileSync("bash", ["-c", driver, "bash", line], { encoding: "utf8" });
    const asked = execFileSync("cat", [join(base, "asked")], { encoding: "utf8" });
    return {
      asked: asked.split("\0").slice(0, -1),
      replies: replies.split("\n").filter((reply) => reply !== ""),
    };
  }

  test.each([
    ["nexus wo", ["wo"], ":words\nwork\tfiles as work items\n", ["work"]],
    ["nexus work ", ["work", ""], ":words\nready\tx\nrenew\ty\n", ["ready", "renew"]],
    [
      "nexus import --conflict-mode=re",
      ["import", "--conflict-mode=re"],
      ":words\n--conflict-mode=remap\t\n",
      ["remap"],
    ],
    [
      "nexus import --conflict-mode=",
      ["import", "--conflict-mode="],
      ":words\n--conflict-mode=remap\t\n",
      ["remap"],
    ],
    ["nexus cat /jobs/a", ["cat", "/jobs/a"], ":words\n/jobs/a b\tfile\n", ["/jobs/a\\ b"]],
    ["nexus ls --config fi", ["ls", "--config", "fi"], ":files\n", ["file.yaml"]],
    ["nexus init di", ["init", "di"], ":directories\n", ["dir with space"]],
  ])("%s", (line, words, answer, replies) => {
    expect(complete(line, answer)).toStrictEqual({
      asked: ["__complete", "--", ...words],
      replies,
    });
  });

  test("is printed, and has no syntax errors", async () => {
    for (const shell of ["bash", "zsh", "fish"] as const) {
      expect((await runCommand(["completion", shell])).stdout).toBe(SCRIPTS[shell]);
    }
    execFileSync("bash", ["-n"], { input: SCRIPTS.bash });
    const { code, stderr } = await runCommand(["completion", "tcsh"]);
    expect([code, stderr]).toStrictEqual([
      2,
      "nexus: command-argument value 'tcsh' is invalid for argument 'shell'. Allowed choices are bash, zsh, fish.\n",
    ]);
  });
});
