import { createRequire } from "node:module";
import { dirname } from "node:path";
import { loadSharedLibrary } from "../../../libc/shared-library.js";
import { messageOf, NexusError } from "../../../model/errors.js";

// The package as far as it is used here, version 2.2.6. What begins with an underscore is no part of what it
// promises; the version is pinned.

const NAME = "fuse-native";

/** Answers a callback: a result or minus the errno first, then what the C side reads of the answer. */
export type Signal = (result: number, ...rest: unknown[]) => void;

/** Calls the method of the callback; `record` is what the C side knows of the call. */
type Handler = (record: Buffer, opcode: number, ...args: unknown[]) => void;

/** One mount. */
export interface NativeFuse {
  /** One for each callback, by its opcode. */
  _handlers: (Handler | undefined)[];
  /** Mounts, and calls back when the kernel has begun to ask, or with what is wrong. */
  mount(done: (error: Error | null) => void): void;
}

export interface NativePackage {
  /** `callbacks` has a key for each callback that there is. */
  readonly Fuse: new (
    mountPoint: string,
    callbacks: object,
    options: {
      /** Milliseconds after which a call fails by itself. */
      readonly timeout: false;
      /** It gets into the list of mount options as it is, so others may follow after a comma. */
      readonly fsname: string;
    },
  ) => NativeFuse;
  /** The mount no longer keeps the process alive. */
  letGo(fuse: NativeFuse): void;
}

/**
 * Loads the package, which is looked for from the file `from`, and first the libfuse that came with it: its addon is
 * linked against that by name, and no directory that the linker searches has it. Errors: `not-supported`, with how to
 * get it.
 */
export function loadPackage(from: string = import.meta.url): NativePackage {
  const require = createRequire(from);
  let entry: string;
  try {
    entry = require.resolve(NAME);
  } catch (cause) {
    const message = `the package ${NAME} isn't installed: npm install ${NAME}@2.2.6 in the directory of nexus-mount, or --binding device`;
    throw new NexusError("not-supported", message, { op: "mount", cause });
  }
  try {
    const requireOfIt = createRequire(entry);
    loadSharedLibrary((requireOfIt("fuse-shared-library") as { lib: string }).lib);
    const addon = requireOfIt("node-gyp-build")(dirname(entry)) as Addon;
    return {
      Fuse: require(NAME) as NativePackage["Fuse"],
      letGo: (fuse) => {
        const { mnt, _thread } = fuse as NativeFuse & { mnt: string; _thread: Buffer };
        addon.fuse_native_unmount(mnt, _thread);
      },
    };
  } catch (cause) {
    const message = `the package ${NAME} can't be loaded (${messageOf(cause)}): npm rebuild ${NAME}, or --binding device`;
    throw new NexusError("not-supported", message, { op: "mount", cause });
  }
}

interface Addon {
  /** It unmounts nothing; it ends what keeps the event loop alive. */
  fuse_native_unmount(mountPoint: string, thread: Buffer): void;
}
