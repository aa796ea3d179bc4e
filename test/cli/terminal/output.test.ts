import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { Output, type OutputStream } from "../../../src/cli/terminal/output.js";
import { startProgress } from "../../../src/cli/terminal/progress.js";
import { type Column, printTable } from "../../../src/cli/terminal/table.js";
import { Screen } from "../run-command.js";

function output(kind: "pipe" | "terminal" | "colours" = "pipe"): { screen: Screen; out: Output } {
  const screen = new Screen(kind);
  return { screen, out: new Output(screen as unknown as OutputStream) };
}

describe("what is printed", () => {
  test("waits for a slow reader", async () => {
    const waiting: (() => void)[] = [];
    const slow = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => void waiting.push(done),
    });
    let isDone = false;
    const writing = new Output(slow).write("text").then(() => {
      isDone = true;
    });
    await new Promise(setImmediate);
    expect(isDone).toBe(false);
    waiting[0]?.();
    await writing;
  });

  test("is dropped when the reader has gone, and the command is told", async () => {
    const gone = new Writable({ write: (_c, _e, done) => done(new Error("EPIPE")) });
    const out = new Output(gone);
    let told = 0;
    out.watchClosed(() => {
      told += 1;
    });
    await out.write("a");
    await new Promise(setImmediate);
    await out.write("b");
    expect(told).toBe(1);
  });

  test.each([
    ["pipe", "red"],
    ["terminal", "red"],
    ["colours", "\u001b[31mred\u001b[39m"],
  ] as const)("to a %s has colours only where they can be seen", (kind, text) => {
    expect(output(kind).out.paint("red", "red")).toBe(text);
  });

  test("by others can't command a terminal, and is left as it is elsewhere", () => {
    const text = "a\tb\u001b[2J\u0007\u009b1m";
    expect(output("pipe").out.foreign(text)).toBe(text);
    expect(output("terminal").out.foreign(text)).toBe("a\tb\\x1b[2J\\x07\\x9b1m");
    expect(output("terminal").out.foreignLines("a\nb\u001b")).toBe("a\nb\\x1b");
  });

  test("through a stream arrives whole and in order, and its end isn't the end", async () => {
    const { screen, out } = output();
    const stream = out.asWritable();
    for (const part of ["a", "b", "c"]) stream.write(part);
    await new Promise<void>((resolve) => stream.end(resolve));
    await out.line("d");
    expect(screen.text).toBe("abcd\n");
  });
});

describe("a table", () => {
  const columns: Column<{ n: number; name: string }>[] = [
    { title: "N", alignment: "right", value: ({ n }) => String(n) },
    { title: "NAME", value: ({ name }) => name },
  ];

  test("has titles, columns in line and no spaces at the end", async () => {
    const { screen, out } = output();
    const rows = [
      { n: 1, name: "one" },
      { n: 100, name: "a hundred" },
    ];
    await printTable(out, { columns, rows });
    expect(screen.text).toBe("  N  NAME\n  1  one\n100  a hundred\n");
  });

  test("has nothing in a cell that commands a terminal, and leaves it as it is elsewhere", async () => {
    const rows = [{ n: 1, name: "a\u001b[2J\u0000\u0007b" }];
    const { screen, out } = output("terminal");
    await printTable(out, { columns, rows });
    expect(screen.text).toBe("N  NAME\n1  a\\x1b[2J\\x00\\x07b\n");
    const piped = output("pipe");
    await printTable(piped.out, { columns, rows });
    expect(piped.screen.text).toBe("N  NAME\n1  a\u001b[2J\u0000\u0007b\n");
  });

  test("of nothing is nothing", async () => {
    const { screen, out } = output();
    await printTable(out, { columns, rows: [] });
    expect(screen.text).toBe("");
  });

  test("keeps its columns where there are colours", async () => {
    const { screen, out } = output("colours");
    await printTable(out, { columns, rows: [{ n: 1, name: "one" }] });
    expect(screen.text).toBe("\u001b[1mN\u001b[22m  \u001b[1mNAME\u001b[22m\n1  one\n");
  });
});

describe("progress", () => {
  test("is shown on a terminal alone", async () => {
    const { screen } = output("pipe");
    const bar = await startProgress(screen as unknown as OutputStream, { label: "copying" });
    bar.update({ done: 1 });
    bar.stop();
    expect(screen.text).toBe("");
  });

  test("of quick work isn't shown", async () => {
    const { screen } = output("terminal");
    const bar = await startProgress(screen as unknown as OutputStream, { label: "copying" });
    bar.update({ done: 1, note: "1 file" });
    bar.stop();
    expect(screen.text).toBe("");
  });
});
