import { execFileSync, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openHostFile } from "../../src/cli/host-file.js";
import { kindOfLater } from "../support/error-kind.js";
import { testDir } from "../support/temp-dir.js";

const signal = new AbortController().signal;

function pipeIn(directory: string): string {
  const path = join(directory, "pipe");
  execFileSync("mkfifo", [path]);
  return path;
}

async function textOf(path: string): Promise<string> {
  const { content, close } = await openHostFile(path, { signal });
  const chunks = await content.toArray();
  await close();
  return Buffer.concat(chunks).toString();
}

test("a file is read whole, and its size is known", async () => {
  const path = join(testDir(), "file");
  writeFileSync(path, "text");
  const { sizeBytes, close } = await openHostFile(path, { signal });
  await close();
  expect([sizeBytes, await textOf(path)]).toStrictEqual([4, "text"]);
});

test("a pipe is read to its end, also by who comes before the first who writes", async () => {
  const path = pipeIn(testDir());
  const reading = textOf(path);
  spawn("sh", ["-c", `printf one > "$0"`, path], { stdio: "ignore" });
  expect(await reading).toBe("one");
});

test("a pipe that nobody writes to is waited for until the signal aborts", async () => {
  const path = pipeIn(testDir());
  const abort = new AbortController();
  const { content, close, sizeBytes } = await openHostFile(path, { signal: abort.signal });
  expect(sizeBytes).toBeUndefined();
  const reading = content.toArray();
  abort.abort();
  await expect(reading).rejects.toThrow("aborted");
  await close();
});

test("a directory, a file that isn't there and what lies below a file can't be read", async () => {
  const directory = testDir();
  writeFileSync(join(directory, "file"), "");
  const kindAt = (path: string) => kindOfLater(openHostFile(path, { signal }));
  expect(await kindAt(directory)).toBe("is-a-directory");
  expect(await kindAt(join(directory, "none"))).toBe("not-found");
  expect(await kindAt(join(directory, "file", "below"))).toBe("not-a-directory");
});
