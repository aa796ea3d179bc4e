import { appendFileSync, openSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { type DestinationStream, pino } from "pino";
import type Pretty from "pino-pretty";
import type { LogLevel } from "./log-level.js";

/** What the rest of the program logs with: a pino logger. */
export type { Logger } from "pino";

/** Where a log goes; plain data, so that each thread can open its own logger from it. */
export interface LogTarget {
  readonly level: LogLevel;
  /** JSON lines appended to a file, or people's lines on stderr. */
  readonly to: { readonly file: string } | "terminal";
}

/** Half a hundred modules, for those who log to a terminal. */
function prettyLines(): typeof Pretty {
  return createRequire(import.meta.url)("pino-pretty") as typeof Pretty;
}

/**
 * Opens a logger for one thread. Lines are written at once, a whole line with one write(2) to a file
 * opened for appending, so threads don't mix and nothing waits in memory when the process dies.
 */
export function openLogger(target: LogTarget, thread: string) {
  const stream: DestinationStream =
    target.to === "terminal"
      ? prettyLines()({
          destination: 2,
          sync: true,
          ignore: "pid,hostname,thread",
          colorize: process.stderr.isTTY,
        })
      : logFile(target.to.file);
  return pino({ level: target.level, base: { pid: process.pid, thread } }, stream);
}

/**
 * A logger for a library, which can't leave a file open: each line opens it anew. Lines are few there.
 */
export function openLibraryLogger({ level, file }: { level: LogLevel; file: string }) {
  const write = (line: string) => {
    try {
      appendFileSync(file, line, { mode: 0o600 });
    } catch {
      // there is nowhere to say it
    }
  };
  return pino({ level, base: { pid: process.pid } }, { write });
}

/**
 * Appends to a file. A full disk must not end the program that wants to say so, nor hold it up: a line
 * that can't be written is dropped. (pino's own destination keeps it, and at the end of the process
 * tries again for ever.)
 */
function logFile(path: string): DestinationStream {
  const fd = openSync(path, "a", 0o600);
  let isTorn = false;
  return {
    write: (line) => {
      const bytes = Buffer.from(isTorn ? `\n${line}` : line);
      try {
        isTorn = writeSync(fd, bytes) < bytes.length;
      } catch {
        // there is nowhere to say it
      }
    },
  };
}
