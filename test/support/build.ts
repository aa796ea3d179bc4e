import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The daemons under test run from `dist`: brings it up to date, once. */
export function setup(): void {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
}
