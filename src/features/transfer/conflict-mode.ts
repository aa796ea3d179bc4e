import { NexusError } from "../../model/errors.js";
import type { ConflictMode } from "./transfer.js";

const MODES = {
  skip: true,
  overwrite: true,
  remap: true,
  auto: true,
} satisfies Record<ConflictMode, true>;

/** What a program in JavaScript says may be anything. Errors: `invalid-argument`. */
export function requireConflictMode(mode: unknown): ConflictMode {
  if (typeof mode === "string" && isConflictMode(mode)) return mode;
  const given = typeof mode === "string" ? `'${mode}'` : `of type ${typeof mode}`;
  const allowed = Object.keys(MODES).join(", ");
  throw new NexusError(
    "invalid-argument",
    `the conflict mode can't be ${given}; allowed: ${allowed}`,
    { op: "import" },
  );
}

function isConflictMode(text: string): text is ConflictMode {
  return Object.hasOwn(MODES, text);
}
