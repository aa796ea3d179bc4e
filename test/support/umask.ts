import { onTestFinished } from "vitest";

/** Until the test ends, what this process makes has none of these permissions. */
export function setUmask(mask: number): void {
  const before = process.umask(mask);
  onTestFinished(() => void process.umask(before));
}
