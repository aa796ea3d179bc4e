import { ATTRIBUTE_RULES } from "./attribute-rules.js";
import { CONTENT_RULES } from "./content-rules.js";
import { INDEXES, PAGES } from "./database-rules.js";
import { DUPLICATES } from "./duplicate-rows.js";
import { TABLES } from "./missing-tables.js";
import { NUMBER_RULES } from "./number-rules.js";
import type { Rule } from "./rule.js";
import { STATE_RULES } from "./state-rules.js";
import { TREE_RULES } from "./tree-rules.js";
import { WORK_RULES } from "./work-rules.js";

/**
 * All rules that queries can check, in the order in which they are mended: what follows from something
 * comes after it. The numbers first; the names, then what counts them; the files, then the queue of them.
 */
export const RULES: readonly Rule[] = [
  PAGES,
  TABLES,
  INDEXES,
  DUPLICATES,
  ...STATE_RULES,
  ...NUMBER_RULES,
  ...TREE_RULES,
  ...ATTRIBUTE_RULES,
  ...CONTENT_RULES,
  ...WORK_RULES,
];
