#!/usr/bin/env node
// How much memory a daemon takes for what is done on its mount, whether it gives that back, and how long
// somebody else on the same mount has to wait meanwhile. Needs root, to empty the kernel's caches.
//
//   scripts/bench/memory [--dir DIR] [--files N] [--handles N] [--sparse GIB] [--entries N] [--only WORK] [--json FILE]
//
// Works in a new directory below DIR, and removes that one at the end. --only does what has WORK in its name.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const NEXUS_MOUNT = fileURLToPath(new URL("../../dist/daemon/main.js", import.meta.url));
const LONGEST_WAIT = fileURLToPath(new URL("longest-wait.mjs", import.meta.url));
const MIB = 1024 * 1024;
const FILES_IN_A_DIRECTORY = 1000;
/** Longer than a written file waits to be sealed, and than a batch of changes to be committed. */
const SETTLE_S = 4;

const { values } = parseArgs({
  options: {
    dir: { type: "string", default: "/var/tmp" },
    files: { type: "string", default: "1000000" },
    handles: { type: "string", default: "100000" },
    sparse: { type: "string", default: "50" },
    entries: { type: "string", default: "1000000" },
    only: { type: "string" },
    json: { type: "string" },
  },
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

const WORK = {
  files: lookUpFiles,
  handles: openHandles,
  sparse: useSparseFile,
  directory: useDirectory,
};

const FORGET = "cd / && echo 2 >/proc/sys/vm/drop_caches";

const MAKE_FILES = `
for i in range(a):
    if i % b == 0: os.makedirs(f"tree/{i // b}")
    os.close(os.open(f"tree/{i // b}/file-number-{i}", os.O_CREAT | os.O_WRONLY))
`;
const OPEN_ALL = `
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (a + 100, a + 100))
fds = [os.open(f"tree/{i // b}/file-number-{i}", os.O_RDONLY) for i in range(a)]
for fd in fds: os.read(fd, 1)
print("ready", flush=True)
sys.stdin.read()
`;
const MAKE_SPARSE = `
fd = os.open("sparse", os.O_CREAT | os.O_RDWR)
os.pwrite(fd, b"x", 0)
os.pwrite(fd, b"y", a - 1)
os.close(fd)
`;
const SEEK_HOLES = `
fd = os.open("sparse", os.O_RDONLY)
hole = os.lseek(fd, 0, os.SEEK_HOLE)
data = os.lseek(fd, hole, os.SEEK_DATA)
assert 0 < hole <= 1 << 20 and a - (1 << 20) <= data < a, (hole, data)
assert os.pread(fd, 1, 0) + os.pread(fd, 1, a - 1) == b"xy"
`;

try {
  const chosen = Object.entries(WORK).filter(([name]) => name.includes(only));
  if (chosen.length === 0) throw new Error(`no work has '${only}' in its name`);
  console.log(
    `${"".padEnd(44)}${"seconds".padStart(9)}${"MiB".padStart(9)}${"longest wait".padStart(14)}`,
  );
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
} finally {
  rmSync(base, { recursive: true, force: true });
}

async function lookUpFiles() {
  await step(`${files} files made`, python(MAKE_FILES, files, FILES_IN_A_DIRECTORY));
  unmount();
  mount();
  const before = report("mounted again");
  const count = `test "$(find tree -type f -size -1 | wc -l)" = ${files}`;
  const known = await step("all looked up", count);
  perPiece("inode that the kernel knows", { bytes: known - before, pieces: files });
  await step("forgotten", FORGET);
  await step("looked up once more", count);
  await step("forgotten once more", FORGET);
}

async function openHandles() {
  const before = await step(
    `${handles} files made`,
    python(MAKE_FILES, handles, FILES_IN_A_DIRECTORY),
  );
  const opened = `${python(OPEN_ALL, handles, FILES_IN_A_DIRECTORY)}`;
  const held = await step("all open at once, and read", opened, { whileWaiting: true });
  perPiece("open file", { bytes: held - before, pieces: handles });
  report("closed");
  await step("forgotten", FORGET);
}

async function useSparseFile() {
  const bytes = sparseGib * 1024 ** 3;
  await step(`${sparseGib} GiB with a byte at each end`, python(MAKE_SPARSE, bytes));
  await step("the holes are found", python(SEEK_HOLES, bytes));
  await step("copied: cp --sparse=auto", "cp --sparse=auto sparse copy && rm copy");
  await step(
    "copied past the file system: cp --reflink=never",
    "cp --sparse=always --reflink=never sparse other",
  );
  await step("read through", "cat sparse >/dev/null");
  await step(
    "sealed",
    `for try in $(seq 600); do getfattr -n user.nexus.etag sparse >/dev/null 2>&1 && exit; sleep 1; done; exit 1`,
  );
  await step("removed", "rm sparse other");
}

async function useDirectory() {
  await step(`${entries} entries made`, python(MAKE_FILES, entries, entries));
  await step("forgotten", FORGET);
  await step("ls -U", `test "$(ls -U tree/0 | wc -l)" = ${entries}`);
  await step("ls -l", `test "$(ls -l tree/0 | wc -l)" = ${entries + 1}`);
  await step("find", `test "$(find tree/0 -name '*9' | wc -l)" = $((${entries} / 10))`);
  await step("rm -r", "rm -r tree");
  await step("forgotten", FORGET);
}

function python(script, a, b = 0) {
  return `exec python3 -c '${`import os, sys\na, b = ${a}, ${b}\n${script}`}'`;
}

/** Runs a shell script on the mount, while somebody else looks for names there. Gives the daemon's bytes then. */
async function step(what, script, { whileWaiting = false } = {}) {
  mkdirSync(join(mountPoint, "others"), { recursive: true });
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

async function textOf(stream) {
  return Buffer.concat(await stream.toArray()).toString();
}

function report(what, { seconds, longestWaitMs } = {}) {
  const bytes = residentBytes();
  results.push({ what, bytes, seconds, longestWaitMs });
  const time = seconds?.toFixed(1) ?? "";
  const wait = longestWaitMs === undefined ? "" : `${longestWaitMs.toFixed(0)} ms`;
  const mib = (bytes / MIB).toFixed(0);
  console.log(`${what.padEnd(44)}${time.padStart(9)}${mib.padStart(9)}${wait.padStart(14)}`);
  return bytes;
}

function perPiece(what, { bytes, pieces }) {
  console.log(`  ${Math.round(bytes / pieces)} bytes for each ${what}`);
}

function residentBytes() {
  const { pid } = JSON.parse(readFileSync(join(dataDir, "lock"), "utf8"));
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(kib) * 1024;
}

function mount() {
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
