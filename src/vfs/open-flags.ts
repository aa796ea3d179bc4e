import type { OpenFlags } from "./file-system.js";

/** Whether what is opened so may be written through the handle. */
export function canWrite({ access }: Pick<OpenFlags, "access">): boolean {
  return access === "write" || access === "both";
}

/** Whether opening so needs the right to write; O_TRUNC needs it without a handle to write through, too. */
export function needsWrite(flags: Pick<OpenFlags, "access" | "truncate">): boolean {
  return flags.truncate || canWrite(flags);
}
