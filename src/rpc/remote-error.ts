import { ERROR_KINDS, type ErrorKind, messageOf, NexusError } from "../model/errors.js";

/** The codes of JSON-RPC 2.0, section 5.1; everything that a method itself fails with is `failed`. */
export const ERROR_CODES = {
  unreadable: -32700,
  invalidRequest: -32600,
  unknownMethod: -32601,
  invalidParams: -32602,
  internal: -32603,
  failed: -32000,
} as const;

/** An error on its way. */
export interface ErrorMessage {
  readonly code: number;
  readonly message: string;
  readonly data: {
    readonly kind: ErrorKind;
    readonly op?: string;
    readonly path?: string;
    /** It is the failure of the content that the caller sends. */
    readonly isOfUpload?: true;
  };
}

/** An error that the protocol itself answers with, under a code of its own. */
export class ProtocolError extends NexusError {
  readonly code: number;

  constructor(code: number, { kind, message }: { kind: ErrorKind; message: string }) {
    super(kind, message);
    this.name = "ProtocolError";
    this.code = code;
  }
}

/** An error as it is sent: kind, message, operation and path. Never a stack. */
export function errorMessage(error: unknown): ErrorMessage {
  if (!(error instanceof NexusError)) {
    return { code: ERROR_CODES.internal, message: messageOf(error), data: { kind: "internal" } };
  }
  const { kind, message, op, path } = error;
  const data = {
    kind,
    ...(op === undefined ? {} : { op }),
    ...(path === undefined ? {} : { path }),
  };
  return { code: error instanceof ProtocolError ? error.code : ERROR_CODES.failed, message, data };
}

/** The error that was sent, whatever came: of an unknown kind is `internal`. */
export function errorFrom(found: unknown): NexusError {
  const { message, data } = objectOf(found);
  const { kind, op, path } = objectOf(data);
  const isKnown = (name: unknown): name is ErrorKind =>
    (ERROR_KINDS as readonly unknown[]).includes(name);
  return new NexusError(
    isKnown(kind) ? kind : "internal",
    typeof message === "string" ? message : "the other side failed without saying why",
    {
      ...(typeof op === "string" ? { op } : {}),
      ...(typeof path === "string" ? { path } : {}),
    },
  );
}

/** Whether it is what the content that was sent failed with. */
export function isOfUpload(found: unknown): boolean {
  return objectOf(objectOf(found).data).isOfUpload === true;
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
