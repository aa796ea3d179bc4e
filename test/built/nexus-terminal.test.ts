import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Ended, nexusMount, shell } from "../support/daemon.js";
import { problemsIn } from "../support/data-directory.js";
import { testDir } from "../support/temp-dir.js";

const NEXUS = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
/** Runs a command on a terminal of its own, and copies what it prints there. */
const ON_A_TERMINAL = `
import os, pty, sys
status = pty.spawn(sys.argv[1:], lambda fd: os.read(fd, 65536))
sys.exit(os.waitstatus_to_exitcode(status))`;

async function nexus(args: readonly string[], cwd: string): Promise<Ended> {
  return await nexusMount(args, { program: NEXUS, cwd, home: cwd });
}

/** A directory in which commands have a store of their own. */
async function place(): Promise<string> {
  const cwd = testDir();
  expect(await nexus(["init"], cwd)).toMatchObject({ code: 0, stderr: "" });
  return cwd;
}

/** Starts a command whose standard input stays open. */
function start(args: readonly string[], cwd: string) {
  const child = spawn(process.execPath, [NEXUS, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return { child, ended: once(child, "close").then(([code]) => ({ code, stderr })) };
}

/** Waits until a command has opened the store of its directory. */
async function holdsStore(
  { pid }: { readonly pid?: number | undefined },
  cwd: string,
): Promise<void> {
  await shell(`until grep -q '"pid":${pid},' nexus-data/lock; do sleep 0.05; done`, { cwd });
}

/** What a command prints to a terminal: both of its outputs. */
async function onTerminal(
  words: string,
  { cwd, env = "" }: { cwd: string; env?: string },
): Promise<string> {
  writeFileSync(join(cwd, "terminal.py"), ON_A_TERMINAL);
  // Nothing of this process's own environment: a CI variable takes the colours away, too.
  const clean = `env -i PATH="$PATH" HOME=. TERM=xterm-256color ${env}`;
  const script = `${clean} python3 terminal.py bash -c '${words}' < /dev/null`;
  return await shell(script.replaceAll("nexus ", `${process.execPath} ${NEXUS} `), { cwd });
}

describe("commands on a store", () => {
  test("write, read, list and remove, one after the other and beside each other", async () => {
    const cwd = await place();
    const beside = ["a", "b", "c"].map((name) => nexus(["write", `/jobs/${name}`, name], cwd));
    for (const { code, stdout } of await Promise.all(beside)) {
      expect([code, stdout]).toStrictEqual([0, ""]);
    }
    expect((await nexus(["ls", "jobs"], cwd)).stdout).toBe("a\nb\nc\n");
    expect((await nexus(["cat", "/jobs/a", "/jobs/b"], cwd)).stdout).toBe("ab");
    expect((await nexus(["rm", "-r", "/jobs"], cwd)).code).toBe(0);
    expect(await nexus(["cat", "/jobs/a"], cwd)).toMatchObject({ code: 1, stdout: "" });
    expect(problemsIn(join(cwd, "nexus-data"))).toStrictEqual([]);
  });

  test("stop reading when head(1) has seen enough", async () => {
    const cwd = await place();
    const big = join(cwd, "big");
    writeFileSync(big, "a line of a large file\n".repeat(3_000_000));
    await nexus(["write", "/big", "-i", big], cwd);
    const script = `${process.execPath} ${NEXUS} cat /big 2>complaints | head -1; cat complaints >&2`;
    expect(await shell(script, { cwd })).toBe("a line of a large file\n");
    expect(await shell("cat complaints", { cwd })).toBe("");
    expect(await shell(`HOME=. ${process.execPath} ${NEXUS} cat /big | cmp - big`, { cwd })).toBe(
      "",
    );
  });

  test("that are interrupted leave what was there", async () => {
    const cwd = await place();
    await nexus(["write", "/a", "old"], cwd);
    const { child, ended } = start(["write", "/a", "-"], cwd);
    child.stdin.write("new");
    await holdsStore(child, cwd);
    child.kill("SIGINT");
    expect(await ended).toStrictEqual({ code: 130, stderr: "nexus: interrupted\n" });
    expect((await nexus(["cat", "/a"], cwd)).stdout).toBe("old");
    expect(problemsIn(join(cwd, "nexus-data"))).toStrictEqual([]);
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "a search that would never end is ended by %s",
    async (signal) => {
      const cwd = await place();
      await nexus(["write", "/a", `${"a".repeat(40)}b`], cwd);
      const { child, ended } = start(["grep", "(a+)+$"], cwd);
      await holdsStore(child, cwd);
      // It backtracks when it has used the processor for longer than any start takes.
      await shell(
        `until [ $(cut -d " " -f 14 /proc/${child.pid}/stat) -gt 200 ]; do sleep 0.05; done`,
        { cwd },
      );
      child.kill(signal);
      expect(await ended).toStrictEqual({ code: null, stderr: "" });
      expect(child.signalCode).toBe(signal);
      expect((await nexus(["cat", "/a"], cwd)).code).toBe(0);
    },
  );

  test("an import that is interrupted imports nothing", async () => {
    const [from, to] = [await place(), await place()];
    for (const name of ["a", "b", "c"]) await nexus(["write", `/jobs/${name}`, name], from);
    const exported = await nexus(["export", "-", "-p", "/jobs"], from);
    expect(exported.stdout.trimEnd().split("\n")).toHaveLength(3);
    const { child, ended } = start(["import", "-"], to);
    child.stdin.write(exported.stdout.slice(0, -20));
    await holdsStore(child, to);
    child.kill("SIGINT");
    expect(await ended).toStrictEqual({ code: 130, stderr: "nexus: interrupted\n" });
    expect((await nexus(["ls", "-r", "/"], to)).stdout).not.toContain("jobs");
  });

  test("move a namespace with its contents", async () => {
    const [from, to] = [await place(), await place()];
    await nexus(["write", "/jobs/a", "content"], from);
    await nexus(["meta", "set", "/jobs/a", "colour", "red"], from);
    const file = join(from, "all.nexus");
    const ran = await nexus(["export", file, "--with-content"], from);
    expect(ran).toMatchObject({ code: 0, stderr: "" });
    const imported = await nexus(["import", file, "--json"], to);
    expect(JSON.parse(imported.stdout)).toMatchObject({ created: 1, collisions: [] });
    expect((await nexus(["cat", "/jobs/a"], to)).stdout).toBe("content");
    expect((await nexus(["meta", "get", "/jobs/a", "colour"], to)).stdout).toBe("red\n");
  });
});

describe("on a terminal", () => {
  test("names have colours, unless NO_COLOR or TERM=dumb says otherwise", async () => {
    const cwd = await place();
    await nexus(["mkdir", "/jobs"], cwd);
    expect(await onTerminal("nexus ls", { cwd })).toContain("\u001b[34mjobs\u001b[39m");
    for (const env of ["NO_COLOR=1", "TERM=dumb"]) {
      const plain = await onTerminal("nexus ls", { cwd, env });
      expect(plain).toContain("jobs/");
      expect(plain).not.toContain("\u001b");
    }
  });

  test("long work shows how far it is, and takes that away at its end", async () => {
    const cwd = await place();
    const slow = "(head -c 3000000 /dev/zero; sleep 2; head -c 1000000 /dev/zero; sleep 0.3)";
    const shown = await onTerminal(`${slow} | nexus write /zeros - ; echo done`, { cwd });
    expect(shown).toMatch(/writing {2}\d[\d.]*[KM]/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: how a line is cleared
    expect(shown.split("writing").at(-1)).toMatch(/\u001b\[(0K|2K|K|1G)[\s\S]*done/);
    const quiet = await onTerminal(`${slow} | nexus write /zeros - 2>&1 | cat; echo done`, { cwd });
    expect(quiet).toBe("done\r\n");
  });
});

describe("completion in bash", () => {
  test("asks the program, and knows the namespace", async () => {
    const cwd = await place();
    await nexus(["write", "/jobs/build.json", "x"], cwd);
    const script = `
      nexus() { ${process.execPath} ${NEXUS} "$@"; }
      compopt() { :; }
      eval "$(nexus completion bash)"
      try() {
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE=$*; COMP_POINT=\${#COMP_LINE}
        _nexus; echo "\${COMPREPLY[@]}"
      }
      export HOME=.
      try nexus wo
      try nexus work re
      try nexus cat /jobs/b`;
    expect(await shell(script, { cwd })).toBe("work\nready renew release\n/jobs/build.json\n");
  });
});
