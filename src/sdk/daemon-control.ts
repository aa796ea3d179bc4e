import { RpcCaller } from "../rpc/caller.js";
import { openWebSocket } from "../rpc/open-web-socket.js";
import { keptAwake } from "./operations.js";

/** How long a daemon may take to say that it is there. */
const CONNECT_MS = 5000;

/** What a client may ask of a running daemon. */
export interface ControlClient {
  /**
   * Errors: those of the method; `io-failure` when the daemon is gone before it has answered; the
   * signal's reason when that aborts, also if the daemon doesn't answer to anything.
   */
  call(
    name: string,
    params: Readonly<Record<string, unknown>>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<unknown>;
  close(): void;
}

/**
 * Reaches the daemon of a data directory. Undefined when there is none: nobody has the directory, or a
 * program that uses the library. Errors: `access-denied` (somebody else's), `io-failure`, also when the
 * daemon doesn't answer within `limitMs`.
 */
export async function connectControl(
  dataDir: string,
  { limitMs = CONNECT_MS }: { readonly limitMs?: number } = {},
): Promise<ControlClient | undefined> {
  const carrier = await openWebSocket(dataDir, { limitMs });
  if (carrier === undefined) return undefined;
  const caller = new RpcCaller({ carrier, peer: `the daemon of ${dataDir}` });
  return {
    call: async (method, params, { signal } = {}) => {
      const { result } = caller.call({ method, params, signal });
      try {
        return await keptAwake(signal === undefined ? result : unlessAborted(result, signal));
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      }
    },
    close: () => caller.close(),
  };
}

/** The same, but it doesn't wait for the answer to the cancellation: none may come. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return await new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    const forget = () => signal.removeEventListener("abort", abort);
    promise.then(resolve, reject).finally(forget);
  });
}
