import { once } from "node:events";
import { lstatSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { WebSocket as WebSocketClass } from "ws";
import { messageOf, NexusError } from "../model/errors.js";
import { SOCKET_NAME, shortPath } from "./socket-path.js";
import { CALLER_SOCKET_OPTIONS, RPC_PATH, WebSocketCarrier } from "./web-socket-carrier.js";

/** Longer than an owner takes that has much to do. */
const LIMIT_MS = 30_000;

/**
 * Connects to the socket of a data directory. Undefined when nobody listens there. It doesn't keep the
 * process alive once it is open. Errors: `access-denied`; `io-failure`, also for an owner that doesn't answer
 * within `limitMs`, as one that is stopped.
 */
export async function openWebSocket(
  dataDir: string,
  { limitMs = LIMIT_MS }: { readonly limitMs?: number } = {},
): Promise<WebSocketCarrier | undefined> {
  if (!isThere(dataDir)) return undefined;
  // Takes a tenth of a second, so only where there may be somebody; and before there is a connection, which
  // can break at any moment from then on.
  const { WebSocket } = await import("ws");
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), limitMs);
  try {
    const { signal } = limit;
    return await openOn(await connectTo(dataDir, signal), { WebSocket, signal });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") return undefined;
    const details = { op: "connect", path: dataDir, cause: error };
    if (code === "EACCES") {
      const message = `${dataDir} belongs to another user: ask as that user, or choose another data directory`;
      throw new NexusError("access-denied", message, details);
    }
    const why = limit.signal.aborted
      ? `it doesn't answer within ${limitMs / 1000} seconds`
      : messageOf(error);
    const message = `the owner of ${dataDir} can't be reached through its ${SOCKET_NAME}: ${why}`;
    throw new NexusError("io-failure", message, details);
  } finally {
    clearTimeout(timer);
  }
}

/** What can't be looked at is for connect(2) to say. */
function isThere(dataDir: string): boolean {
  try {
    return lstatSync(join(dataDir, SOCKET_NAME), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

async function connectTo(dataDir: string, signal: AbortSignal): Promise<Socket> {
  const short = shortPath(dataDir, { name: SOCKET_NAME });
  const socket = connect(short.path);
  try {
    await once(socket, "connect", { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    short.close();
  }
}

async function openOn(
  socket: Socket,
  { WebSocket, signal }: { WebSocket: typeof WebSocketClass; signal: AbortSignal },
): Promise<WebSocketCarrier> {
  const webSocket = new WebSocket(`ws://localhost${RPC_PATH}`, {
    ...CALLER_SOCKET_OPTIONS,
    createConnection: () => socket,
    // Masked with nothing: that is against proxies (RFC 6455, section 10.3), and takes long.
    generateMask: () => undefined,
  });
  // Of one that is given up nobody wants to hear.
  webSocket.on("error", () => undefined);
  try {
    await once(webSocket, "open", { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.unref();
  return new WebSocketCarrier(webSocket);
}
