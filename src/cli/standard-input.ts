import { addAbortSignal, type Readable } from "node:stream";

/** Standard input, which ends with an error for its reader when the signal aborts. */
export function untilAborted(stdin: Readable, signal: AbortSignal): Readable {
  // Who reads it hears of the error. When nobody does, at that moment, it must not end the process.
  stdin.on("error", () => undefined);
  return addAbortSignal(signal, stdin);
}

/** All that standard input has, for what is small. */
export async function readStandardInput(stdin: Readable, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of untilAborted(stdin, signal)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
