import { constants } from "node:fs";
import { O } from "../conformance/posix-driver.js";

/** Every file is opened so: a FIFO would wait for its other end. */
export const O_NONBLOCK = constants.O_NONBLOCK;

/** open(2); Node doesn't know it. */
export const O_PATH = 0o10000000;

/** The names of flags, those first that contain the bits of others. */
export const OPEN_FLAGS: readonly (readonly [string, number])[] = [
  ["O_TMPFILE", O.TMPFILE],
  ["O_PATH", O_PATH],
  ["O_SYNC", O.SYNC],
  ["O_DSYNC", O.DSYNC],
  ["O_CREAT", O.CREAT],
  ["O_EXCL", O.EXCL],
  ["O_TRUNC", O.TRUNC],
  ["O_APPEND", O.APPEND],
  ["O_DIRECTORY", O.DIRECTORY],
  ["O_NOFOLLOW", O.NOFOLLOW],
  ["O_NOATIME", O.NOATIME],
];
