#!/usr/bin/env node
// Lets programs and clients work on several mounts of one store, kills the daemon under them at random moments,
// and looks each time whether all is there that they were told is there.
//
//   scripts/soak [--minutes N] [--seed S] [--mounts K] [--dir DIR]
//
// A line a round; exit code 1 at the first loss, with the data directory kept as the kill left it and as it was
// found. The seed decides what is done; which moments the kills meet, it can't.
//
// Works in a new directory below DIR, and removes that one at the end if all was well.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { optionsOf } from "../options.mjs";
import { problemsOnMounts } from "./checks.mjs";
import { Daemon } from "./daemon.mjs";
import { Ledger } from "./ledger.mjs";
import { Loads } from "./loads.mjs";
import { randomFrom } from "./random.mjs";

const { problemsIn } = await import("../../test/support/data-directory.ts");

const values = optionsOf("scripts/soak", {
  minutes: { type: "string", default: "10" },
  seed: { type: "string", default: String(Date.now() % 100_000) },
  mounts: { type: "string", default: "3" },
  dir: { type: "string", default: "/var/tmp" },
});
const [minutes, seed, mounts] = [values.minutes, values.seed, values.mounts].map(Number);
if (!(minutes > 0) || !Number.isInteger(seed) || !(mounts >= 1)) {
  console.error("soak: --minutes is above 0, --seed a whole number, --mounts 1 or more");
  process.exit(2);
}
const random = randomFrom(seed);
/** A kill while much is staged, being sealed, or at rest: sealing begins a second after the last close. */
const ROUND_MS = { least: 300, most: 4000 };
/** How each round ends. */
const ENDS = [
  "killed",
  "killed",
  "killed",
  "no notifiers, killed",
  "goes on",
  "goes on",
  "stopped",
];
/** Descriptors that an idle daemon may have more than when it had just begun. */
const MOST_MORE_DESCRIPTORS = 64;

mkdirSync(values.dir, { recursive: true });
const base = mkdtempSync(join(resolve(values.dir), "nexus-soak-"));
const copy = join(base, "as-it-was-left");
const daemon = new Daemon(base, { mounts });
const ledger = new Ledger();
let problems = [];
let rounds = 0;
let kills = 0;
let mostRssMib = 0;
let isInterrupted = false;
process.once("SIGINT", () => {
  isInterrupted = true;
});

console.log(`soak: seed ${seed}, ${mounts} mounts, ${minutes} minutes, in ${base}`);
let end = 0;
try {
  daemon.mountAll();
  end = performance.now() + minutes * 60_000;
  do {
    rounds += 1;
    problems = await round();
  } while (problems.length === 0 && performance.now() < end && !isInterrupted);
  if (problems.length === 0) problems = await stopAndLook();
} catch (error) {
  problems.push(error.stack);
} finally {
  problems.push(...(await daemon.stop()));
}
const did = `${rounds} rounds, ${kills} kills, ${ledger.steps} steps, at most ${mostRssMib} MiB`;
if (problems.length === 0) {
  rmSync(base, { recursive: true });
  console.log(`soak: nothing was lost in ${did}`);
} else {
  for (const problem of problems.slice(0, 20)) console.error(`  ${problem}`);
  console.error(`soak: ${problems.length} problems after ${did}
  the store is kept: ${daemon.dataDir} as it was found, ${copy} as the last kill left it
  again: scripts/soak --seed ${seed} --mounts ${mounts} --minutes ${minutes}`);
  process.exitCode = 1;
}

/** Lets everybody work for a while, and looks. Returns what is wrong. */
async function round() {
  const how = ENDS[random(ENDS.length)];
  const workMs = ROUND_MS.least + random(ROUND_MS.most - ROUND_MS.least);
  const before = ledger.steps;
  const loads = new Loads({ daemon, ledger, seed: seed * 1000 + rounds });
  await loads.atWork();
  const workedMs = Math.min(workMs, Math.max(ROUND_MS.least, end - performance.now()));
  await setTimeout(workedMs);
  const figures = daemon.figures();
  mostRssMib = Math.max(mostRssMib, figures.rssMib);
  const found = [];
  if (how.includes("killed")) {
    kills += 1;
    loads.expectErrors();
    if (how.startsWith("no notifiers")) await daemon.killSecond();
    await daemon.kill();
    found.push(...(await loads.ended()));
    rmSync(copy, { recursive: true, force: true });
    execFileSync("cp", ["-a", "--reflink=auto", daemon.dataDir, copy]);
    daemon.mountAll();
  } else {
    found.push(...(await loads.stop()));
  }
  found.push(...(await problemsOnMounts(ledger, daemon)), ...daemon.fsck());
  const idle = daemon.figures();
  if (idle.descriptors > daemon.descriptorsAtStart + MOST_MORE_DESCRIPTORS) {
    found.push(`the daemon has ${idle.descriptors} descriptors with nothing open`);
  }
  if (how !== "goes on") {
    if (found.length === 0) found.push(...(await stopAndLook()));
    if (found.length === 0) daemon.mountAll();
  }
  const load = `${ledger.steps - before} steps in ${(workedMs / 1000).toFixed(1)} s`;
  const size = `${figures.rssMib} MiB, ${figures.descriptors} descriptors (idle ${idle.descriptors})`;
  const verdict = found.length === 0 ? "whole" : "LOST";
  console.log(`round ${rounds}: ${load}, ${how}; ${size}; ${ledger.size} things ${verdict}`);
  return found;
}

/** Unmounts, as a user does, and reads what is on disk then. */
async function stopAndLook() {
  const left = await daemon.stop();
  return [...left, ...daemon.fsck(), ...problemsIn(daemon.dataDir)];
}
