import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { WebSocket } from "ws";
import { messageOf, NexusError } from "../model/errors.js";
import { SOCKET_NAME, shortPath } from "./socket-path.js";
import { RPC_PATH, WEB_SOCKET_OPTIONS, WebSocketCarrier } from "./web-socket-carrier.js";

/**
 * Connects to the socket of a data directory. Undefined when nobody listens there. It doesn't keep the
 * process alive once it is open. Errors: `access-denied`, `io-failure`.
 */
export async function openWebSocket(dataDir: string): Promise<WebSocketCarrier | undefined> {
  try {
    const socket = await connectTo(dataDir);
    const webSocket = new WebSocket(`ws://localhost${RPC_PATH}`, {
      ...WEB_SOCKET_OPTIONS,
      createConnection: () => socket,
      // Masked with nothing: that is against proxies (RFC 6455, section 10.3), and takes long.
      generateMask: () => undefined,
    });
    await once(webSocket, "open");
    socket.unref();
    return new WebSocketCarrier(webSocket);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") return undefined;
    const kind = code === "EACCES" ? "access-denied" : "io-failure";
    const message = `the owner of ${dataDir} can't be reached through its ${SOCKET_NAME}: ${messageOf(error)}`;
    throw new NexusError(kind, message, { op: "connect", path: dataDir, cause: error });
  }
}

async function connectTo(dataDir: string): Promise<Socket> {
  const short = shortPath(dataDir, { name: SOCKET_NAME });
  try {
    const socket = connect(short.path);
    await once(socket, "connect");
    return socket;
  } finally {
    short.close();
  }
}
