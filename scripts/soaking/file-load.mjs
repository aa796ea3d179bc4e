// Changes files below a directory of its own: file-load.mjs DIRECTORY SEED

import { execFileSync } from "node:child_process";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { hashOf, say, stateOf, workUntilTold } from "./load.mjs";
import { randomFrom } from "./random.mjs";

const [, , directory, seed] = process.argv;
const random = randomFrom(Number(seed));
const NAMES = 40;
const SIZES = [0, 1, 700, 4096, 30_000, 65_536, 65_537, 200_000, 1_500_000];
const LARGE_BYTES = 12_000_000;
const PIECE_BYTES = 50_000;

mkdirSync(directory, { recursive: true });
const grown = join(directory, "grown");
const growing = openSync(grown, "a");
/** Few different contents, so that some are equal. */
function someBytes() {
  const size = SIZES[random(SIZES.length)];
  return Buffer.alloc(size, `seed ${random(40)} size ${size}\n`);
}

function write(path, bytes) {
  const fd = openSync(path, "w");
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    writeAll(fd, bytes.subarray(at, at + PIECE_BYTES));
  }
  if (random(10) === 0) fsyncSync(fd);
  closeSync(fd);
}

/** The kernel cuts a write(2) in requests; one that ends between two of them is a short count. */
function writeAll(fd, bytes) {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

function rewrite(path, bytes = someBytes()) {
  say({ begun: `file:${path}`, may: null });
  write(path, bytes);
  say({ done: `file:${path}`, is: hashOf(bytes) });
}

function large(path) {
  rewrite(path, Buffer.alloc(LARGE_BYTES, `seed ${random(4)} large\n`));
}

/** The content of a file that is there, held against what was said of it; undefined if it isn't there. */
function contentOf(path) {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const bytes = readFileSync(path);
  say({ seen: `file:${path}`, is: hashOf(bytes) });
  return bytes;
}

function append(path) {
  const before = contentOf(path) ?? Buffer.alloc(0);
  const more = Buffer.alloc(100 + random(9000), "appended ");
  say({ begun: `file:${path}`, may: null });
  const fd = openSync(path, "a");
  writeAll(fd, more);
  closeSync(fd);
  say({ done: `file:${path}`, is: hashOf(Buffer.concat([before, more])) });
}

function truncate(path) {
  const before = contentOf(path);
  if (before === undefined) return;
  const after = before.subarray(0, random(before.length + 1));
  say({ begun: `file:${path}`, may: [hashOf(after)] });
  truncateSync(path, after.length);
  say({ done: `file:${path}`, is: hashOf(after) });
}

function replace(path) {
  const bytes = someBytes();
  rewrite(`${path}.new`, bytes);
  move(`${path}.new`, path, hashOf(bytes));
}

function rename(path) {
  const bytes = contentOf(path);
  const to = join(directory, `file ${random(NAMES)}`);
  if (bytes === undefined || to === path) return;
  move(path, to, hashOf(bytes));
}

function move(from, to, state) {
  say({ begun: `file:${to}`, may: [state] });
  say({ begun: `file:${from}`, may: [state, "absent"] });
  renameSync(from, to);
  say({ done: `file:${to}`, is: state });
  say({ done: `file:${from}`, is: "absent" });
}

/** Renames as old programs do: a second name, and the first one goes. */
function link(path) {
  const bytes = contentOf(path);
  const to = `${path}.link`;
  if (bytes === undefined || stateOf(to) !== "absent") return;
  say({ begun: `file:${to}`, may: [hashOf(bytes)] });
  linkSync(path, to);
  say({ done: `file:${to}`, is: hashOf(bytes) });
  remove(path);
}

function remove(path) {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
  say({ begun: `file:${path}`, may: ["absent"] });
  unlinkSync(path);
  say({ done: `file:${path}`, is: "absent" });
}

function removeLink(path) {
  remove(`${path}.link`);
}

/** A kill between the two steps of `link` leaves one file with two names: what is written by one shows by the other. */
function removeSecondNames() {
  for (let number = 0; number < NAMES; number++) {
    const path = join(directory, `file ${number}.link`);
    const { nlink = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (nlink > 1) remove(path);
  }
}

function attribute(path) {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
  const key = `xattr:${path}`;
  const value = String(random(1000));
  // It goes with the file that has the name, so it counts for a moment only; the ledger has the file.
  execFileSync("setfattr", ["-n", "user.soak", "-v", value, path]);
  const get = ["--absolute-names", "-n", "user.soak", "--only-values", path];
  const found = execFileSync("getfattr", get, { encoding: "utf8" });
  say({ done: key, is: value });
  say({ seen: key, is: found });
}

/** What stays open and is never closed: each write counts as soon as it has returned. */
function grow() {
  writeAll(growing, Buffer.from("a line\n".repeat(1 + random(20))));
  if (random(20) === 0) fsyncSync(growing);
  say({ least: `bytes:${grown}`, is: statSync(grown).size });
}

function tree() {
  const top = join(directory, "tree");
  const leaf = Buffer.from("leaf");
  // What a kill left of the last one.
  rmSync(`${top}/c`, { recursive: true, force: true });
  mkdirSync(`${top}/a/b`, { recursive: true });
  rewrite(`${top}/a/b/leaf`, leaf);
  // The directory that it is in gets another name: what was said of the old one counts no more.
  say({ begun: `file:${top}/a/b/leaf`, may: [hashOf(leaf), "absent"] });
  renameSync(`${top}/a`, `${top}/c`);
  say({ done: `file:${top}/a/b/leaf`, is: "absent" });
  unlinkSync(`${top}/c/b/leaf`);
  rmdirSync(`${top}/c/b`);
  rmdirSync(`${top}/c`);
}

/** Each as often as it is here. */
const ACTIONS = [
  ...[rewrite, rewrite, rewrite, append, append, truncate, replace, replace, rename, link],
  ...[removeLink, remove, grow, grow, grow, tree],
  ...(random(3) === 0 ? [attribute] : []),
].map((act) => (path) => act(path));

let isFirst = true;
await workUntilTold(() => {
  if (isFirst) removeSecondNames();
  isFirst = false;
  const name = join(directory, `file ${random(NAMES)}`);
  const [act] = random(100) === 0 ? [large] : [ACTIONS[random(ACTIONS.length)]];
  act(name);
});
