import { once } from "node:events";
import { Readable, Writable } from "node:stream";
import { NexusError } from "../model/errors.js";
import type { Carrier } from "../rpc/carrier.js";
import type { ServedCall } from "../rpc/served-call.js";
import { type Method, RpcServer } from "../rpc/server.js";
import { Batches } from "./batch-contents.js";
import type { NexusClient } from "./client.js";
import { lineOf, type MethodLine } from "./client-methods.js";

export interface ServeClientOptions {
  readonly carrier: Carrier;
  /** Whose methods are served; it is closed at the end. */
  readonly client: NexusClient;
  /** Told of errors that no method should have: they go to the log, with their stack. */
  readonly onUnexpected: (error: unknown, method: string) => void;
  /**
   * When it aborts, what is under way is finished, what only waits is ended, and then the connection is
   * closed. Its reason is told, as text.
   */
  readonly leaving?: AbortSignal;
}

/**
 * Serves a client over a connection, for one who has been admitted. Resolves when the connection is
 * closed, everything that ran for it was aborted, and the client is closed.
 */
export async function serveClient(options: ServeClientOptions): Promise<void> {
  const { carrier, client, onUnexpected, leaving } = options;
  const batches = new Batches();
  const methodOf = (name: string) => {
    const line = lineOf(name);
    return line === undefined || line.shape === "local"
      ? undefined
      : served(client, { name, line, batches });
  };
  const server = new RpcServer({ carrier, methodOf, onUnexpected });
  const leave = () => void server.leave({ reason: String(leaving?.reason), onlyWaits });
  leaving?.addEventListener("abort", leave, { once: true });
  await server.closed;
  leaving?.removeEventListener("abort", leave);
  await client.close();
}

/** Nothing is lost with it: it hasn't happened, or is there again for who asks again. */
function onlyWaits({ method, params }: ServedCall): boolean {
  const { waits, options = 0 } = lineOf(method) ?? {};
  if (waits === undefined || waits === true) return waits === true;
  const given: unknown = Array.isArray(params.args) ? params.args[options] : undefined;
  return typeof given === "object" && given !== null && Reflect.get(given, waits) === true;
}

/** A method of the client, whatever it is called with. */
type AnyMethod = (...args: unknown[]) => unknown;

interface ServedMethod {
  readonly name: string;
  readonly line: MethodLine;
  readonly batches: Batches;
}

/** More than any method has. */
const MOST_ARGUMENTS = 8;

function served(client: NexusClient, { name, line, batches }: ServedMethod): Method {
  const method = methodOf(client, name);
  return async (call) => {
    const args = argumentsOf(call, line);
    switch (line.shape) {
      case "iteration":
        await call.sendItems(method(...args) as AsyncIterable<unknown>);
        return null;
      case "upload":
        args[line.content ?? 0] = call.upload();
        return await method(...args);
      case "batch":
        return await batches.write({ files: args[0], upload: () => call.upload() }, (files) =>
          method(files, ...args.slice(1)),
        );
      case "whole":
        await call.sendWhole(async () => (await method(...args)) as Uint8Array);
        return null;
      case "download":
        await sendStream(call, method(...args) as Readable);
        return null;
      case "export":
        args[0] = targetOf(call);
        return await method(...args);
      case "import":
        args[0] = sourceOf(call);
        return await method(...args);
      case "call":
        return await method(...args);
      case "local":
        throw new NexusError("not-supported", `'${name}' is done by the client`);
    }
  };
}

function methodOf(client: NexusClient, name: string): AnyMethod {
  const parts = name.split(".");
  const last = parts.pop() ?? "";
  const owner = parts.reduce<object>((object, part) => Reflect.get(object, part) as object, client);
  const method = Reflect.get(owner, last) as AnyMethod;
  return (...args) => Reflect.apply(method, owner, args);
}

/** With a signal that ends what nobody waits for any more, and the progress that is wanted. */
function argumentsOf(call: ServedCall, { options: at }: MethodLine): unknown[] {
  const { args } = call.params;
  const given: readonly unknown[] = Array.isArray(args) ? args : [];
  if (given.length > MOST_ARGUMENTS) {
    throw new NexusError("invalid-argument", `there are at most ${MOST_ARGUMENTS} arguments`);
  }
  const all = [...given];
  if (at === undefined) return all;
  const { signal, onProgress } = call;
  const its = all[at];
  if (its !== undefined && (typeof its !== "object" || its === null)) return all;
  all[at] = { ...its, signal, ...(onProgress === undefined ? {} : { onProgress }) };
  return all;
}

async function sendStream(call: ServedCall, stream: Readable): Promise<void> {
  try {
    for await (const chunk of stream) await call.sendBytes(chunk as Uint8Array);
  } finally {
    // What it holds open is given back when it closes.
    stream.destroy();
    if (!stream.closed) await once(stream, "close");
  }
}

/** Fails when nobody takes it any more. Whoever writes to it hears of that. */
function targetOf(call: ServedCall): Writable {
  const target = new Writable({
    write: (chunk: Uint8Array, _, done) => {
      call.sendBytes(chunk).then(() => done(), done);
    },
  });
  return target.on("error", () => undefined);
}

function sourceOf(call: ServedCall): Readable {
  return Readable.from(call.upload(), { objectMode: false }).on("error", () => undefined);
}
