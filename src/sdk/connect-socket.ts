import type { Identity } from "../model/identity.js";
import { RpcCaller } from "../rpc/caller.js";
import {
  INITIALIZE,
  type InitializeRequest,
  PROTOCOL_VERSION,
  parseInitialized,
} from "../rpc/handshake.js";
import { openWebSocket } from "../rpc/open-web-socket.js";
import type { NexusClient } from "./client.js";
import { keptAwake } from "./operations.js";
import { RemoteClient } from "./remote-client.js";

export interface ConnectSocketOptions {
  /** Absolute. */
  readonly dataDir: string;
  readonly identity: Identity;
  /** What the owner's people see: which program asks, and of which nexus-mount it is. */
  readonly client: { readonly name: string; readonly version: string };
}

/**
 * Works on a data directory through the socket of its owner. Undefined when nobody listens there, so that
 * it can be opened in this process. Errors: `not-supported` for an owner of another version, `access-denied`
 * and whatever else the owner refuses the identity with, `io-failure`.
 */
export async function connectSocket(
  options: ConnectSocketOptions,
): Promise<NexusClient | undefined> {
  const { dataDir, identity, client } = options;
  const carrier = await openWebSocket(dataDir);
  if (carrier === undefined) return undefined;
  const caller = new RpcCaller({ carrier, peer: `the owner of ${dataDir}` });
  try {
    const request: InitializeRequest = {
      protocolVersion: PROTOCOL_VERSION,
      identity,
      client: { ...client, pid: process.pid },
    };
    const call = caller.call({ method: INITIALIZE, params: { ...request } });
    const result = parseInitialized(await keptAwake(call.result));
    return RemoteClient.over({ caller, identity: result.identity, dataDir: result.dataDir });
  } catch (error) {
    caller.close();
    throw error;
  }
}
