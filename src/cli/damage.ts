import { NexusError } from "../model/errors.js";
import type { Damage, Lacking } from "../sdk/backup.js";
import type { Frame } from "./frame.js";
import { counted } from "./terminal/human.js";

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

/** The same of snapshots that are kept and lack contents, which a restore would name. */
export async function printLacking(frame: Frame, lacking: readonly Lacking[]): Promise<void> {
  for (const { snapshot, contents } of lacking) {
    const message = `${snapshot}: this snapshot lacks ${counted(contents, "content")} that its files have; nexus restore says which`;
    await frame.complain(new NexusError("corrupt", message));
  }
}
