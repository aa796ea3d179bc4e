import { readlinkSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { FS_TYPE, type HostMount, mountAbove } from "../libc/host-mounts.js";
import { NexusError } from "../model/errors.js";

/** As many symlinks as the kernel follows on one path: path_resolution(7). */
const MOST_SYMLINKS = 40;

/** Paths as a command got them, as paths of the namespace. */
export interface Located {
  readonly paths: readonly string[];
  /** The mount that they lead into, or that the command runs in. */
  readonly mount: HostMount | undefined;
}

export interface Host {
  readonly cwd: () => string;
  readonly mounts: readonly HostMount[];
  /** The data directory that was asked for: then only its mounts count. */
  readonly dataDir: string | undefined;
}

interface Inside {
  readonly mount: HostMount;
  readonly path: string;
}

/**
 * Finds out what paths mean. One that leads into a mount of ours, as `~/nexus/jobs/a`, is the path below
 * the mount point; a relative one begins at the working directory when that is inside a mount; every
 * other one is a path of the namespace already. Errors: `invalid-argument` when they lead into mounts
 * of two stores.
 */
export function locate(paths: readonly string[], host: Host): Located {
  const isOurs = (mount: HostMount) =>
    mount.type === FS_TYPE &&
    (host.dataDir === undefined || mount.source === resolve(host.cwd(), host.dataDir));
  if (!host.mounts.some(isOurs)) return { paths, mount: undefined };
  const enter = (path: string) => inside(resolve(path), { mounts: host.mounts, isOurs });

  const here = enter(host.cwd());
  const found = paths.map((path): Inside | undefined => {
    if (path.startsWith("/")) return enter(path);
    return here === undefined ? undefined : { mount: here.mount, path: `${here.path}/${path}` };
  });
  const entered = found.filter((one) => one !== undefined);
  const mount = entered[0]?.mount ?? here?.mount;
  const other = entered.find((one) => one.mount.source !== mount?.source)?.mount;
  if (mount !== undefined && other !== undefined) {
    throw new NexusError(
      "invalid-argument",
      `these paths lead into two stores, by the mounts at ${mount.mountPoint} and ${other.mountPoint}; a command works on one`,
    );
  }
  return { paths: paths.map((path, index) => found[index]?.path ?? path), mount };
}

/**
 * Where an absolute host path is in the mount of ours that it leads into. Symlinks are followed up to
 * there and not beyond: those in the mount belong to the namespace, and a dead mount has no answer.
 */
function inside(
  path: string,
  { mounts, isOurs }: { mounts: readonly HostMount[]; isOurs: (mount: HostMount) => boolean },
): Inside | undefined {
  let names = namesOf(path);
  let at = "/";
  let symlinksLeft = MOST_SYMLINKS;
  for (;;) {
    const mount = mountAbove(at, mounts);
    if (mount !== undefined && isOurs(mount)) {
      const below = at.slice(mount.mountPoint.length);
      return { mount, path: join("/", mount.root, below, ...names) };
    }
    const [name, ...rest] = names;
    if (name === undefined) return undefined;
    const next = join(at, name);
    const target = linkTarget(next);
    if (target === undefined) {
      at = next;
      names = rest;
    } else {
      symlinksLeft -= 1;
      if (symlinksLeft < 0) return undefined;
      names = [...namesOf(resolve(dirname(next), target)), ...rest];
      at = "/";
    }
  }
}

function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "");
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // no symlink, or not there
  }
}
