import { addAbortSignal, type Readable } from "node:stream";

/** All that standard input has, for what is small. */
export async function readStandardInput(stdin: Readable, signal: AbortSignal): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of addAbortSignal(signal, stdin)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
