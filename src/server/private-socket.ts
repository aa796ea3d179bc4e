import { once } from "node:events";
import { chmodSync, mkdirSync, renameSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { SOCKET_NAME, shortPath } from "../rpc/socket-path.js";

const OWNER_ONLY = 0o600;
const OWNER_MAY_ENTER = 0o700;
/** Where a socket is made. */
const NURSERY_NAME = ".nexus-sock";
/** Who comes when so many wait to be let in is refused (EAGAIN). The kernel has a limit, too: net.core.somaxconn. */
const BACKLOG = 4096;

/**
 * Lets a server listen on `{data_dir}/nexus.sock`. The socket is made in a directory that only the owner may
 * enter, and moved to its place once it is only the owner's, too: nobody else can ever connect. What a
 * crashed owner left there is replaced by that. Returns what takes the socket away again; the server has
 * to be closed before. Fails with Node's errors.
 */
export async function listenPrivately(server: Server, dataDir: string): Promise<() => void> {
  const nursery = join(dataDir, NURSERY_NAME);
  rmSync(nursery, { recursive: true, force: true });
  mkdirSync(nursery, { mode: OWNER_MAY_ENTER });
  const short = shortPath(nursery, { name: SOCKET_NAME });
  const path = join(dataDir, SOCKET_NAME);
  try {
    server.listen({ path: short.path, backlog: BACKLOG });
    await once(server, "listening");
    chmodSync(short.path, OWNER_ONLY);
    renameSync(short.path, path);
  } catch (error) {
    server.close();
    short.close();
    throw error;
  } finally {
    rmSync(nursery, { recursive: true, force: true });
  }
  return () => {
    // Closing, the server removes what is under the path it knows. So its descriptor stays until now: a
    // later one of the same number might lead to somebody else's socket.
    short.close();
    rmSync(path, { force: true });
  };
}
