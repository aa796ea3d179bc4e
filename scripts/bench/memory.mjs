#!/usr/bin/env node
// How much memory a daemon takes for what is done on its mount, at most and afterwards, and how long somebody else
// on the same mount has to wait meanwhile. It must never have more than the bound that native-notes/limits.md states;
// otherwise this ends with 1. Needs root, to empty the kernel's caches.
//
//   scripts/bench/memory [--dir DIR] [--files N] [--handles N] [--sparse GIB] [--entries N] [--only WORK] [--json FILE]
//
// Works in a new directory below DIR, and removes that one at the end. --only does what has WORK in its name.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { optionsOf } from "../options.mjs";
import {
  fillFiles,
  makeFiles,
  makeSparse,
  openFiles,
  resizeSparse,
  seekHoles,
  seekInDirectory,
} from "./memory-work.mjs";

const NEXUS_MOUNT = fileURLToPath(new URL("../../dist/daemon/main.js", import.meta.url));
const LONGEST_WAIT = fileURLToPath(new URL("longest-wait.mjs", import.meta.url));
const MIB = 1024 * 1024;
const IN_DIRECTORIES = { inADirectory: 1000 };
/**
 * The bound: the program with its caches (100 MiB of them pages of the database, 128 MiB small contents that aren't
 * sealed yet), and so much for each.
 */
const FIXED_BYTES = 384 * MIB;
const INODE_BYTES = 450;
const HANDLE_BYTES = 400;
/** A file that was made or written, until it is sealed: on a busy machine all of them may wait for that. */
const STAGED_BYTES = 400;
/** A daemon that has nothing to do gives back within this what it doesn't need. */
const IDLE_S = 60;
/** Longer than a written file waits to be sealed, and than a batch of changes to be committed. */
const SETTLE_S = 4;

const values = optionsOf("scripts/bench/memory", {
  dir: { type: "string", default: "/var/tmp" },
  files: { type: "string", default: "1000000" },
  handles: { type: "string", default: "100000" },
  sparse: { type: "string", default: "50" },
  entries: { type: "string", default: "1000000" },
  only: { type: "string" },
  json: { type: "string" },
});
const only = values.only ?? "";
const files = Number(values.files);
const handles = Number(values.handles);
const sparseGib = Number(values.sparse);
const entries = Number(values.entries);

mkdirSync(values.dir, { recursive: true });
const base = mkdtempSync(join(resolve(values.dir), "nexus-bench-"));
const mountPoint = join(base, "mnt");
const dataDir = join(base, "data");
const results = [];
/** What the kernel knows, has open, and what waits to be sealed, at most since the mount was made. */
let most = { inodes: 0, handles: 0, staged: 0 };
let isBounded = true;

const WORK = {
  files: lookUpFiles,
  handles: openHandles,
  sparse: useSparseFile,
  directory: useDirectory,
};

const FORGET = "cd / && echo 2 >/proc/sys/vm/drop_caches";

try {
  const chosen = Object.entries(WORK).filter(([name]) => name.includes(only));
  if (chosen.length === 0) throw new Error(`no work has '${only}' in its name`);
  printRow("", ["seconds", "MiB", "at most", "bound", "longest wait"]);
  for (const [, work] of chosen) {
    mount();
    try {
      await work();
    } finally {
      unmount();
      rmSync(dataDir, { recursive: true, force: true });
    }
  }
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
  if (!isBounded) process.exitCode = 1;
} finally {
  rmSync(base, { recursive: true, force: true });
}

async function lookUpFiles() {
  expectHeld({ inodes: files, staged: files });
  await step(`${files} files made`, makeFiles(files, IN_DIRECTORIES));
  unmount();
  mount();
  const before = report("mounted again");
  expectHeld({ inodes: files });
  const count = `test "$(find tree -type f -size -1 | wc -l)" = ${files}`;
  const known = await step("all looked up", count);
  perPiece("inode that the kernel knows", { bytes: known - before, pieces: files });
  await step("forgotten", FORGET);
  await step("looked up once more", count);
  await step("forgotten once more", FORGET);
  await step("idle for a minute", `sleep ${IDLE_S}`, { isIdle: true });
}

async function openHandles() {
  expectHeld({ inodes: handles, staged: handles });
  await step(`${handles} files made`, makeFiles(handles, IN_DIRECTORIES));
  await step("a byte written to each", fillFiles(handles, IN_DIRECTORIES));
  unmount(); // with all sealed
  mount();
  const before = report("mounted again");
  expectHeld({ inodes: handles, handles });
  const opened = openFiles(handles, IN_DIRECTORIES);
  const held = await step("all open at once, and read", opened, { whileWaiting: true });
  perPiece("open file, with its inode", { bytes: held - before, pieces: handles });
  report("closed");
  await step("forgotten", FORGET);
}

async function useSparseFile() {
  const bytes = sparseGib * 1024 ** 3;
  await step(`${sparseGib} GiB with a byte at each end`, makeSparse(bytes));
  await step("grown and cut by truncating", resizeSparse(bytes));
  await step("the holes are found", seekHoles(bytes));
  await step("copied: cp --sparse=auto", "cp --sparse=auto sparse copy && rm copy");
  const past = "cp --sparse=always --reflink=never sparse other";
  await step("copied past the file system: cp --reflink=never", past);
  const etag = "getfattr -n user.nexus.etag";
  await step("sealed", `until ${etag} sparse >/dev/null 2>&1; do sleep 0.1; done`);
  await step("read through", "dd if=sparse of=/dev/null bs=16M iflag=direct status=none");
  await step("another one begun to be sealed", "truncate -s -1 other; sleep 2");
  const start = performance.now();
  unmount();
  printRow("unmounted meanwhile", [((performance.now() - start) / 1000).toFixed(1)]);
  mount();
  await step("removed", "rm sparse other");
}

async function useDirectory() {
  expectHeld({ inodes: entries, staged: entries });
  await step(`${entries} entries made`, makeFiles(entries, { inADirectory: entries }));
  await step("forgotten", FORGET);
  await step("ls -U", `test "$(ls -U tree/0 | wc -l)" = ${entries}`);
  await step("one looked up", `stat tree/0/file-number-${entries - 1} >/dev/null`);
  await step("rewinddir, telldir, seekdir", seekInDirectory("tree/0", { entries }));
  await step("ls -l", `test "$(ls -l tree/0 | wc -l)" = ${entries + 1}`);
  await step("find", `test "$(find tree/0 -name "*9" | wc -l)" = $((${entries} / 10))`);
  await step("rm -r", "rm -r tree");
  await step("forgotten", FORGET);
}

/** What the kernel is going to know and have open; directories and the like are in what is fixed. */
function expectHeld({ inodes = 0, handles: open = 0, staged = 0 }) {
  most = { inodes, handles: open, staged };
}

/** Runs a shell script on the mount, while somebody else looks for names there. Gives the daemon's bytes then. */
async function step(what, script, { whileWaiting = false, isIdle = false } = {}) {
  if (isIdle) return await idleStep(what, script);
  mkdirSync(join(mountPoint, "others"), { recursive: true });
  forgetPeak();
  const other = spawn(process.execPath, [LONGEST_WAIT, join(mountPoint, "others")]);
  const waited = textOf(other.stdout);
  const start = performance.now();
  const worker = spawn("bash", ["--norc", "-euo", "pipefail", "-c", script], {
    cwd: mountPoint,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((done) => worker.once("exit", done));
  if (whileWaiting)
    await Promise.race([new Promise((done) => worker.stdout.once("data", done)), ended]);
  else await ended;
  const seconds = (performance.now() - start) / 1000;
  other.stdin.end();
  const longestWaitMs = Number(await waited);
  execFileSync("sleep", [String(SETTLE_S)]);
  const bytes = report(what, { seconds, longestWaitMs });
  worker.stdin.end();
  const code = await ended;
  if (code !== 0) throw new Error(`${what}: ended with ${code}`);
  return bytes;
}

/** Nobody asks for anything. */
async function idleStep(what, script) {
  forgetPeak();
  execFileSync("bash", ["-c", script]);
  return report(what);
}

async function textOf(stream) {
  return Buffer.concat(await stream.toArray()).toString();
}

function report(what, { seconds, longestWaitMs } = {}) {
  const { bytes, mostBytes } = memory();
  const eachBytes = most.inodes * INODE_BYTES + most.handles * HANDLE_BYTES;
  const boundBytes = FIXED_BYTES + eachBytes + most.staged * STAGED_BYTES;
  const figures = { bytes, mostBytes, boundBytes, descriptors: descriptors() };
  results.push({ what, ...figures, seconds, longestWaitMs });
  const wait = longestWaitMs === undefined ? "" : `${longestWaitMs.toFixed(0)} ms`;
  const sizes = [bytes, mostBytes, boundBytes].map((size) => (size / MIB).toFixed(0));
  printRow(what, [seconds?.toFixed(1) ?? "", ...sizes, wait]);
  if (mostBytes > boundBytes) {
    console.log("  more than the bound");
    isBounded = false;
  }
  return bytes;
}

function printRow(what, columns) {
  const widths = [9, 8, 8, 8, 14];
  const cells = columns.map((column, index) => column.padStart(widths[index]));
  console.log(`${what.padEnd(48)}${cells.join("")}`);
}

function perPiece(what, { bytes, pieces }) {
  console.log(
    `  ${Math.round(bytes / pieces)} bytes for each ${what}; ${descriptors()} descriptors`,
  );
}

function daemonPid() {
  return JSON.parse(readFileSync(join(dataDir, "lock"), "utf8")).pid;
}

/** What the daemon has in memory now, and had at most since {@link forgetPeak}. */
function memory() {
  const status = readFileSync(`/proc/${daemonPid()}/status`, "utf8");
  const [bytes, mostBytes] = ["VmRSS", "VmHWM"].map(
    (name) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)[1]),
  );
  return { bytes, mostBytes };
}

/** proc_pid_clear_refs(5). */
function forgetPeak() {
  writeFileSync(`/proc/${daemonPid()}/clear_refs`, "5");
}

function descriptors() {
  return readdirSync(`/proc/${daemonPid()}/fd`).length;
}

function mount() {
  most = { inodes: 0, handles: 0, staged: 0 };
  nexusMount(mountPoint, "--data-dir", dataDir);
}

function unmount() {
  nexusMount("-u", mountPoint);
}

function nexusMount(...args) {
  execFileSync(process.execPath, [NEXUS_MOUNT, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}
