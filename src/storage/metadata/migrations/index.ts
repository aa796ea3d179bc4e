import { initial } from "./001-initial.js";
import { work } from "./002-work.js";
import { changes } from "./003-changes.js";
import { scrub } from "./004-scrub.js";
import { endingPaths } from "./005-ending-paths.js";
import type { Migration } from "./migration.js";

/** All steps, in order of their versions. */
export const MIGRATIONS: readonly Migration[] = [initial, work, changes, scrub, endingPaths];
