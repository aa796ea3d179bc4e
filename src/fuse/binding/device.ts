import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, writeFileSync } from "node:fs";
import { setNonBlocking } from "../../libc/device.js";
import { FS_TYPE, type HostMount } from "../../libc/host-mounts.js";
import { mount, unmount } from "../../libc/mount.js";
import { receiveDescriptor, socketPair } from "../../libc/sockets.js";
import { isKind, NexusError } from "../../model/errors.js";
import { fusermountOptions, type MountOptions, mountData, mountFlags } from "../mount-options.js";
import { openDevice } from "./open-device.js";

const HELPERS = ["fusermount3", "fusermount"];

/**
 * Mounts, and returns the descriptor on which the kernel asks from then on: root by mount(2),
 * everybody else through the set-uid helper fusermount3.
 *
 * Errors: `not-supported` (no FUSE on this machine, no helper), `access-denied`, `not-permitted`,
 * `io-failure` with what the helper said.
 */
export async function mountDevice(options: MountOptions): Promise<number> {
  const isRoot = process.geteuid?.() === 0;
  return isRoot ? mountAsRoot(options) : await mountAsUser(options);
}

/**
 * Unmounts. An `unserved` mount fails at once what its users wait for: for root, and for who mounted it, where the
 * control file system of fuse(4) is mounted, as by systemd. Errors: `busy` unless `lazy`, `not-found` when nothing is
 * mounted there, and as above.
 */
export async function unmountDevice(
  mountPoint: string,
  { lazy, unserved }: { lazy: boolean; unserved?: HostMount | undefined },
): Promise<void> {
  try {
    await unmount(mountPoint, { lazy, unserved: unserved !== undefined });
  } catch (error) {
    if (isKind(error, "invalid-argument")) {
      throw new NexusError("not-found", `nothing is mounted at ${mountPoint}`, {
        op: "unmount",
        path: mountPoint,
        cause: error,
      });
    }
    if (!isKind(error, "not-permitted")) throw error;
    if (unserved !== undefined) abortConnection(unserved);
    const result = await startHelper(["-u", ...(lazy ? ["-z"] : []), "--", mountPoint]);
    if (!result.succeeded) throw helperError(result.said, mountPoint);
  }
}

function abortConnection({ device }: HostMount): void {
  const [, minor] = device.split(":");
  try {
    writeFileSync(`/sys/fs/fuse/connections/${minor}/abort`, "1");
  } catch {
    // It isn't mounted. Detached it is all the same; who waits for an answer waits until root mounts and asks that.
  }
}

function mountAsRoot(options: MountOptions): number {
  const fd = openDevice();
  try {
    mount({
      source: options.source,
      target: options.mountPoint,
      type: FS_TYPE,
      flags: mountFlags(options),
      data: mountData(options, { fd, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }),
    });
    return fd;
  } catch (error) {
    closeSync(fd);
    if (!isKind(error, "not-permitted")) throw error;
    throw new NexusError(
      "not-permitted",
      "mount(2) is not permitted here, even for root: a container needs CAP_SYS_ADMIN and /dev/fuse",
      { op: "mount", path: options.mountPoint, cause: error },
    );
  }
}

/**
 * fusermount3 opens the device, mounts, and sends the descriptor over the socket that
 * _FUSE_COMMFD names; mount.fuse3(8).
 */
async function mountAsUser(options: MountOptions): Promise<number> {
  const [ours, theirs] = socketPair();
  try {
    const args = ["-o", fusermountOptions(options), "--", options.mountPoint];
    const helper = startHelper(args, { socket: theirs });
    // Blocks until the helper has mounted, or has ended without.
    const fd = receiveDescriptor(ours);
    const { said } = await helper;
    if (fd === undefined) {
      throw new NexusError("io-failure", said || "fusermount3 sent no descriptor", {
        op: "mount",
        path: options.mountPoint,
      });
    }
    setNonBlocking(fd);
    return fd;
  } finally {
    closeSync(ours);
  }
}

/** The helper tells what went wrong only in words. */
function helperError(said: string, mountPoint: string): NexusError {
  const isBusy = said.includes("Device or resource busy");
  const isAbsent = said.includes("not found") || said.includes("not mounted");
  const kind = isBusy ? "busy" : isAbsent ? "not-found" : "io-failure";
  return new NexusError(kind, said, { op: "unmount", path: mountPoint });
}

interface HelperResult {
  readonly succeeded: boolean;
  readonly said: string;
}

/** Runs fusermount3 and gives it a socket, which is closed here. Errors: `not-supported`. */
function startHelper(
  args: readonly string[],
  { socket }: { socket?: number } = {},
): Promise<HelperResult> {
  try {
    for (const name of HELPERS) {
      const child = spawn(name, args, {
        stdio: ["ignore", "pipe", "pipe", ...(socket === undefined ? [] : [socket])],
        env: { ...process.env, LC_ALL: "C", _FUSE_COMMFD: "3" },
      });
      child.on("error", () => undefined); // it didn't start: no pid, and the next name is tried
      if (child.pid !== undefined) return helperResult(child);
    }
  } finally {
    if (socket !== undefined) closeSync(socket);
  }
  throw new NexusError(
    "not-supported",
    "fusermount3 is needed to mount as an ordinary user: install the package fuse3",
    { op: "mount" },
  );
}

function helperResult(child: ChildProcess): Promise<HelperResult> {
  let said = "";
  const hear = (chunk: Buffer) => {
    said += chunk.toString("utf8");
  };
  child.stdout?.on("data", hear);
  child.stderr?.on("data", hear);
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ succeeded: code === 0, said: said.trim() }));
  });
}
