import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/command-table.js";
import { Frame } from "../../src/cli/frame.js";
import { buildProgram } from "../../src/cli/program.js";
import type { OutputStream } from "../../src/cli/terminal/output.js";
import { runCommand, Screen } from "./run-command.js";

async function program(args: readonly string[] = []): Promise<Command> {
  const screen = new Screen() as unknown as OutputStream;
  const frame = new Frame({
    ...{ stdin: Readable.from([]), stdout: screen, stderr: screen, signals: new EventEmitter() },
    ...{ cwd: () => "/", readMounts: () => [], now: () => new Date() },
    open: () => Promise.reject(new Error("no store")),
    control: async () => undefined,
  });
  return await buildProgram(frame, { args });
}

function commandsBelow(command: Command, words: readonly string[] = []): string[][] {
  return command.commands.flatMap((each) => {
    const name = [...words, each.name()];
    return [name, ...commandsBelow(each, name)];
  });
}

const ALL = commandsBelow(await program());
const VISIBLE = ALL.filter(([name]) => name !== "__complete");

describe("help", () => {
  test("of the program has every verb", async () => {
    const { code, stdout } = await runCommand(["help"]);
    expect(code).toBe(0);
    for (const [name = ""] of VISIBLE) expect(stdout).toMatch(new RegExp(`^  ${name}[ |]`, "m"));
    expect(stdout).not.toContain("__complete");
  });

  test.each(VISIBLE.filter(([name]) => name !== "mount").map((words) => [words]))(
    "of %j has an example, and the options of all commands",
    async (words) => {
      const { code, stdout, stderr } = await runCommand([...words, "--help"]);
      expect([code, stderr]).toStrictEqual([0, ""]);
      expect(stdout).toMatch(/\nExamples?:\n.*\b(nexus|complete -c) ?/s);
      expect(stdout).toContain(`nexus ${words[0]}`);
      expect(stdout).toContain("--data-dir <dir>");
    },
  );

  test("VERB is the same as VERB --help", async () => {
    const { stdout } = await runCommand(["grep", "--help"]);
    expect((await runCommand(["help", "grep"])).stdout).toBe(stdout);
  });

  test("is there for commands of commands, and as a command of those", async () => {
    const { stdout } = await runCommand(["work", "claim", "--help"]);
    expect(stdout).toContain("nexus work claim");
    expect((await runCommand(["help", "work", "claim"])).stdout).toBe(stdout);
    expect((await runCommand(["work", "help", "claim"])).stdout).toBe(stdout);
    expect((await runCommand(["help", "unmount"])).stdout).toContain("nexus umount");
  });

  test.each([
    [["help", "bogus"], "unknown command 'bogus'"],
    [["help", "grpe"], "unknown command 'grpe' (Did you mean grep?)"],
    [["help", "work", "bogus"], "unknown command 'bogus'"],
    [["help", "work", "raedy"], "unknown command 'raedy' (Did you mean ready?)"],
    [["work", "help", "raedy"], "unknown command 'raedy' (Did you mean ready?)"],
    [["help", "ls", "more"], "unknown command 'more'"],
    [["help", "\u001b[2J"], "unknown command '\\x1b[2J'"],
  ])("of what is no command is one line: %j", async (args, expected) => {
    const { code, stdout, stderr } = await runCommand(args);
    expect([code, stdout, stderr]).toStrictEqual([2, "", `nexus: ${expected}\n`]);
  });

  test("fits into 80 columns", async () => {
    for (const words of VISIBLE.filter(([name]) => name !== "mount")) {
      const { stdout } = await runCommand([...words, "--help"]);
      expect(stdout.split("\n").filter((line) => line.length > 80)).toStrictEqual([]);
    }
  });
});

describe("a command line", () => {
  test.each(COMMANDS.flatMap(({ names }) => names))(
    "that names %s loads that command alone",
    async (name) => {
      const { commands } = await program(["--tenant", "ls", name]);
      expect(commands.map((each) => [each.name(), ...each.aliases()])).toStrictEqual([
        COMMANDS.find(({ names }) => names.includes(name))?.names,
      ]);
    },
  );
});
