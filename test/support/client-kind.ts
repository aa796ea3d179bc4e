import { rmSync } from "node:fs";
import { MessageChannel } from "node:worker_threads";
import { onTestFinished } from "vitest";
import type { Features } from "../../src/features/features.js";
import { NexusError } from "../../src/model/errors.js";
import type { Identity } from "../../src/model/identity.js";
import { RpcCaller } from "../../src/rpc/caller.js";
import type { Carrier, CarrierListener, Frame } from "../../src/rpc/carrier.js";
import { INITIALIZE, PROTOCOL_VERSION, parseInitialized } from "../../src/rpc/handshake.js";
import { openWebSocket } from "../../src/rpc/open-web-socket.js";
import { PortCarrier } from "../../src/rpc/port-carrier.js";
import type { NexusClient } from "../../src/sdk/client.js";
import { LocalClient } from "../../src/sdk/local-client.js";
import { RemoteClient } from "../../src/sdk/remote-client.js";
import { serveClient } from "../../src/sdk/serve-client.js";
import { SocketServer } from "../../src/server/socket-server.js";
import { silentLogger } from "./silent-logger.js";
import { makeTempDir } from "./temp-dir.js";

/** How the suites of the library reach it: each is run once for each of these. */
export type ClientKind = "in process" | "over a port" | "over a socket";

/** The kind that this run of the suites is for. */
export function clientKind(): ClientKind {
  const kind = process.env.TEST_CLIENT_KIND ?? "in process";
  if (kind === "in process" || kind === "over a port" || kind === "over a socket") return kind;
  throw new Error(`TEST_CLIENT_KIND is ${kind}`);
}

/** The same features, as this run's kind of client has them: with errors as the features have them. */
export function featuresOf(features: Features, identity: Identity): Features {
  if (clientKind() === "in process") return features;
  const client = remoteOf(bare(features, identity));
  return {
    caller: features.caller,
    files: unwrapping(client),
    metadata: unwrapping(client.metadata),
    search: client,
    queue: unwrapping(client.queue),
    transfer: unwrapping(client),
    watching: unwrapping(client),
    close: () => void client.close(),
  };
}

/** What was asked for so far has reached who serves it. */
export async function arrived(): Promise<void> {
  // Some may be closed already.
  await Promise.allSettled([...CLIENTS].map((client) => client.exists("/")));
}

const CLIENTS = new Set<NexusClient>();

/** Features with the looks of a client. */
function bare(features: Features, identity: Identity): NexusClient {
  const { files, search, transfer, watching, metadata, queue } = features;
  const own = { identity, dataDir: "/", metadata, queue, close: async () => features.close() };
  return new Proxy(own, {
    get: (_, key) => {
      const owner = [own, files, search, transfer, watching].find((each) => key in each) ?? own;
      const member: unknown = Reflect.get(owner, key, owner);
      return typeof member === "function" ? member.bind(owner) : member;
    },
  }) as NexusClient;
}

/** A client gives errors another class and names in them what was asked; this is without that. */
function unwrapping<T extends object>(target: T): T {
  const unwrapped = (error: unknown) => {
    throw error instanceof NexusError && error.cause instanceof NexusError ? error.cause : error;
  };
  return new Proxy(target, {
    get: (_, key) => {
      const method: unknown = Reflect.get(target, key, target);
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => {
        const result: unknown = Reflect.apply(method, target, args);
        return result instanceof Promise ? result.catch(unwrapped) : result;
      };
    },
  });
}

/** A client of this run's kind on features that are in this process. */
export function clientOf(
  features: Features,
  { identity, dataDir }: { readonly identity: Identity; readonly dataDir: string },
): NexusClient {
  const release = async () => undefined;
  const local = new LocalClient({ identity, dataDir, features, release });
  return clientKind() === "in process" ? local : remoteOf(local);
}

/** A remote client of this run's kind, for which this one does the work. */
function remoteOf(client: NexusClient): NexusClient {
  const isPort = clientKind() === "over a port";
  const carrier = isPort ? portTo(client) : new LateCarrier(socketTo(client));
  const caller = new RpcCaller({ carrier, peer: "the test" });
  const { identity, dataDir } = client;
  const remote = RemoteClient.over({ caller, identity, dataDir });
  CLIENTS.add(remote);
  onTestFinished(() => {
    CLIENTS.delete(remote);
    caller.close();
  });
  return remote;
}

/** Leads to one who serves the client. */
export function portTo(client: NexusClient): Carrier {
  const { port1, port2 } = new MessageChannel();
  void serveClient({ carrier: new PortCarrier(port2), client, onUnexpected: () => undefined });
  return new PortCarrier(port1);
}

/** The same through a real socket, and from there through the relay. */
async function socketTo(client: NexusClient): Promise<Carrier> {
  const { dataDir } = await Owner.ofTest();
  const name = Owner.register(client);
  const carrier = await openWebSocket(dataDir);
  if (carrier === undefined) throw new Error("nobody listens");
  const first = new RpcCaller({ carrier, peer: "the test" });
  const { identity } = client;
  const asClient = { name, version: "0", pid: process.pid };
  const params = { protocolVersion: PROTOCOL_VERSION, identity, client: asClient };
  parseInitialized(await first.call({ method: INITIALIZE, params }).result);
  return carrier;
}

/** Who listens on a socket for the clients of the test that runs. */
class Owner {
  static #clients = new Map<string, NexusClient>();
  static #current: Promise<Owner> | undefined;
  readonly dataDir: string;

  private constructor(dataDir: string) {
    this.dataDir = dataDir;
  }

  static register(client: NexusClient): string {
    const name = `client ${Owner.#clients.size + 1}`;
    Owner.#clients.set(name, client);
    return name;
  }

  static ofTest(): Promise<Owner> {
    Owner.#current ??= Owner.#open();
    return Owner.#current;
  }

  static async #open(): Promise<Owner> {
    const dataDir = makeTempDir();
    const server = await SocketServer.listen({
      dataDir,
      control: {},
      admit: async ({ identity, client: { name } }) => {
        const client = Owner.#clients.get(name);
        if (client === undefined) throw new Error(`there is no ${name}`);
        return { identity, dataDir, carrier: portTo(client) };
      },
      health: () => ({ isHealthy: true }),
      version: "0",
      logger: silentLogger,
    });
    onTestFinished(async () => {
      Owner.#current = undefined;
      Owner.#clients.clear();
      await server.close();
      rmSync(dataDir, { recursive: true, force: true });
    });
    return new Owner(dataDir);
  }
}

/** Keeps what is sent until the carrier behind it is there. */
class LateCarrier implements Carrier {
  readonly isFull = false;
  readonly #carrier: Promise<Carrier>;
  #inner: Carrier | undefined;

  constructor(carrier: Promise<Carrier>) {
    this.#carrier = carrier.then((inner) => {
      this.#inner = inner;
      return inner;
    });
  }

  send(frame: Frame): void {
    if (this.#inner !== undefined) this.#inner.send(frame);
    else void this.#carrier.then((carrier) => carrier.send(frame));
  }

  async drained(): Promise<void> {
    await (await this.#carrier).drained();
  }

  listen(listener: CarrierListener): void {
    void this.#carrier.then((carrier) => carrier.listen(listener));
  }

  close(reason?: string): void {
    void this.#carrier.then((carrier) => carrier.close(reason));
  }
}
