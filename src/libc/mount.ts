import { bind, bindAsync, lastErrno } from "./library.js";
import { errnoError } from "./system-error.js";

const libcMount = bind<
  (source: string, target: string, type: string, flags: number, data: string) => number
>(
  "int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)",
);
const libcUmount = bindAsync<[target: string, flags: number]>(
  "int umount2(const char *target, int flags)",
);

/** mount(2) flags, by the option names of mount(8). */
export const MOUNT_FLAGS = {
  ro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  sync: 0x10,
  dirsync: 0x80,
  noatime: 0x400,
  nodiratime: 0x800,
  relatime: 0x200000,
  strictatime: 0x1000000,
  lazytime: 0x2000000,
} as const;

const MNT_FORCE = 1;
const MNT_DETACH = 2;

export interface MountCall {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly flags: number;
  readonly data: string;
}

/** mount(2). Needs CAP_SYS_ADMIN. */
export function mount({ source, target, type, flags, data }: MountCall): void {
  if (libcMount(source, target, type, flags, data) !== 0) {
    throw errnoError(lastErrno(), { op: "mount", path: target });
  }
}

/**
 * umount2(2) on libuv's thread pool: the kernel writes back dirty pages first, which the serving
 * thread has to take. `lazy` detaches a mount that is busy; `unserved` fails at once what its users wait for. Errors:
 * `busy`, `invalid-argument` when nothing is mounted there.
 */
export async function unmount(
  target: string,
  { lazy, unserved = false }: { lazy: boolean; unserved?: boolean },
): Promise<void> {
  const flags = (lazy ? MNT_DETACH : 0) | (unserved ? MNT_FORCE : 0);
  const result = await libcUmount(target, flags);
  if (result < 0) throw errnoError(-result, { op: "umount", path: target });
}
