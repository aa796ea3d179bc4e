import { NexusError } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import { RpcCaller } from "../rpc/caller.js";
import {
  INITIALIZE,
  type InitializeRequest,
  type InitializeResult,
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
  const admitted = await admit(options);
  if (admitted === undefined) return undefined;
  const { caller, identity, dataDir } = admitted;
  const reopen = async () => (await admit(options))?.caller ?? gone(dataDir);
  return RemoteClient.over({ caller, identity, dataDir, reopen });
}

async function admit({
  dataDir,
  identity,
  client,
}: ConnectSocketOptions): Promise<(InitializeResult & { caller: RpcCaller }) | undefined> {
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
    return { ...parseInitialized(await keptAwake(call.result)), caller };
  } catch (error) {
    caller.close();
    throw error;
  }
}

/** It isn't opened in this process instead: the next daemon would find it in use, and mount nothing. */
function gone(dataDir: string): never {
  const message = `the owner of ${dataDir} is gone; nothing was done, try again when there is another one, or connect anew`;
  throw new NexusError("io-failure", message, { path: dataDir });
}
