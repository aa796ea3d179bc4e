// Runs a TypeScript file of the sources on a worker thread: `workerData.source` is its URL.
import { register } from "node:module";
import { workerData } from "node:worker_threads";

register("./typescript-hooks.mjs", import.meta.url);
await import(workerData.source);
