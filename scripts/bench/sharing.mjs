#!/usr/bin/env node
// Measures what it costs that several have one store: two mounts of a daemon beside each other, and clients
// of its socket beside a client in this process.
//
//   scripts/bench/sharing [--dir DIR] [--rounds N] [--json FILE]
//
// Works in a new directory below DIR, and removes that one at the end. All rounds alternate between what is
// compared; a figure is the median, with the 99th percentile beside it.

import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { optionsOf } from "../options.mjs";

const BUILT = "../../dist";
const { connect } = await import(`${BUILT}/index.js`);
const NEXUS_MOUNT = fileURLToPath(new URL(`${BUILT}/daemon/main.js`, import.meta.url));

const values = optionsOf("scripts/bench/sharing", {
  dir: { type: "string", default: "/var/tmp" },
  rounds: { type: "string", default: "2000" },
  json: { type: "string" },
});
const rounds = Number(values.rounds);
const MIB = 1024 * 1024;
const STREAM_MIB = 256;
const STREAM_ROUNDS = 5;

mkdirSync(values.dir, { recursive: true });
const base = mkdtempSync(join(resolve(values.dir), "nexus-bench-"));
const [one, other] = [join(base, "one"), join(base, "other")];
const dataDir = join(base, "data");
const results = [];

try {
  for (const at of [one, other]) nexusMount(at, "--data-dir", dataDir);
  mounts();
  await clients();
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ rounds, results }, null, 2)}\n`);
  }
} finally {
  try {
    nexusMount("-u", "--all", "--data-dir", dataDir);
  } catch {
    // not mounted at all
  }
  rmSync(base, { recursive: true });
}

function nexusMount(...args) {
  execFileSync(process.execPath, [NEXUS_MOUNT, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** The same changes where the other mount's kernel has something to forget, and where it hasn't. */
function mounts() {
  for (const name of ["alone", "known"]) mkdirSync(join(one, name));
  readdirSync(join(other, "known"));
  const create = (directory) => (round) =>
    closeSync(openSync(join(one, directory, `file${round}`), "w"));
  compare("create", { alone: create("alone"), known: create("known") });

  const files = { alone: join(one, "appended alone"), known: join(one, "appended known") };
  const [alone, known] = Object.values(files).map((path) => openSync(path, "a"));
  const reader = openSync(join(other, "appended known"), "r");
  compare("append 100 bytes", {
    alone: () => writeSync(alone, "x".repeat(100)),
    known: () => writeSync(known, "x".repeat(100)),
  });
  for (const fd of [alone, known, reader]) closeSync(fd);
}

async function clients() {
  const inProcess = await connect({ dataDir: join(base, "own data") });
  const overSocket = await connect({ dataDir });
  const both = { "in process": inProcess, "over the socket": overSocket };
  const forBoth = (act) =>
    Object.fromEntries(Object.entries(both).map(([name, client]) => [name, act(client)]));
  for (const client of Object.values(both)) await client.write("/file", "text");
  await compareLater(
    "exists",
    forBoth((client) => () => client.exists("/file")),
  );
  await compareLater(
    "read 4 bytes",
    forBoth((client) => () => client.read("/file")),
  );
  await compareLater(
    "write 4 bytes",
    forBoth((client) => (round) => client.write(`/new${round}`, "text")),
  );
  const chunk = Buffer.alloc(64 * 1024, "x");
  const content = function* () {
    for (let sent = 0; sent < STREAM_MIB * MIB; sent += chunk.length) yield chunk;
  };
  const streaming = { rounds: STREAM_ROUNDS, bytes: STREAM_MIB * MIB };
  await compareLater(
    `write ${STREAM_MIB} MiB`,
    forBoth((client) => () => client.write("/large", content())),
    streaming,
  );
  await compareLater(
    `read ${STREAM_MIB} MiB`,
    forBoth((client) => async () => {
      for await (const piece of client.createReadStream("/large")) void piece;
    }),
    streaming,
  );
  for (const client of Object.values(both)) await client.close();
}

function compare(what, acts) {
  const times = timesOf(acts);
  for (let round = 0; round < rounds; round++) {
    for (const [name, act] of Object.entries(acts)) {
      const start = performance.now();
      act(round);
      times[name].push(performance.now() - start);
    }
  }
  report(what, times);
}

async function compareLater(what, acts, { rounds: count = rounds, bytes } = {}) {
  const times = timesOf(acts);
  for (let round = 0; round < count; round++) {
    for (const [name, act] of Object.entries(acts)) {
      const start = performance.now();
      await act(round);
      times[name].push(performance.now() - start);
    }
  }
  report(what, times, bytes);
}

function timesOf(acts) {
  return Object.fromEntries(Object.keys(acts).map((name) => [name, []]));
}

function report(what, times, bytes) {
  const medians = Object.entries(times).map(([name, all]) => {
    all.sort((a, b) => a - b);
    const median = all[Math.floor(all.length / 2)] * 1000;
    const worst = all[Math.min(all.length - 1, Math.floor(all.length * 0.99))] * 1000;
    const speed = bytes === undefined ? {} : { mibPerSecond: bytes / MIB / (median / 1e6) };
    results.push({ what, name, medianUs: median, p99Us: worst, ...speed });
    const shown =
      bytes === undefined
        ? `${median.toFixed(0).padStart(8)} us   99 %: ${worst.toFixed(0)} us`
        : `${speed.mibPerSecond.toFixed(0).padStart(8)} MiB/s`;
    console.log(`${what.padEnd(18)} ${name.padEnd(16)} ${shown}`);
    return median;
  });
  const [first, second] = medians;
  console.log(`${"".padEnd(18)} ${"ratio".padEnd(16)} ${(second / first).toFixed(2).padStart(8)}`);
}
