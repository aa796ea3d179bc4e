import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { messageOf } from "../../../model/errors.js";

// This file is both ends of the notifier process: imported, it starts it; run as one, it is it.

const IS_PROCESS = "--notify";
/** In the process. */
const CONTROL_FD = 3;
/** Of what it says last. */
const MOST_SAID = 2000;

/**
 * Starts the process with the other end of a socket; calls `onEnd` with words when it has ended, or couldn't start.
 * Errors: those of starting a process that Node doesn't tell by an event.
 */
export function launchProcess(control: number, onEnd: (why: string) => void): void {
  // The program that runs here, also if its path is another one's by now, or nobody's.
  const child: ChildProcess = spawn(
    "/proc/self/exe",
    [fileURLToPath(import.meta.url), IS_PROCESS],
    {
      argv0: process.execPath,
      stdio: ["ignore", "ignore", "pipe", control],
      // No directory stays in use for it, and no terminal's signal reaches it.
      ...{ cwd: "/", detached: true },
    },
  );
  child.unref();
  if (child.stderr instanceof Socket) child.stderr.unref();
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-MOST_SAID);
  });
  child.on("error", (error) => onEnd(messageOf(error)));
  child.on("close", (code, signal) => {
    onEnd(`it ended with ${signal ?? code}${said && `: ${said.trim()}`}`);
  });
}

if (process.argv[2] === IS_PROCESS && process.argv[1] === fileURLToPath(import.meta.url)) {
  // It ends with the daemon, and not before: who waits for it then would hang.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
    process.on(signal, () => undefined);
  // Not awaited: what it loads may lie in one file with this, which would wait for itself.
  void import("./run-notifiers.js").then(({ runNotifiers }) => runNotifiers(CONTROL_FD));
}
