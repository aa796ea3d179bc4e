import type { Failpoint } from "../../src/model/failpoint.js";

/** Those that no file operation on a mount leads to; `library-crashes.test.ts` gets to them. */
export const BY_THE_LIBRARY: readonly Failpoint[] = [
  "import-checked",
  "import-committed",
  "lease-expired",
];
