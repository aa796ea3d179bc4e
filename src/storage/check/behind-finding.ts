import type { Behind } from "../behind-note.js";
import type { Finding } from "./finding.js";

/** What people are told of a database that lacks something. */
export function behindFinding({ why, notedBy }: Pick<Behind, "why" | "notedBy">): Finding {
  const common = { rule: "database.behind", paths: [], morePaths: 0 };
  if (notedBy === "start") {
    return {
      ...{ ...common, severity: "waste" },
      what: `the store goes on with an older state of its database since it was found to lack changes: ${why}`,
      effect: "for a week, contents that no file has are not collected by themselves",
      repair: "puts these away to lost+found in the data directory",
    };
  }
  if (notedBy === "repair-of-rows") {
    return {
      ...{ ...common, rule: "repair.unfinished", severity: "damage" },
      what: `a repair hasn't come to its end: ${why}`,
      effect:
        "what was being written and no file has, and contents that no file has, are kept, as they may be all there is of one",
      repair: "goes on with it",
    };
  }
  return {
    ...{ ...common, severity: "damage" },
    what: `the database lacks changes that were committed: ${why}`,
    effect:
      "files and changes of the last time are gone; if the log was moved away, put it back before anything opens the store",
    repair:
      "goes on with the older state; contents that no file has then, and what was being written, are put away to lost+found in the data directory",
  };
}
