import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { WebSocketServer } from "ws";
import { peerCredentials } from "../libc/sockets.js";
import type { Credentials } from "../model/identity.js";
import type { Carrier } from "../rpc/carrier.js";
import { RPC_PATH, SERVER_SOCKET_OPTIONS, WebSocketCarrier } from "../rpc/web-socket-carrier.js";
import type { Logger } from "../telemetry/logger.js";
import { type ConnectionOptions, serveConnection } from "./connection.js";
import type { Admit, ControlHandler } from "./control.js";
import { listenPrivately } from "./private-socket.js";

export interface SocketServerOptions {
  /** Whose lock the caller holds: a socket that lies there is nobody's. */
  readonly dataDir: string;
  readonly control: ControlHandler;
  readonly admit: Admit;
  /** What `GET /health` answers, as JSON: 200 while `isHealthy`, 503 otherwise. */
  readonly health: () => { readonly isHealthy: boolean };
  /** Of this nexus-mount. */
  readonly version: string;
  readonly logger: Logger;
}

const HEALTHY = 200;
const NOT_FOUND = 404;
const UNHEALTHY = 503;
const ROOT = 0;

/**
 * The owner's socket: HTTP on `{data_dir}/nexus.sock`, with the protocol of `rpc/README.md` on a WebSocket.
 * Only processes of the owner's user, and root's, are let in.
 */
export class SocketServer {
  readonly #options: SocketServerOptions;
  readonly #server: Server;
  #webSockets: Promise<WebSocketServer> | undefined;
  /** With who connected them. */
  readonly #sockets = new Map<Duplex, Credentials>();
  readonly #connections = new Map<Carrier, Promise<void>>();
  #closing: Promise<void> | undefined;
  #takeAway: () => void = () => undefined;

  private constructor(options: SocketServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on("connection", (socket) => this.#accept(socket));
    this.#server.on("upgrade", (request, socket, head) => {
      this.#upgrade(request, { socket, head }).catch((err) => {
        options.logger.error({ err }, "a client can't be let in");
        socket.destroy();
      });
    });
  }

  /** Fails with Node's errors. */
  static async listen(options: SocketServerOptions): Promise<SocketServer> {
    const server = new SocketServer(options);
    server.#takeAway = await listenPrivately(server.#server, options.dataDir);
    return server;
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Lets nobody in any more, closes all connections once what was sent on them has left, and waits until
   * nothing of them runs.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    // Those without a WebSocket.
    this.#server.closeAllConnections();
    // What other threads have sent is in the queues of this one, and is taken out of them in one turn.
    await new Promise((resolve) => setImmediate(resolve));
    for (const carrier of this.#connections.keys()) carrier.close("it has ended");
    // A client that says no goodbye is cut off in time.
    await closed;
    this.#takeAway();
    await Promise.all(this.#connections.values());
  }

  /** Before anything is read. */
  #accept(socket: Socket): void {
    const credentials = this.#credentialsOf(socket);
    if (credentials === undefined) {
      socket.destroy();
      return;
    }
    const { uid, pid } = credentials;
    if (uid !== ROOT && uid !== process.getuid?.()) {
      this.#options.logger.warn({ uid, pid }, "another user was kept out of the socket");
      socket.destroy();
      return;
    }
    this.#sockets.set(socket, credentials);
    socket.once("close", () => this.#sockets.delete(socket));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const isHealth = request.url === "/health" && request.method === "GET";
    const answer = isHealth
      ? this.#options.health()
      : { error: `GET /health, or a WebSocket at ${RPC_PATH}` };
    const status = "isHealthy" in answer ? (answer.isHealthy ? HEALTHY : UNHEALTHY) : NOT_FOUND;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(`${JSON.stringify(answer)}\n`);
  }

  async #upgrade(
    request: IncomingMessage,
    { socket, head }: { socket: Duplex; head: Buffer },
  ): Promise<void> {
    const credentials = this.#sockets.get(socket);
    // Who doesn't wait for the answer must end nobody else.
    socket.on("error", () => socket.destroy());
    if (request.url !== RPC_PATH || credentials === undefined) {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
      return;
    }
    this.#webSockets ??= webSocketServer();
    const webSockets = await this.#webSockets;
    if (this.#closing !== undefined) {
      socket.destroy();
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      const { control, admit, version, logger } = this.#options;
      const carrier = new WebSocketCarrier(webSocket);
      const options: ConnectionOptions = {
        carrier,
        credentials,
        control,
        admit,
        version,
        onUnexpected: (err, method) =>
          logger.error({ err, method }, "a request failed unexpectedly"),
      };
      const connection = serveConnection(options).finally(() => this.#connections.delete(carrier));
      this.#connections.set(carrier, connection);
    });
  }

  /** Node keeps the descriptor to itself, and nothing else tells who the peer is. */
  #credentialsOf(socket: Socket): Credentials | undefined {
    const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd: number } };
    try {
      return peerCredentials(handle?.fd ?? -1);
    } catch (err) {
      this.#options.logger.warn({ err }, "who connects to the socket can't be told");
      return undefined;
    }
  }
}

/** Loaded with the first client: most mounts are made without one, and it takes a tenth of a second. */
async function webSocketServer(): Promise<WebSocketServer> {
  const ws = await import("ws");
  return new ws.WebSocketServer({ noServer: true, ...SERVER_SOCKET_OPTIONS });
}
