import type { PosixContext } from "./posix-case.js";
import type { Credentials } from "./thread-credentials.js";

/** Owns nothing that root has made, and is in no group but its own. */
export const STRANGER: Credentials = { uid: 12345, gid: 12345 };

/**
 * Does something without any privilege, as the owner of the case's directory: whoever runs the case,
 * or a stranger if that is root. What is made outside of `work` is root's then.
 */
export async function unprivileged(
  { driver, kernel, isRoot, user }: PosixContext,
  work: (user: Credentials) => Promise<void>,
): Promise<void> {
  if (!isRoot) return await work(user);
  await driver.chown(".", STRANGER);
  await kernel.as(STRANGER, () => work(STRANGER));
}
