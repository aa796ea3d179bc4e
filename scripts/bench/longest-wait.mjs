#!/usr/bin/env node
// Asks a mount for a name that isn't there, again and again, until its standard input ends; then prints the
// longest time that it had to wait for an answer, in milliseconds. Part of scripts/bench/memory.
//
//   longest-wait.mjs DIRECTORY

import { statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

const [directory = "."] = process.argv.slice(2);
const PAUSE_MS = 2;

let isOver = false;
let longestMs = 0;
process.stdin.resume().on("end", () => {
  isOver = true;
});
// Each name is a new one: what it was told once, the kernel knows.
for (let round = 0; !isOver; round++) {
  const start = performance.now();
  statSync(join(directory, `absent-${process.pid}-${round}`), { throwIfNoEntry: false });
  longestMs = Math.max(longestMs, performance.now() - start);
  await setTimeout(PAUSE_MS);
}
console.log(longestMs);
