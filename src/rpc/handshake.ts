import { NexusError } from "../model/errors.js";
import type { Identity } from "../model/identity.js";
import type { AgentId, TenantId } from "../model/ids.js";
import { ERROR_CODES, ProtocolError } from "./remote-error.js";

/** Counts what two sides must agree on: README.md says what belongs to it. */
export const PROTOCOL_VERSION = 1;

/** The first request of a connection that wants to work with the files. */
export const INITIALIZE = "initialize";

const MOST_LABEL_CHARACTERS = 255;

/** Who asks, and as whom. */
export interface InitializeRequest {
  readonly protocolVersion: number;
  readonly identity: Identity;
  readonly client: ClientInfo;
}

/** Of the program that asks: for people who look at the daemon's state. */
export interface ClientInfo {
  readonly name: string;
  /** Of its nexus-mount. */
  readonly version: string;
  readonly pid: number;
}

export interface InitializeResult {
  readonly protocolVersion: number;
  /** Of the owner's nexus-mount. */
  readonly version: string;
  readonly dataDir: string;
  /** As whom the requests are served. */
  readonly identity: Identity;
}

/**
 * What `initialize` asks for. Errors: `not-supported` for another version of the protocol,
 * `invalid-argument` for what isn't as it must be.
 */
export function parseInitialize(
  params: unknown,
  { version }: { readonly version: string },
): InitializeRequest {
  const { protocolVersion, identity, client } = objectOf(params, "initialize");
  const { name, version: clientVersion, pid } = objectOf(client, "client");
  requireSameProtocol({ asked: protocolVersion, clientVersion, version });
  return {
    protocolVersion: PROTOCOL_VERSION,
    identity: identityOf(identity),
    client: {
      name: labelOf(name, "client.name"),
      version: labelOf(clientVersion, "client.version"),
      pid: typeof pid === "number" ? pid : 0,
    },
  };
}

/** What the owner has answered. Errors: `not-supported`, `invalid-argument` as above. */
export function parseInitialized(result: unknown): InitializeResult {
  const { protocolVersion, version, dataDir, identity } = objectOf(result, "the answer");
  if (protocolVersion !== PROTOCOL_VERSION) {
    throw new NexusError(
      "not-supported",
      `the owner of the data (nexus-mount ${version}) speaks protocol ${protocolVersion}, this program ${PROTOCOL_VERSION}: use the same version for both`,
    );
  }
  return {
    protocolVersion,
    version: textOf(version, "version"),
    dataDir: textOf(dataDir, "dataDir"),
    identity: identityOf(identity),
  };
}

/** Of the protocol that a side speaks, and of its nexus-mount. */
interface Versions {
  readonly asked: unknown;
  readonly clientVersion: unknown;
  readonly version: string;
}

/** For a request outside of a client's connection. Errors: `not-supported` as above. */
export function requireSameProtocol(versions: Versions): void {
  if (versions.asked !== PROTOCOL_VERSION) throw otherVersion(versions);
}

function otherVersion({ asked, clientVersion, version }: Versions): ProtocolError {
  const message = `the client (nexus-mount ${clientVersion}) speaks protocol ${asked}, the owner of the data (nexus-mount ${version}) protocol ${PROTOCOL_VERSION}: use the same version for both, and start the owner again after an update`;
  return new ProtocolError(ERROR_CODES.failed, { kind: "not-supported", message });
}

function identityOf(value: unknown): Identity {
  const { tenantId, agentId, isAdmin } = objectOf(value, "identity");
  if (typeof isAdmin !== "boolean") throw wrong("identity.isAdmin", "true or false");
  return {
    isAdmin,
    ...(tenantId === undefined
      ? {}
      : { tenantId: nameOf(tenantId, "identity.tenantId") as TenantId }),
    ...(agentId === undefined ? {} : { agentId: nameOf(agentId, "identity.agentId") as AgentId }),
  };
}

function objectOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw wrong(what, "an object");
  return value as Record<string, unknown>;
}

function nameOf(value: unknown, what: string): string {
  const name = textOf(value, what);
  if (name === "" || name === "." || name === ".." || /[/\0]/.test(name))
    throw wrong(what, "a name");
  return name;
}

/** What is kept for people, as long as the connection is there. */
function labelOf(value: unknown, what: string): string {
  const text = textOf(value, what);
  if (text.length > MOST_LABEL_CHARACTERS) throw wrong(what, "a short text");
  return text;
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== "string") throw wrong(what, "text");
  return value;
}

function wrong(what: string, right: string): ProtocolError {
  const message = `${what} must be ${right}`;
  return new ProtocolError(ERROR_CODES.invalidParams, { kind: "invalid-argument", message });
}
