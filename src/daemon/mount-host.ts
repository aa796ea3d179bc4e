import { rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { mountDevice } from "../fuse/binding/device.js";
import { mountNative, type NativeMount } from "../fuse/binding/fuse-native/mount-native.js";
import { FS_TYPE, type HostMount, mountAbove, readHostMounts } from "../libc/host-mounts.js";
import { NexusError } from "../model/errors.js";
import { checkMountPoint, makeMountPoint, type OwnFiles } from "./mount-point.js";
import type { MountSpec } from "./mount-spec.js";
import { findOwnMount, unmountOwn, type Whereabouts, whereaboutsOf } from "./own-mount.js";
import { isLeftIn } from "./unserved.js";

/** A mount that was just made: what serves it gets the descriptor, or what else its requests come by. */
export interface Mounted {
  readonly fd: number;
  readonly native?: NativeMount;
  readonly own: HostMount | undefined;
}

/** What a daemon does to the machine that it mounts on. */
export interface MountHost {
  /**
   * The mount that a path leads into, of those whose type is ours; it is asked for nothing. With
   * `itself`, one at the very path counts, too.
   */
  mountOver(path: string, options: { itself: boolean }): HostMount | undefined;
  /** Makes the mount point ready. Errors: those of `checkMountPoint`. */
  prepare(spec: MountSpec): Promise<{ clearedStale: boolean; madeDirectory: boolean }>;
  /**
   * Mounts. `own` is undefined when somebody took it away at once; there is a `native` where the requests don't come
   * by the device itself. Errors: those of `mountDevice` and `mountNative`.
   */
  mount(spec: MountSpec): Promise<Mounted>;
  /** Errors: those of `unmountOwn`. */
  unmount(own: HostMount | undefined, how: { lazy: boolean }): Promise<Whereabouts["state"]>;
  /** Whether a mount is still somewhere in the tree. */
  isAttached(own: HostMount): boolean;
  /** Takes a directory away that was made for a mount, unless somebody uses it already. */
  removeDirectory(mountPoint: string): void;
}

/** This machine, for a daemon with these files; `source` is what its mounts are listed with. */
export function kernelHost({ files, source }: { files: OwnFiles; source: string }): MountHost {
  return {
    mountOver: (path, { itself }) => {
      const above = mountAbove(itself ? path : dirname(path), readHostMounts());
      return above?.type === FS_TYPE ? above : undefined;
    },
    prepare: async (spec) => {
      requireIfNative(spec);
      const { mountPoint, allowNonEmpty } = spec;
      // It isn't one of this daemon's own by now.
      const isUnserved = (mount: HostMount) => isLeftIn(files.dataDir, mount);
      const { clearedStale } = await checkMountPoint({
        ...{ mountPoint, files, allowNonEmpty },
        isUnserved,
      });
      return { clearedStale, madeDirectory: makeMountPoint(mountPoint) };
    },
    mount: async ({ mountPoint, allowOther, kernelOptions, binding }) => {
      const options = { mountPoint, source, allowOther, kernelOptions: new Set(kernelOptions) };
      const native = binding === "device" ? undefined : await mountNative(options);
      const fd = native?.fd ?? (await mountDevice(options));
      const own = findOwnMount({ mountPoint, source });
      return native === undefined ? { fd, own } : { fd, native, own };
    },
    unmount: unmountOwn,
    isAttached: (own) => whereaboutsOf(own).state !== "gone",
    removeDirectory: (mountPoint) => {
      try {
        rmdirSync(mountPoint);
      } catch {
        // Somebody uses it already.
      }
    },
  };
}

/** Who asks isn't known to libfuse 2's callbacks in JavaScript, so nothing can depend on it. */
function requireIfNative({ binding, identities, mountPoint }: MountSpec): void {
  if (binding === "device" || identities.length === 0) return;
  const message =
    "'identities' need the device binding: fuse-native doesn't tell which user asks; mount each identity by itself, or use --binding device";
  throw new NexusError("not-supported", message, { path: mountPoint });
}
