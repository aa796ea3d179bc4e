#!/usr/bin/env node
import { workingDirectory } from "../config/working-directory.js";
import { readHostMounts } from "../libc/host-mounts.js";
import { runNexus } from "./run.js";
import { surviveClosedOutput } from "./standard-output.js";

surviveClosedOutput("nexus");
const exitCode = await runNexus(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signals: process,
  cwd: workingDirectory,
  readMounts: () => readHostMounts(),
  now: () => new Date(),
  open: async (request) => (await import("./open-client.js")).openClient(request),
  control: async (dataDir) => (await import("../sdk/daemon-control.js")).connectControl(dataDir),
});
// What couldn't be printed has set it already.
if (exitCode !== 0) process.exitCode = exitCode;
