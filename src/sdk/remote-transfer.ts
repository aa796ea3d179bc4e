import { createReadStream } from "node:fs";
import type { Writable } from "node:stream";
import { hostCall, writeWhole } from "../features/transfer/whole-file.js";
import type { RemoteCall, RemoteCalls } from "./remote-calls.js";

/** An export to a stream of this process, or to a file of its host, which is there once it is complete. */
export async function exportRemotely(calls: RemoteCalls, call: RemoteCall): Promise<unknown> {
  const [target] = call.args;
  const write = (stream: Writable) => calls.export(call, stream);
  return typeof target === "string"
    ? await writeWhole(target, write)
    : await write(target as Writable);
}

/** An import from a stream of this process, or from a file of its host. */
export async function importRemotely(calls: RemoteCalls, call: RemoteCall): Promise<unknown> {
  const [source] = call.args;
  if (typeof source !== "string") return await calls.upload(call, source);
  // Opened when the other side wants to read it.
  const content = {
    [Symbol.asyncIterator]: () => createReadStream(source)[Symbol.asyncIterator](),
  };
  return await hostCall(source, () => calls.upload(call, content));
}
