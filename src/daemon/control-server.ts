import type { Carrier } from "../rpc/carrier.js";
import type { InitializeRequest } from "../rpc/handshake.js";
import type { ControlContext } from "../server/control.js";
import { SocketServer } from "../server/socket-server.js";
import type { Logger } from "../telemetry/logger.js";
import { version } from "../telemetry/version.js";

/** What a call comes with. */
export type CallContext = ControlContext;

/** Carries out one control operation. Errors go to the client by their kind. */
export type ControlMethod = (params: unknown, context: CallContext) => Promise<unknown>;

/** The socket of a daemon, open to clients. */
export interface ControlServer {
  /** How many connections there are. */
  readonly clients: number;
  /** Whether some client waits for an answer to a control operation. */
  isBusy(): boolean;
  /** Answers what is still being asked, takes no more, and removes the socket. */
  close(): Promise<void>;
}

export interface ControlServerOptions {
  readonly dataDir: string;
  readonly methods: Readonly<Record<string, ControlMethod>>;
  /** Gets somebody who serves the store to a client of this identity. Errors: its refusal. */
  readonly openClient: (request: InitializeRequest) => Promise<Carrier>;
  /** For `GET /health`. */
  readonly health: () => { readonly isHealthy: boolean };
  /** No client waits for an answer to a control operation any more. */
  readonly onIdle: () => void;
  readonly logger: Logger;
}

/**
 * Opens the socket of a daemon, for processes of its own user and root's: control operations, and clients of
 * the store. Whoever is let in could as well read the data directory, so a client has the identity that it
 * asks for. Errors: those of bind(2).
 */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer> {
  const { dataDir, methods, openClient, health, onIdle, logger } = options;
  let calls = 0;
  const counted = (method: ControlMethod): ControlMethod => {
    return async (params, context) => {
      calls += 1;
      try {
        return await method(params, context);
      } finally {
        calls -= 1;
        // The answer is on its way first.
        if (calls === 0) setImmediate(onIdle);
      }
    };
  };
  const server = await SocketServer.listen({
    dataDir,
    control: Object.fromEntries(
      Object.entries(methods).map(([name, method]) => [name, counted(method)]),
    ),
    admit: async (request) => {
      const { identity } = request;
      return { dataDir, identity, carrier: await openClient(request) };
    },
    health,
    version: version(),
    logger,
  });
  return {
    get clients() {
      return server.connections;
    },
    isBusy: () => calls > 0,
    close: () => server.close(),
  };
}
