import { rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { mountDevice } from "../fuse/binding/device.js";
import { FS_TYPE, type HostMount, mountAbove, readHostMounts } from "../libc/host-mounts.js";
import { checkMountPoint, makeMountPoint, type OwnFiles } from "./mount-point.js";
import type { MountSpec } from "./mount-spec.js";
import { findOwnMount, unmountOwn, type Whereabouts, whereaboutsOf } from "./own-mount.js";
import { isLeftIn } from "./unserved.js";

/** What a daemon does to the machine that it mounts on. */
export interface MountHost {
  /**
   * The mount that a path leads into, of those whose type is ours; it is asked for nothing. With
   * `itself`, one at the very path counts, too.
   */
  mountOver(path: string, options: { itself: boolean }): HostMount | undefined;
  /** Makes the mount point ready. Errors: those of `checkMountPoint`. */
  prepare(spec: MountSpec): Promise<{ clearedStale: boolean; madeDirectory: boolean }>;
  /** Mounts. `own` is undefined when somebody took it away at once. Errors: those of `mountDevice`. */
  mount(spec: MountSpec): Promise<{ fd: number; own: HostMount | undefined }>;
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
    prepare: async ({ mountPoint, allowNonEmpty }) => {
      // It isn't one of this daemon's own by now.
      const isUnserved = (mount: HostMount) => isLeftIn(files.dataDir, mount);
      const { clearedStale } = await checkMountPoint({
        ...{ mountPoint, files, allowNonEmpty },
        isUnserved,
      });
      return { clearedStale, madeDirectory: makeMountPoint(mountPoint) };
    },
    mount: async ({ mountPoint, allowOther, kernelOptions }) => {
      const options = new Set(kernelOptions);
      const fd = await mountDevice({ mountPoint, source, allowOther, kernelOptions: options });
      return { fd, own: findOwnMount({ mountPoint, source }) };
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
