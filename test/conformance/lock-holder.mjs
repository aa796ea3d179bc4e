// Takes a lock, says whether it got it, and keeps it until its standard input ends. A program of its
// own, because locks are between processes. Arguments: the file, and the request as JSON.

import { openSync } from "node:fs";
import { constants } from "node:os";
import koffi from "koffi";

const F_SETLK = 6;
const [path, json] = process.argv.slice(2);
const { by, type, offset = 0, length = 0 } = JSON.parse(json);

const libc = koffi.load(null);
const fd = openSync(path, "r+");

function take() {
  if (by === "flock") {
    const operation = { read: 1, write: 2, unlock: 8 }[type];
    return libc.func("int flock(int fd, int operation)")(fd, operation | 4);
  }
  // struct flock of 64-bit Linux: type, whence, start, length, pid.
  const lock = Buffer.alloc(32);
  lock.writeInt16LE(["read", "write", "unlock"].indexOf(type), 0);
  lock.writeBigInt64LE(BigInt(offset), 8);
  lock.writeBigInt64LE(BigInt(length), 16);
  return libc.func("int fcntl(int fd, int command, void *lock)")(fd, F_SETLK, lock);
}

const result = take();
const errno = koffi.errno();
const name = Object.keys(constants.errno).find((key) => constants.errno[key] === errno);
console.log(result === 0 ? "held" : name);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
