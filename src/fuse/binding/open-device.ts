import { constants, openSync } from "node:fs";
import { fsError } from "../../libc/system-error.js";
import { NexusError } from "../../model/errors.js";

const DEVICE = "/dev/fuse";

/** Opens the FUSE device, for a mount to come. Errors: `not-supported` (no FUSE on this machine), `access-denied`. */
export function openDevice(): number {
  try {
    return openSync(DEVICE, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    const failure = fsError(error, { op: "open", path: DEVICE });
    if (failure.kind !== "not-found" && failure.kind !== "io-failure") throw failure;
    throw new NexusError(
      "not-supported",
      `there is no ${DEVICE}: load the kernel's fuse module (modprobe fuse), or give the container the device`,
      { path: DEVICE, cause: error },
    );
  }
}
