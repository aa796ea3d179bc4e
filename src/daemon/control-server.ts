import { chmodSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { messageOf, NexusError } from "../model/errors.js";
import type { Credentials } from "../model/identity.js";

/** What a call comes with. */
export interface CallContext {
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly credentials: Credentials;
}

/** Carries out one control operation. Errors go to the client by their kind. */
export type ControlMethod = (params: unknown, context: CallContext) => Promise<unknown>;

/** The socket of a daemon, open to clients. */
export interface ControlServer {
  /** How many clients there are. */
  readonly clients: number;
  /** Whether some client waits for an answer. */
  isBusy(): boolean;
  /** Answers what is still being asked, takes no more, and removes the socket. */
  close(): Promise<void>;
}

export interface ControlServerOptions {
  readonly path: string;
  readonly methods: Readonly<Record<string, ControlMethod>>;
  /** No client waits for anything any more. */
  readonly onIdle: () => void;
}

/**
 * Serves the control operations on a socket that only this user can open. One that a crash has left is
 * replaced: whoever calls this has the lock of the data directory. Errors: those of bind(2).
 */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer> {
  const { path, methods, onIdle } = options;
  const sockets = new Set<Socket>();
  let calls = 0;
  const server = createServer((socket) => {
    const gone = new AbortController();
    sockets.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      gone.abort();
    });
    const lines = createInterface(socket);
    // Both tell of it, and "close" comes after that.
    for (const each of [socket, lines]) each.on("error", () => undefined);
    lines.on("line", (line) => {
      calls += 1;
      void answer(line, { methods, signal: gone.signal }).then((reply) => {
        calls -= 1;
        if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
        if (calls === 0) onIdle();
      });
    });
  });
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  return {
    get clients() {
      return sockets.size;
    },
    isBusy: () => calls > 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroySoon();
      }),
  };
}

async function answer(
  line: string,
  { methods, signal }: Pick<ControlServerOptions, "methods"> & { signal: AbortSignal },
): Promise<unknown> {
  let id: unknown;
  try {
    const request = JSON.parse(line) as { id?: unknown; method: string; params?: unknown };
    id = request.id;
    const method = methods[request.method];
    if (method === undefined) {
      throw new NexusError("not-implemented", `there is no operation '${request.method}'`);
    }
    const credentials = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0, pid: 0 };
    return { jsonrpc: "2.0", id, result: await method(request.params, { signal, credentials }) };
  } catch (error) {
    const { kind, path } = error instanceof NexusError ? error : { kind: "internal", path: "" };
    const data = { kind, ...(path ? { path } : {}) };
    return { jsonrpc: "2.0", id, error: { code: -32000, message: messageOf(error), data } };
  }
}
