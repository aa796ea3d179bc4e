// Changes files below a directory without end, and says on stdout what it is about to do and what is
// done, a JSON line each. Ends when the file system does: killing the daemon is the test's part.
//
//   node writer.mjs DIRECTORY SEED

import { createHash } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

const [, , directory, seed] = process.argv;
const NAMES = 60;
const SIZES = [0, 1, 700, 4096, 30_000, 65_536, 65_537, 200_000, 1_500_000];
/** The sizes of single writes, so that files grow in pieces. */
const PIECE = 50_000;

let state = Number(seed) * 2654435761;

function random(below) {
  state = (state * 1103515245 + 12345) % 2147483648;
  return Math.floor((state / 2147483648) * below);
}

function say(event) {
  writeSync(1, `${JSON.stringify(event)}\n`);
}

/** Few different contents, so that some are equal. */
function someBytes() {
  const size = SIZES[random(SIZES.length)];
  return Buffer.alloc(size, `seed ${random(40)} size ${size}\n`);
}

function hash(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What each file has. */
const contents = new Map();

/**
 * All of the bytes. The kernel cuts a write(2) in requests: one that ends with the daemon after the
 * first of them is a short count, and no error; only the next write says what has happened.
 */
function writeAll(fd, bytes) {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

function write(path, bytes, { sync }) {
  const fd = openSync(path, "w");
  for (let at = 0; at < bytes.length; at += PIECE) writeAll(fd, bytes.subarray(at, at + PIECE));
  if (sync) fsyncSync(fd);
  closeSync(fd);
}

const ACTIONS = [
  function rewrite(name, path) {
    const bytes = someBytes();
    say({ begun: "rewrite", name });
    write(path, bytes, { sync: random(10) === 0 });
    contents.set(name, bytes);
    say({ done: "rewrite", name, hash: hash(bytes) });
  },
  function append(name, path) {
    const bytes = Buffer.alloc(100 + random(9000), "appended ");
    say({ begun: "append", name });
    const fd = openSync(path, "a");
    writeAll(fd, bytes);
    closeSync(fd);
    contents.set(name, Buffer.concat([contents.get(name) ?? Buffer.alloc(0), bytes]));
    say({ done: "append", name, hash: hash(contents.get(name)) });
  },
  function replace(name, path) {
    const bytes = someBytes();
    write(`${path}.new`, bytes, { sync: false });
    say({ begun: "replace", name, hash: hash(bytes) });
    renameSync(`${path}.new`, path);
    contents.set(name, bytes);
    say({ done: "replace", name, hash: hash(bytes) });
  },
  function remove(name, path) {
    say({ begun: "remove", name });
    try {
      unlinkSync(path);
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
    contents.delete(name);
    say({ done: "remove", name });
  },
];

try {
  mkdirSync(directory, { recursive: true });
  const orphan = openSync(join(directory, "orphan"), "w");
  unlinkSync(join(directory, "orphan"));
  writeAll(orphan, Buffer.alloc(200_000, "nobody can find this"));

  const synced = openSync(join(directory, "synced"), "w");
  for (let step = 0; ; step++) {
    const name = `file ${random(NAMES)}`;
    const choice = random(10);
    const action = choice < 5 ? 0 : choice < 6 ? 1 : choice < 8 ? 2 : 3;
    ACTIONS[action](name, join(directory, name));
    if (step % 20 === 0) {
      writeAll(synced, Buffer.from(`line ${step}\n`));
      fsyncSync(synced);
      say({ done: "sync", text: `line ${step}\n` });
    }
  }
} catch (error) {
  say({ ended: error.code ?? String(error) });
}
