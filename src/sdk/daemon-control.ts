import { RpcCaller } from "../rpc/caller.js";
import { openWebSocket } from "../rpc/open-web-socket.js";
import { keptAwake } from "./operations.js";

/** What a client may ask of a running daemon. */
export interface ControlClient {
  /**
   * Errors: those of the method; `io-failure` when the daemon is gone before it has answered; the
   * signal's reason when that aborts.
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
 * program that uses the library. Errors: `access-denied` (somebody else's), `io-failure`.
 */
export async function connectControl(dataDir: string): Promise<ControlClient | undefined> {
  const carrier = await openWebSocket(dataDir);
  if (carrier === undefined) return undefined;
  const caller = new RpcCaller({ carrier, peer: `the daemon of ${dataDir}` });
  return {
    call: async (method, params, { signal } = {}) => {
      try {
        return await keptAwake(caller.call({ method, params, signal }).result);
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      }
    },
    close: () => caller.close(),
  };
}
