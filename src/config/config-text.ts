import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { NexusError } from "../model/errors.js";

/** Some thousand entries of a list have room in it. Parsing more takes seconds, whatever it is. */
const MOST_BYTES = 256 * 1024;

/**
 * The text of a configuration file. A pipe is none, and isn't waited for: the file is read again by the process that
 * serves. Errors: those of the host as Node has them; `invalid-config` for what can't be a configuration.
 */
export function readConfigText(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const kind = unfitKind(fstatSync(fd));
    if (kind !== undefined) throw unfit(path, `it is ${kind}, and not a file`);
    return decode(readAll(fd, path), path);
  } finally {
    closeSync(fd);
  }
}

/** Devices are no matter: `/dev/null` is how to say that there is no configuration. */
function unfitKind(stats: Stats): string | undefined {
  if (stats.isFIFO()) return "a pipe";
  if (stats.isBlockDevice()) return "a disk";
  return undefined;
}

function readAll(fd: number, path: string): Buffer {
  const bytes = Buffer.alloc(MOST_BYTES + 1);
  let length = 0;
  for (;;) {
    const count = readSync(fd, bytes, length, bytes.length - length, null);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
    if (length > MOST_BYTES) throw unfit(path, `it has more than ${MOST_BYTES / 1024} KiB`);
  }
}

/** What an editor wrote in another encoding would be taken for other names, without a word. */
function decode(bytes: Buffer, path: string): string {
  if (bytes.includes(0)) throw unfit(path, "it has zero bytes; save it as UTF-8");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unfit(path, "it is no UTF-8; save it as that", cause);
  }
}

function unfit(path: string, problem: string, cause?: unknown): NexusError {
  return new NexusError("invalid-config", `${path} can't be read: ${problem}`, { path, cause });
}
