import type { Credentials } from "../model/identity.js";
import type { Carrier } from "../rpc/carrier.js";
import type { InitializeRequest, InitializeResult } from "../rpc/handshake.js";

/** Who asks for a control method, and whether he still waits for the answer. */
export interface ControlContext {
  /** Of the process at the other end of the socket, from the kernel. */
  readonly credentials: Credentials;
  readonly signal: AbortSignal;
}

/** Methods that concern the owner itself, by their names: `daemon.status`. Their params are not checked. */
export type ControlHandler = Readonly<
  Record<string, (params: unknown, context: ControlContext) => Promise<unknown>>
>;

/** What a client was let in as, and who serves it. */
export interface Admission extends Pick<InitializeResult, "dataDir" | "identity"> {
  /** Leads to the one who serves the client. It is closed with the client's connection, and the other way. */
  readonly carrier: Carrier;
}

/**
 * Decides who may be what, and gets somebody who serves him. A refusal is a NexusError; it is the client's
 * answer.
 */
export type Admit = (request: InitializeRequest, credentials: Credentials) => Promise<Admission>;
