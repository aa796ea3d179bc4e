import { closeSync } from "node:fs";
import { constants as os } from "node:os";
import { cloneDevice, read } from "../../../libc/device.js";
import { openDevice } from "../../binding/open-device.js";
import { MAX_REQUEST_BYTES } from "../../protocol/negotiation.js";

const { EINTR, ENOENT } = os.errno;

/**
 * Opens the device once more, for the kernel that `device` leads to. Errors: those of {@link openDevice} and ioctl(2).
 */
export function openClone(device: number): number {
  const clone = openDevice();
  try {
    cloneDevice({ from: device, to: clone });
    return clone;
  } catch (error) {
    closeSync(clone);
    throw error;
  }
}

/**
 * Fails all requests that nobody has read, with ECONNABORTED: a request that was read from a device fails when that
 * device is closed (fuse_dev_release in fs/fuse/dev.c). Errors: as above.
 */
export function failWaitingRequests(device: number): void {
  const clone = openClone(device);
  const request = Buffer.alloc(MAX_REQUEST_BYTES);
  try {
    let count: number;
    // ENOENT: one that was interrupted before it was read. All others mean that none is left, or no connection.
    do count = read(clone, request);
    while (count > 0 || count === -ENOENT || count === -EINTR);
  } finally {
    closeSync(clone);
  }
}
