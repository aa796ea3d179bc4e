import { isAlive } from "./mount-point.js";

// Run as a process of its own: exits with 0 when the mount that it is given answers.
const [, , mountPoint = "/"] = process.argv;
process.exitCode = isAlive(mountPoint) ? 0 : 1;
