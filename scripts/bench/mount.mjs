#!/usr/bin/env node
// Runs the same work on a Nexus mount, on the native file system below it, and on bindfs over it,
// and prints a table with ratios. Needs root (to empty kernel caches) and a quiet machine.
//
//   scripts/bench/mount [--dir DIR] [--rounds N] [--files N] [--only WORK] [--json FILE]
//                       [--fuse-native] [--before CHECKOUT]
//
// Works in a new directory below DIR, and removes that one at the end. --only measures what has WORK
// in its name, after the unmeasured work that it builds on. --fuse-native adds a mount through that binding, and
// --before one of another version: of a checkout that is built.
//
// Each figure is the median over the rounds; in a round all take turns. "Uncached" means that
// the kernel has to ask the daemon: its caches of entries, inodes and pages are emptied, and those
// of the file system below are filled again, for all alike.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { optionsOf } from "../options.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const NEXUS_MOUNT = join(HERE, "../../dist/daemon/main.js");
const MIB = 1024 * 1024;
const LARGE_MIB = 256;
const LISTED = 10_000;
/** Longer than a written file waits to be sealed, with the sealing itself. */
const SETTLE_S = 5;

const values = optionsOf("scripts/bench/mount", {
  dir: { type: "string", default: "/var/tmp" },
  rounds: { type: "string", default: "3" },
  files: { type: "string", default: "3000" },
  only: { type: "string" },
  "fuse-native": { type: "boolean", default: false },
  before: { type: "string" },
  json: { type: "string", default: join(HERE, "results/mount.json") },
});
mkdirSync(values.dir, { recursive: true });
/** Ours alone: whatever else lies in DIR stays as it is. */
const base = mkdtempSync(join(resolve(values.dir), "nexus-bench-"));
const rounds = Number(values.rounds);
const files = Number(values.files);
const isRoot = process.getuid?.() === 0;

const bash = (script) =>
  execFileSync("bash", ["-euo", "pipefail", "-c", script], {
    encoding: "utf8",
    maxBuffer: 64 * MIB,
  });
/** A path as one word of a shell script. */
const q = (...parts) => `'${join(...parts).replaceAll("'", "'\\''")}'`;
const sleep = (seconds) => bash(`sleep ${seconds}`);

/** Our mounts, each with a store of its own. */
const MOUNTS = [
  { name: "nexus", program: NEXUS_MOUNT, args: [] },
  ...(values["fuse-native"]
    ? [{ name: "fuse-native", program: NEXUS_MOUNT, args: ["--binding", "fuse-native"] }]
    : []),
  ...(values.before === undefined
    ? []
    : [{ name: "before", program: resolve(values.before, "dist/daemon/main.js"), args: [] }]),
];
const dataOf = ({ name }) => join(base, `data-of-${name}`);

/** All that are compared, each with the directory to work in. */
const TARGETS = [
  { name: "native", dir: join(base, "native") },
  { name: "bindfs", dir: join(base, "bindfs") },
  ...MOUNTS.map(({ name }) => ({ name, dir: join(base, name, "bench") })),
];

/** Empties the kernel's caches of entries and inodes, and fills those of the file system below. */
function makeCold() {
  if (!isRoot) return;
  bash(`sync; echo 2 > /proc/sys/vm/drop_caches
    find ${MOUNTS.map((mount) => q(dataOf(mount), "cas")).join(" ")} ${q(base, "native")} ${q(base, "bindfs-below")} -type f -print0 2>/dev/null | xargs -0 -r cat > /dev/null`);
}

/** Seconds that a script takes. */
function seconds(script, cwd) {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync("bash", ["-euo", "pipefail", "-c", script], {
    cwd,
    encoding: "utf8",
    maxBuffer: 64 * MIB,
  });
  if (status !== 0) throw new Error(`${script}\n${stderr}`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

/** Microseconds of one system call, from the C program. */
function micro(dir, phase) {
  return Number(
    execFileSync(join(base, "micro"), [dir, String(files), phase], { encoding: "utf8" }).split(
      " ",
    )[1],
  );
}

const us = (value) => ({ value, unit: "us" });
const ms = (value) => ({ value: value * 1000, unit: "ms" });

/** 1 is "nothing found", and 2 an error. */
const GREP = "grep -r no-such-text tree > /dev/null || [ $? = 1 ]";

/** The work, in order; later ones use what earlier ones left in the directory. */
const WORK = [
  ["create+write 4 KiB+close", (dir) => us(micro(dir, "create"))],
  [
    "stat, uncached",
    (dir) => {
      sleep(SETTLE_S);
      makeCold();
      return us(micro(dir, "stat"));
    },
  ],
  ["stat, cached", (dir) => us(micro(dir, "stat"))],
  [
    "open+read 4 KiB+close, uncached",
    (dir) => {
      makeCold();
      return us(micro(dir, "read"));
    },
  ],
  ["open+read 4 KiB+close, cached", (dir) => us(micro(dir, "read"))],
  ["unlink", (dir) => us(micro(dir, "unlink"))],
  ["append 4 KiB+fsync", (dir) => us(micro(dir, "fsync"))],
  [
    "ls -l of 10,000 entries, uncached",
    (dir) => {
      bash(
        `mkdir -p ${q(dir, "list")} && cd ${q(dir, "list")} && seq -f 'entry-%06g' ${LISTED} | xargs touch`,
      );
      sleep(SETTLE_S);
      makeCold();
      return ms(seconds("ls -l list > /dev/null", dir));
    },
  ],
  ["ls -l of 10,000 entries, again", (dir) => ms(seconds("ls -l list > /dev/null", dir))],
  ["rm -rf of 10,000 entries", (dir) => ms(seconds("rm -rf list", dir))],
  [
    "write 256 MiB",
    (dir) => ms(seconds(`dd if=${q(base, "large")} of=large bs=1M status=none`, dir)),
  ],
  [
    "read 256 MiB, uncached",
    (dir) => {
      sleep(SETTLE_S);
      if (!dir.startsWith(join(base, "native")))
        bash(`dd if=${q(dir, "large")} iflag=nocache count=0 status=none`);
      return ms(seconds("dd if=large of=/dev/null bs=1M status=none", dir));
    },
  ],
  ["read 256 MiB, warm", (dir) => ms(seconds("dd if=large of=/dev/null bs=1M status=none", dir))],
  ["cp of 256 MiB inside", (dir) => ms(seconds("cp large copy", dir))],
  ["rm of both", (dir) => ms(seconds("rm large copy", dir))],
  ["tar x of the tree", (dir) => ms(seconds(`tar xf ${q(base, "tree.tar")}`, dir))],
  [
    "grep -r over it, uncached",
    (dir) => {
      sleep(SETTLE_S);
      makeCold();
      return ms(seconds(GREP, dir));
    },
  ],
  ["grep -r over it, warm", (dir) => ms(seconds(GREP, dir))],
  ["rm -rf of it", (dir) => ms(seconds("test -d tree; rm -rf tree", dir))],
];

/** What else has to be done first, by the beginning of a name. */
const BUILDS_ON = {
  stat: ["create+write"],
  "open+read": ["create+write"],
  unlink: ["create+write"],
  "ls -l of 10,000 entries, again": ["ls -l of 10,000 entries, uncached"],
  "rm -rf of 10,000": ["ls -l of 10,000 entries, uncached"],
  read: ["write 256"],
  "cp of": ["write 256"],
  "rm of both": ["write 256", "cp of"],
  grep: ["tar x"],
  "rm -rf of it": ["tar x"],
};

const isMeasured = (name) => values.only === undefined || name.includes(values.only);
const isNeeded = (name) =>
  isMeasured(name) ||
  Object.entries(BUILDS_ON).some(
    ([prefix, bases]) =>
      bases.some((start) => name.startsWith(start)) &&
      WORK.some(([other]) => other.startsWith(prefix) && isMeasured(other)),
  );

/** What a round has made would be in the way of the next one. */
const isRun = (name) =>
  isNeeded(name) ||
  (name === "unlink" &&
    WORK.some(([other]) => other.startsWith("create+write") && isNeeded(other)));

function prepare() {
  const parts = ["native", "bindfs", "bindfs-below", ...MOUNTS.map(({ name }) => name)];
  for (const part of parts) mkdirSync(join(base, part), { recursive: true });
  execFileSync("cc", ["-O2", "-o", join(base, "micro"), join(HERE, "micro.c")]);
  bash(`head -c ${LARGE_MIB}M /dev/urandom > ${q(base, "large")}`);
  makeTree();
  execFileSync("bindfs", [join(base, "bindfs-below"), join(base, "bindfs")]);
  for (const mount of MOUNTS) {
    const { name, program, args } = mount;
    execFileSync("node", [program, join(base, name), "--data-dir", dataOf(mount), ...args]);
    mkdirSync(join(base, name, "bench"));
  }
}

/** A tree as a program's sources are: 200 directories, 4,000 files of 1 to 16 KiB, none alike. */
function makeTree() {
  const tree = join(base, "tree");
  let seed = 1;
  const random = () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 2147483648;
  };
  for (let directory = 0; directory < 200; directory++) {
    const path = join(tree, `part-${directory % 20}`, `module-${directory}`);
    mkdirSync(path, { recursive: true });
    for (let file = 0; file < 20; file++) {
      const lines = Math.ceil(16 + random() * 240);
      const text = Array.from(
        { length: lines },
        () => `value ${Math.floor(random() * 1e12)} of some kind of text\n`,
      );
      writeFileSync(join(path, `source-${file}.txt`), text.join(""));
    }
  }
  bash(`tar cf ${q(base, "tree.tar")} -C ${q(base)} tree`);
  rmSync(tree, { recursive: true });
}

function cleanUp() {
  const isMounted = (path) => readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `);
  if (isMounted(join(base, "bindfs"))) spawnSync("umount", [join(base, "bindfs")]);
  for (const { name, program } of MOUNTS) {
    const path = join(base, name);
    if (isMounted(path)) spawnSync("node", [program, "-u", path], { stdio: "inherit" });
  }
  rmSync(base, { recursive: true, force: true });
}

/** What is compared with what. */
const RATIOS = [
  ["nexus", "native"],
  ["nexus", "bindfs"],
  ["fuse-native", "nexus"],
  ["nexus", "before"],
].filter((pair) => pair.every((name) => TARGETS.some((target) => target.name === name)));

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function measure() {
  const work = WORK.filter(([name]) => isRun(name));
  const measured = work.filter(([name]) => isMeasured(name));
  const results = new Map(measured.map(([name]) => [name, { unit: "", samples: {} }]));
  for (let round = 1; round <= rounds; round++) {
    for (const { name: target, dir } of TARGETS) {
      for (const [name, run] of work) {
        const { value, unit } = run(dir);
        const result = results.get(name);
        if (result === undefined) continue;
        result.unit = unit;
        result.samples[target] = [...(result.samples[target] ?? []), value];
      }
      process.stderr.write(`round ${round} of ${rounds}: ${target} done\n`);
    }
  }
  return results;
}

function report(results) {
  const format = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
  const rows = [...results].map(([name, { unit, samples }]) => {
    const figure = Object.fromEntries(
      TARGETS.map(({ name: target }) => [target, median(samples[target])]),
    );
    const ratios = RATIOS.map(([one, other]) => `${(figure[one] / figure[other]).toFixed(2)}x`);
    return [`${name} (${unit})`, ...Object.values(figure).map(format), ...ratios];
  });
  const header = [
    "",
    ...TARGETS.map(({ name }) => name),
    ...RATIOS.map(([one, other]) => `${one}/${other}`),
  ];
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => row[column].length)),
  );
  const line = (row) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(header), rule, ...rows.map(line)].join("\n");
}

if (!WORK.some(([name]) => isMeasured(name))) {
  rmSync(base, { recursive: true });
  console.error(`bench: no work has '${values.only}' in its name`);
  process.exit(2);
}

const machine = {
  cpu: cpus()[0]?.model,
  cpus: cpus().length,
  memoryGiB: Math.round(totalmem() / 1024 ** 3),
  kernel: release(),
  node: process.version,
  fileSystem: bash(`df --output=fstype ${q(base)} | tail -1`).trim(),
  rounds,
  files,
};

if (!isRoot) console.error("not root: kernel caches can't be emptied, so 'uncached' is not");
process.on("SIGINT", () => {
  cleanUp();
  process.exit(130);
});
try {
  prepare();
  const results = measure();
  console.log(JSON.stringify(machine));
  console.log(report(results));
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(
    values.json,
    `${JSON.stringify({ machine, results: Object.fromEntries(results) }, null, 2)}\n`,
  );
  console.log(`samples: ${values.json}`);
} finally {
  cleanUp();
}
