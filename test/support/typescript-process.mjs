// Runs a TypeScript file of the tests as a process of its own: `node typescript-process.mjs FILE`.
import { register } from "node:module";
import { pathToFileURL } from "node:url";

register("./typescript-hooks.mjs", import.meta.url);
await import(pathToFileURL(process.argv[2]).href);
