import { NexusError } from "../model/errors.js";
import type { Credentials } from "../model/identity.js";
import type { Carrier, CarrierListener, Frame } from "../rpc/carrier.js";
import {
  INITIALIZE,
  type InitializeResult,
  PROTOCOL_VERSION,
  parseInitialize,
} from "../rpc/handshake.js";
import { type Message, messageFrame, parseMessage } from "../rpc/message.js";
import { relay } from "../rpc/relay.js";
import { errorMessage } from "../rpc/remote-error.js";
import { type Method, RpcServer } from "../rpc/server.js";
import type { Admit, ControlHandler } from "./control.js";

export interface ConnectionOptions {
  readonly carrier: Carrier;
  readonly credentials: Credentials;
  readonly control: ControlHandler;
  readonly admit: Admit;
  /** Of this nexus-mount. */
  readonly version: string;
  /** Told of what is no NexusError. */
  readonly onUnexpected: (error: unknown, method: string) => void;
}

type Request = Extract<Message, { type: "request" }>;

/**
 * Serves one connection to its end. At first it has the control methods and `initialize`. Once that has let
 * the client in, everything is passed on to who serves him.
 */
export async function serveConnection(options: ConnectionOptions): Promise<void> {
  const { carrier } = options;
  let listener: CarrierListener | undefined;
  // The control methods see the connection until it is passed on; then it seems closed to them.
  const server = serveControl(options, (controlListener) => {
    listener = controlListener;
  });
  const admitted = new Promise<Carrier | undefined>((resolve) => {
    carrier.listen({
      onFrame: (frame) => {
        const request = initializeIn(frame);
        if (request === undefined) return listener?.onFrame(frame);
        // Nothing else is listened to meanwhile.
        return initialize(request, { ...options, underWay: server.underWay }).then((to) => {
          if (to !== undefined) resolve(to);
        });
      },
      onClose: () => resolve(undefined),
    });
  });
  const to = await admitted;
  const relaying = to === undefined ? undefined : relay(carrier, to);
  listener?.onClose(undefined);
  await Promise.all([relaying, server.closed]);
}

function serveControl(
  { carrier, credentials, control, onUnexpected }: ConnectionOptions,
  listen: (listener: CarrierListener) => void,
): RpcServer {
  const methodOf = (name: string): Method | undefined => {
    const method = Object.hasOwn(control, name) ? control[name] : undefined;
    return method && (({ params, signal }) => method(params, { credentials, signal }));
  };
  const seen: Carrier = {
    send: (frame) => carrier.send(frame),
    get isFull() {
      return carrier.isFull;
    },
    drained: () => carrier.drained(),
    listen,
    close: (reason) => carrier.close(reason),
  };
  return new RpcServer({ carrier: seen, methodOf, onUnexpected });
}

/** The request to be let in, if that is what a frame is. What is malformed is answered elsewhere. */
function initializeIn(frame: Frame): Request | undefined {
  if (typeof frame !== "string" || !frame.includes(INITIALIZE)) return undefined;
  try {
    const message = parseMessage(frame, "caller");
    return message.type === "request" && message.method === INITIALIZE ? message : undefined;
  } catch {
    return undefined;
  }
}

/** Answers the request. Gives who serves the client, if he is let in. */
async function initialize(
  { id, params }: Request,
  options: ConnectionOptions & { readonly underWay: number },
): Promise<Carrier | undefined> {
  const { carrier, credentials, version, admit, onUnexpected, underWay } = options;
  try {
    const request = parseInitialize(params, { version });
    if (underWay > 0) {
      const message = `${INITIALIZE} has to be the only request under way`;
      throw new NexusError("invalid-argument", message);
    }
    const { dataDir, identity, carrier: to } = await admit(request, credentials);
    const result: InitializeResult = {
      protocolVersion: PROTOCOL_VERSION,
      version,
      dataDir,
      identity,
    };
    carrier.send(messageFrame({ id, result }));
    return to;
  } catch (error) {
    if (!(error instanceof NexusError)) onUnexpected(error, INITIALIZE);
    carrier.send(JSON.stringify({ jsonrpc: "2.0", id, error: errorMessage(error) }));
    return undefined;
  }
}
