import { bind, lastErrno } from "./library.js";
import { errnoError } from "./system-error.js";

const libcGetrlimit = bind<(resource: number, limit: BigUint64Array) => number>(
  "int getrlimit(int resource, void *limit)",
);

/** sys/resource.h; struct rlimit has the current limit first, both are 64 bits wide. */
const RLIMIT_NOFILE = process.platform === "darwin" ? 8 : 7;

/** How many descriptors this process may have open, getrlimit(2). */
export function mostDescriptors(): number {
  const limit = new BigUint64Array(2);
  if (libcGetrlimit(RLIMIT_NOFILE, limit) < 0) throw errnoError(lastErrno(), { op: "getrlimit" });
  return Number(limit[0]);
}
