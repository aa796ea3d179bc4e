import { MOUNT_FLAGS } from "../libc/mount.js";

/** The options of mount(8) that the kernel itself carries out, whatever the file system. */
export type KernelOption = keyof typeof MOUNT_FLAGS;

/** What a mount is made with. */
export interface MountOptions {
  /** An existing directory, absolute. */
  readonly mountPoint: string;
  /** What mount(8) and df(1) show as the source: the data directory. */
  readonly source: string;
  /** Other users than the one who mounts may enter. */
  readonly allowOther: boolean;
  readonly kernelOptions: ReadonlySet<KernelOption>;
}

/** mount(2)'s flags. */
export function mountFlags({ kernelOptions }: MountOptions): number {
  let flags = 0;
  for (const option of kernelOptions) flags |= MOUNT_FLAGS[option];
  return flags;
}

/** mount(2)'s data for a device descriptor: the options of the FUSE module. */
export function mountData(
  { allowOther }: MountOptions,
  { fd, uid, gid }: { fd: number; uid: number; gid: number },
): string {
  const options = [
    `fd=${fd}`,
    "rootmode=40000",
    `user_id=${uid}`,
    `group_id=${gid}`,
    "default_permissions",
  ];
  if (allowOther) options.push("allow_other");
  return options.join(",");
}

/**
 * What fusermount3 takes; anything else makes it fail. The others are about access times, which the
 * kernel leaves to a FUSE file system whatever the flags (S_NOATIME on each inode): nothing is lost
 * without them.
 */
const FUSERMOUNT_OPTIONS: ReadonlySet<KernelOption> = new Set([
  "ro",
  "nosuid",
  "nodev",
  "noexec",
  "sync",
  "dirsync",
  "noatime",
]);

/** The same for fusermount3(1), which takes names instead of flags and escapes with `\`. */
export function fusermountOptions({ allowOther, kernelOptions, source }: MountOptions): string {
  const fsname = source.replace(/[\\,]/g, "\\$&");
  const options = [`fsname=${fsname}`, "subtype=nexus", "default_permissions"];
  for (const option of kernelOptions) if (FUSERMOUNT_OPTIONS.has(option)) options.push(option);
  if (!kernelOptions.has("ro")) options.push("rw");
  if (allowOther) options.push("allow_other");
  return options.join(",");
}
