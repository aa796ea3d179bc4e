import type { LostDatabase } from "../fit-to-open.js";
import { TABLES } from "../metadata/check/missing-tables.js";
import { type CheckReport, NOTHING_CHECKED } from "./report.js";

const NOTHING_YET = "the store, which has nothing yet: the next start makes it";

/** What a check comes to where there is no table: nothing is looked at, and nothing written. */
export function reportWithoutTables(
  lost: LostDatabase | undefined,
  { dataDir, mode }: Pick<CheckReport, "dataDir" | "mode">,
): CheckReport {
  const common = { dataDir, mode, checked: NOTHING_CHECKED, repaired: [], readable: [] };
  if (lost === undefined) {
    return { ...common, isHealthy: true, leftOut: [NOTHING_YET], findings: [] };
  }
  const { what, advice: effect } = lost;
  return {
    ...{ ...common, isHealthy: false, leftOut: [] },
    findings: [
      {
        ...{ rule: TABLES.id, severity: "damage", what, effect },
        ...{ paths: [], morePaths: 0, repair: undefined },
      },
    ],
  };
}
