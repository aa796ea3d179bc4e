import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { MessageChannel } from "node:worker_threads";
import { onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { RpcCaller } from "../../src/rpc/caller.js";
import type { Carrier, Frame } from "../../src/rpc/carrier.js";
import { PortCarrier } from "../../src/rpc/port-carrier.js";
import { relay } from "../../src/rpc/relay.js";
import { type Method, RpcServer } from "../../src/rpc/server.js";
import {
  CALLER_SOCKET_OPTIONS,
  SERVER_SOCKET_OPTIONS,
  WebSocketCarrier,
} from "../../src/rpc/web-socket-carrier.js";

/** Two ends of a connection. */
export type Pair = readonly [Carrier, Carrier];

function ports(): Pair {
  const { port1, port2 } = new MessageChannel();
  return [new PortCarrier(port1), new PortCarrier(port2)];
}

async function webSockets(): Promise<Pair> {
  const http = createServer().listen(0, "127.0.0.1");
  await once(http, "listening");
  const server = new WebSocketServer({ server: http, ...SERVER_SOCKET_OPTIONS });
  const { port } = http.address() as AddressInfo;
  const near = new WebSocket(`ws://127.0.0.1:${port}`, CALLER_SOCKET_OPTIONS);
  const opened = once(near, "open");
  const [far] = (await once(server, "connection")) as [WebSocket];
  const pair = [new WebSocketCarrier(near), new WebSocketCarrier(far)] as const;
  await opened;
  onTestFinished(() => {
    near.terminate();
    far.terminate();
    server.close();
    http.close();
  });
  return pair;
}

/** A socket, and behind it a port, as a daemon's client has it. */
async function relayed(): Promise<Pair> {
  const [near, middle] = await webSockets();
  const [other, far] = ports();
  void relay(middle, other);
  return [near, far];
}

/** Every way in which two sides are connected. */
export const PAIRS: Readonly<Record<string, () => Pair | Promise<Pair>>> = {
  "a port": ports,
  "a WebSocket": webSockets,
  "a WebSocket with a port behind it": relayed,
};

/** Counts what is sent on a carrier. */
export function counted(carrier: Carrier): Carrier & { readonly sentBytes: number } {
  let sentBytes = 0;
  return {
    get sentBytes() {
      return sentBytes;
    },
    send(frame: Frame) {
      sentBytes += frame.length;
      carrier.send(frame);
    },
    get isFull() {
      return carrier.isFull;
    },
    drained: () => carrier.drained(),
    listen: (listener) => carrier.listen(listener),
    close: (reason) => carrier.close(reason),
  };
}

/** One who asks, and one who serves these methods. */
export async function connected(
  pair: () => Pair | Promise<Pair>,
  methods: Readonly<Record<string, Method>>,
) {
  const [near, far] = await pair();
  const carrier = counted(far);
  const unexpected: unknown[] = [];
  const server = new RpcServer({
    carrier,
    methodOf: (name) => methods[name],
    onUnexpected: (error) => unexpected.push(error),
  });
  const caller = new RpcCaller({ carrier: near, peer: "the other side" });
  onTestFinished(async () => {
    caller.close();
    await server.closed;
  });
  const call = (method: string, args: readonly unknown[] = []) =>
    caller.call({ method, params: { args } });
  return { caller, call, server, carrier, near, unexpected };
}
