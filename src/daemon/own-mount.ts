import { unmountDevice } from "../fuse/binding/device.js";
import { FS_TYPE, type HostMount, readHostMounts } from "../libc/host-mounts.js";
import { isKind } from "../model/errors.js";

/**
 * The mount just made, as the kernel lists it: its place alone is not enough to know it by later,
 * because others may mount there. Undefined when it is gone already.
 */
export function findOwnMount(
  { mountPoint, source }: { mountPoint: string; source: string },
  mounts: readonly HostMount[] = readHostMounts(),
): HostMount | undefined {
  return mounts
    .filter((mount) => mount.mountPoint === mountPoint)
    .filter((mount) => mount.type === FS_TYPE && mount.source === source)
    .at(-1);
}

/** Where a mount is now: at a path that leads to it, below other mounts, or nowhere. */
export type Whereabouts =
  | { readonly state: "reachable"; readonly path: string }
  | { readonly state: "covered" | "gone" };

/** Finds a mount again, wherever it was moved to. */
export function whereaboutsOf(
  own: HostMount,
  mounts: readonly HostMount[] = readHostMounts(),
): Whereabouts {
  const now = mounts.find(
    ({ id, device, type, source }) =>
      id === own.id && device === own.device && type === own.type && source === own.source,
  );
  if (now === undefined) return { state: "gone" };
  const { id, mountPoint } = now;
  const samePlace = mounts.filter((mount) => mount.mountPoint === mountPoint);
  const later = mounts.slice(mounts.indexOf(now) + 1);
  const isHidden = later.some((mount) => mountPoint.startsWith(`${mount.mountPoint}/`));
  // The order tells of a mount over it, or over a directory above; the parents, of one moved here.
  const isCovered =
    isHidden || samePlace.at(-1) !== now || samePlace.some(({ parentId }) => parentId === id);
  return isCovered ? { state: "covered" } : { state: "reachable", path: mountPoint };
}

/**
 * Takes away this mount and never another one: umount(2) takes a path, and the topmost mount there
 * may be somebody else's. Returns where it was. Errors: `busy` unless `lazy`, and those of unmounting.
 */
export async function unmountOwn(
  own: HostMount | undefined,
  { lazy }: { lazy: boolean },
): Promise<Whereabouts["state"]> {
  if (own === undefined) return "gone";
  const place = whereaboutsOf(own);
  if (place.state !== "reachable") return place.state;
  try {
    await unmountDevice(place.path, { lazy });
  } catch (error) {
    if (!isKind(error, "not-found")) throw error;
    return "gone";
  }
  return "reachable";
}
