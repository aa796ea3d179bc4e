/** What link(2) says where the file system has no hard links: vfat and exFAT, and FUSE without them. */
const NO_LINKS = ["EPERM", "ENOTSUP", "ENOSYS"];
/** And where this file can have no other one, or not there. */
const NO_OTHER_LINK = ["EMLINK", "EXDEV"];

/** Whether link(2) failed because the file system has no hard links. */
export function hasNoLinks(error: unknown): boolean {
  return NO_LINKS.includes(codeOf(error));
}

/** Whether link(2) failed where the bytes can be copied instead. */
export function canOnlyBeCopied(error: unknown): boolean {
  return hasNoLinks(error) || NO_OTHER_LINK.includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? "";
}
