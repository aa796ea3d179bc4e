import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { type ErrorKind, messageOf, NexusError } from "../model/errors.js";
import type { Serving } from "./serve.js";

/** What a daemon in the background tells the process that started it. */
type ChildReport =
  | { readonly state: "waiting"; readonly message: string }
  | { readonly state: "ready"; readonly serving: Serving }
  | { readonly state: "failed"; readonly kind: ErrorKind; readonly message: string };

type Outcome = Exclude<ChildReport, { readonly state: "waiting" }>;

/**
 * Starts the daemon in the background and waits until the mount answers. `program` and `args` are
 * what this process was started with, so that the daemon understands them in the same way. Errors:
 * what the daemon reported.
 */
export async function launch(
  program: string,
  { args, onWait }: { args: readonly string[]; onWait: (message: string) => void },
): Promise<Serving> {
  const child = spawn(process.execPath, [program, "--child", ...args], {
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const report = await new Promise<Outcome>((resolve, reject) => {
    child.on("message", (message) => {
      const said = message as ChildReport;
      if (said.state === "waiting") onWait(said.message);
      else resolve(said);
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      const how = signal ?? `exit code ${code}`;
      const what = `the daemon ended before it had mounted (${how})`;
      reject(new NexusError("internal", `${what}; run it with -f to see why`));
    });
  });
  child.removeAllListeners();
  if (report.state === "failed") throw new NexusError(report.kind, report.message);
  child.disconnect();
  child.unref();
  const { mountPoint } = report.serving;
  try {
    if (mountPoint !== undefined) requireAnswer(mountPoint);
  } catch (error) {
    child.kill();
    throw error;
  }
  return report.serving;
}

/** Reports to the process that started this one, if it still listens. */
export function report(message: ChildReport): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) return resolve();
    process.send(message, undefined, {}, () => resolve());
  });
}

/** The proof: the root answers a stranger. */
function requireAnswer(mountPoint: string): void {
  try {
    statSync(mountPoint);
  } catch (error) {
    throw new NexusError("io-failure", `the mount doesn't answer: ${messageOf(error)}`, {
      path: mountPoint,
      cause: error,
    });
  }
}
