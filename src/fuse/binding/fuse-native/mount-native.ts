import { closeSync, readdirSync, readlinkSync } from "node:fs";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { duplicate } from "../../../libc/device.js";
import { openEventCounter, raiseEvent } from "../../../libc/event-counter.js";
import { nexusMountAt } from "../../../libc/host-mounts.js";
import { messageOf, NexusError } from "../../../model/errors.js";
import { fusermountOptions, type KernelOption, type MountOptions } from "../../mount-options.js";
import { unmountDevice } from "../device.js";
import { fuseWithCallbacks } from "./callbacks.js";
import { loadPackage, type NativeFuse, type NativePackage } from "./package.js";
import { PathPort } from "./path-port.js";

/**
 * Beside those of the mount: whole writes instead of pages, our inode numbers, and nothing kept, because libfuse 2
 * has no way to make the kernel forget.
 */
const OWN_OPTIONS = [
  "big_writes",
  "use_ino",
  "attr_timeout=0",
  "entry_timeout=0",
  "negative_timeout=0",
];
/** libfuse takes them away unless it is told not to; fusermount does, for whoever isn't root. */
const UNLESS_GIVEN: readonly (readonly [KernelOption, string])[] = [
  ["nosuid", "suid"],
  ["nodev", "dev"],
];
/** Room that the C side has for the list of options, and for the mount point, with the NUL at the end. */
const PATH_BYTES = 1024;
/** It is all that the package knows; libfuse says more on stderr, which is seen in the foreground. */
const WHY_FAILED =
  " (is fusermount installed? does /etc/fuse.conf have user_allow_other, if others are let in? with -f, libfuse itself says what it is)";
const START_MS = 10_000;
const DEVICE = "/dev/fuse";

/** A mount of libfuse's, for the thread that serves it. */
export interface NativeMount {
  /** A descriptor of its device, on which nothing may be read; whoever serves the mount closes it. */
  readonly fd: number;
  /** Where its callbacks ask. Closing it ends the mount. */
  readonly port: MessagePort;
  /**
   * An event counter, raised for each question: see libc/event-counter.ts. It is closed where it is raised, once the
   * port is: until then its number is nobody else's.
   */
  readonly asked: number;
}

/**
 * Mounts through the package fuse-native. Its callbacks come on the main thread, whoever loads it. Errors:
 * `not-supported` (no package, a path that it has no room for), `io-failure`, without a reason: the package knows
 * none.
 */
export async function mountNative(
  options: MountOptions,
  load: () => NativePackage = () => loadPackage(),
): Promise<NativeMount> {
  const { mountPoint } = options;
  const mountOptions = optionList(options);
  for (const text of [`-ofsname=${mountOptions}`, mountPoint]) requireRoom(text, mountPoint);
  const native = load();
  const { port1, port2 } = new MessageChannel();
  const asked = openEventCounter();
  let isMounted = false;
  const port = new PathPort(port1, {
    onQuestion: () => raiseEvent(asked),
    onClose: () => {
      closeSync(asked);
      if (isMounted) native.letGo(fuse);
    },
  });
  const fuse = fuseWithCallbacks(native, { mountPoint, mountOptions, port });
  const before = new Set(openDevices());
  try {
    await begin(fuse);
    isMounted = true;
    return { fd: duplicate(ownDevice(before)), port: port2, asked };
  } catch (cause) {
    // It may have mounted all the same; then its loop runs.
    const isThere = nexusMountAt(mountPoint)?.source === options.source;
    isMounted ||= isThere;
    try {
      if (isThere) await unmountDevice(mountPoint, { lazy: true });
    } finally {
      port.close();
    }
    const said = messageOf(cause);
    const message = `fuse-native can't mount ${mountPoint}: ${said}${said === "fuse failed" ? WHY_FAILED : ""}`;
    throw new NexusError("io-failure", message, { op: "mount", path: mountPoint, cause });
  }
}

function optionList(options: MountOptions): string {
  const isRoot = process.geteuid?.() === 0;
  const taken = UNLESS_GIVEN.filter(([option]) => isRoot && !options.kernelOptions.has(option));
  const list = [fusermountOptions(options), ...OWN_OPTIONS, ...taken.map(([, word]) => word)];
  return list.join(",").replace(/^fsname=/, "");
}

function requireRoom(text: string, path: string): void {
  if (Buffer.byteLength(text) < PATH_BYTES) return;
  const message = `fuse-native has no room for the paths of this mount: '${text}' has ${PATH_BYTES} bytes or more`;
  throw new NexusError("not-supported", message, { op: "mount", path });
}

/** Resolves when the kernel has asked the first time. */
async function begin(fuse: NativeFuse): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      const late = () => reject(new Error(`no answer after ${START_MS / 1000} seconds`));
      timer = setTimeout(late, START_MS);
      fuse.mount((error) => (error ? reject(error) : resolve()));
    });
  } finally {
    clearTimeout(timer);
  }
}

/** The one device that wasn't open before: libfuse tells nobody which it is. */
function ownDevice(before: ReadonlySet<number>): number {
  const [own, ...others] = openDevices().filter((fd) => !before.has(fd));
  if (own !== undefined && others.length === 0) return own;
  throw new Error("another mount came or went in the same moment; try again");
}

function openDevices(): number[] {
  return readdirSync("/proc/self/fd").map(Number).filter(isDevice);
}

function isDevice(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === DEVICE;
  } catch {
    return false; // closed by now
  }
}
