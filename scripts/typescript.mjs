// `node --import scripts/typescript.mjs FILE.ts` runs TypeScript with any Node, from a checkout.
import { register } from "node:module";

register("../test/support/typescript-hooks.mjs", import.meta.url);
