import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ERROR_KINDS, type ErrorKind, NexusError } from "../model/errors.js";

/** What a client may ask of a running daemon. */
export interface ControlClient {
  /** Errors: those of the method; `io-failure` when the daemon is gone before it has answered. */
  call(
    name: string,
    params: unknown,
    options?: { readonly signal?: AbortSignal },
  ): Promise<unknown>;
  close(): void;
}

/** The socket of the daemon that has a data directory. */
export function controlSocketPath(dataDir: string): string {
  return join(dataDir, "nexus.sock");
}

/**
 * Reaches the daemon of a data directory. Undefined when there is none: nobody has the directory, or a
 * program that uses the library. Errors: `access-denied` (somebody else's), `io-failure`.
 */
export async function connectControl(dataDir: string): Promise<ControlClient | undefined> {
  const socket = connect(controlSocketPath(dataDir));
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") return undefined;
    const kind = code === "EACCES" || code === "EPERM" ? "access-denied" : "io-failure";
    const what = `the daemon of ${dataDir} can't be reached`;
    throw new NexusError(kind, `${what}: ${message}`, { path: dataDir, cause: error });
  }
  return new LineClient(socket);
}

interface Answer {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: NexusError) => void;
}

/** JSON-RPC 2.0, a message on each line. */
class LineClient implements ControlClient {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Answer>();
  #lastId = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    const lines = createInterface(socket).on("line", (line) => this.#hear(line));
    // Both tell of it, and "close" comes after that.
    for (const each of [socket, lines]) each.on("error", () => undefined);
    socket.on("close", () => {
      const error = new NexusError("io-failure", "the daemon is gone");
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
  }

  call(name: string, params: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<unknown> {
    if (this.#socket.destroyed) {
      return Promise.reject(new NexusError("io-failure", "the daemon is gone"));
    }
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      signal?.addEventListener("abort", () => {
        if (this.#waiting.delete(id)) reject(signal.reason);
      });
      this.#socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, method: name, params })}\n`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #hear(line: string): void {
    const message = JSON.parse(line) as {
      id: number;
      result?: unknown;
      error?: { message: string; data?: { kind?: string; path?: string } };
    };
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) {
      waiting?.resolve(message.result);
      return;
    }
    const { message: text, data } = message.error;
    const kind: ErrorKind = ERROR_KINDS.find((each) => each === data?.kind) ?? "internal";
    const details = data?.path === undefined ? {} : { path: data.path };
    waiting?.reject(new NexusError(kind, text, details));
  }
}
