import { NexusError } from "../model/errors.js";
import type { Damage } from "../sdk/backup.js";
import type { Frame } from "./frame.js";

const WHAT = {
  missing: "is missing",
  damaged: "is damaged",
  unreadable: "can't be read",
} satisfies Record<Damage["problem"], string>;

/** Says of each file whose content isn't in order that it isn't copied. With any, the command didn't work. */
export async function printDamage(
  frame: Frame,
  { damaged, of }: { damaged: readonly Damage[]; of: "store" | "backup" },
): Promise<void> {
  for (const { problem, hash, paths } of damaged) {
    const content = hash === undefined ? "" : ` (${hash})`;
    for (const path of paths) {
      const message = `${path}: not copied, its content ${WHAT[problem]} in the ${of}${content}`;
      await frame.complain(new NexusError("corrupt", message));
    }
  }
}
