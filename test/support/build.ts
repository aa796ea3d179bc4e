import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const SETUP = fileURLToPath(new URL("../../scripts/setup", import.meta.url));

/** The daemons under test run from `dist`: brings it up to date, if it isn't. */
export function setup(): void {
  execFileSync(SETUP, ["--build"], { stdio: "inherit" });
}
