import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";

/** The socket of a data directory, which its owner listens on. */
export const SOCKET_NAME = "nexus.sock";

/** A way to a file of a directory that is short however deep the directory lies. */
export interface ShortPath {
  readonly path: string;
  /** From then on it leads nowhere. */
  close(): void;
}

/**
 * A short path to a name in a directory, through a descriptor of it: struct sockaddr_un of unix(7) has room
 * for 107 bytes. Fails as open(2) does, with Node's errors.
 */
export function shortPath(directory: string, { name }: { readonly name: string }): ShortPath {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: join("/proc/self/fd", String(fd), name), close: () => closeSync(fd) };
}
