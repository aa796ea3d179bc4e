// `node --import scripts/typescript.mjs FILE.ts` runs TypeScript with any Node, from a checkout.
import { register } from "node:module";
import { isMainThread } from "node:worker_threads";

// The threads of the library inherit the option. They are built, and start faster without.
if (isMainThread) register("../test/support/typescript-hooks.mjs", import.meta.url);
