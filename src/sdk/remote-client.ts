import type { CustomMetadata } from "../features/metadata/custom-metadata.js";
import type { WorkQueue } from "../features/queue/queue.js";
import type { Identity } from "../model/identity.js";
import type { RpcCaller } from "../rpc/caller.js";
import type { NexusClient } from "./client.js";
import { CLIENT_METHODS, type MethodLine } from "./client-methods.js";
import type { Asked } from "./errors.js";
import { Operations } from "./operations.js";
import { OwnerConnection } from "./owner-connection.js";
import { type RemoteCall, RemoteCalls } from "./remote-calls.js";
import { remoteGrep } from "./remote-grep.js";
import { exportRemotely, importRemotely } from "./remote-transfer.js";

export interface RemoteClientOptions {
  /** Connected to who serves the client's methods. The client closes it. */
  readonly caller: RpcCaller;
  /** Finds the owner that there is when the connection was lost; without it the client fails from then on. */
  readonly reopen?: () => Promise<RpcCaller>;
  readonly identity: Identity;
  readonly dataDir: string;
}

/**
 * A {@link NexusClient} whose methods somebody else carries out, at the other end of a connection; grep
 * does so itself, on what it reads there. Files of the host that an export or an import names are those
 * of this process.
 *
 * Errors of all, beyond those of the methods: `io-failure` when the connection is lost, which says whether
 * something may have happened (what is asked after that goes to the next owner, when there is one);
 * `invalid-argument` for what is more than one message may have.
 */
export class RemoteClient {
  readonly identity: Identity;
  readonly dataDir: string;
  readonly #connection: OwnerConnection;
  readonly #calls: RemoteCalls;
  readonly #operations = new Operations();
  #closing: Promise<void> | undefined;

  private constructor({ caller, reopen, identity, dataDir }: RemoteClientOptions) {
    this.identity = identity;
    this.dataDir = dataDir;
    this.#connection = new OwnerConnection({ caller, reopen });
    this.#calls = new RemoteCalls(this.#connection);
  }

  /** The client's methods are made from their table, which names all of them. */
  static over(options: RemoteClientOptions): NexusClient {
    const client = new RemoteClient(options);
    const groups = { metadata: {}, queue: {} };
    const methods: Record<string, unknown> = { ...groups };
    for (const [name, line] of Object.entries(CLIENT_METHODS)) {
      const [group, member] = name.split(".");
      const method = client.#method(name, line);
      if (member === undefined) methods[name] = method;
      else Object.assign(methods[group as keyof typeof groups] as object, { [member]: method });
    }
    const made = methods as Omit<NexusClient, keyof RemoteClient> & {
      readonly metadata: CustomMetadata;
      readonly queue: WorkQueue;
    };
    return Object.assign(client, made);
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#operations.close(async () => this.#connection.close());
      this.#calls.endWaiting();
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #method(name: string, line: MethodLine): (...args: unknown[]) => unknown {
    const call = (args: readonly unknown[]): RemoteCall => ({ name, line, args });
    switch (line.shape) {
      case "iteration":
        return (...args) =>
          this.#operations.iterate(askedOf(call(args)), () => this.#calls.items(call(args)));
      case "local":
        return (...args) =>
          this.#operations.iterate(askedOf(call(args)), () => remoteGrep(this.#calls, args));
      case "download":
        return (...args) =>
          this.#operations.stream(askedOf(call(args)), () => this.#calls.download(call(args)));
      default:
        return (...args) =>
          this.#operations.run(askedOf(call(args)), async () => await this.#answer(call(args)));
    }
  }

  #answer(call: RemoteCall): Promise<unknown> {
    switch (call.line.shape) {
      case "upload":
        return this.#calls.upload(call, call.args[call.line.content ?? 0]);
      case "batch":
        return this.#calls.batch(call);
      case "whole":
        return this.#calls.whole(call);
      case "export":
        return exportRemotely(this.#calls, call);
      case "import":
        return importRemotely(this.#calls, call);
      default:
        return this.#calls.result(call);
    }
  }
}

/** What errors say that was asked for. */
function askedOf({ name, line, args }: RemoteCall): Asked {
  const [path] = args;
  const hasPath = line.path !== undefined && typeof path === "string";
  return { op: line.op ?? name, ...(hasPath ? { path } : {}) };
}
