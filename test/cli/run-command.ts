import { EventEmitter } from "node:events";
import { PassThrough, Readable, Writable } from "node:stream";
import type { OpenRequest, Surroundings } from "../../src/cli/frame.js";
import { runNexus } from "../../src/cli/run.js";
import type { OutputStream } from "../../src/cli/terminal/output.js";
import type { NexusClient } from "../../src/sdk/client.js";

/** How a command ended in this process, and what it printed. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  /** The same, byte for byte. */
  readonly printed: Buffer;
  readonly stderr: string;
  /** With which it opened the store; empty when it didn't. */
  readonly opened: readonly OpenRequest[];
}

export interface RunOptions {
  readonly client?: NexusClient;
  readonly stdin?: Readable & { isTTY?: boolean };
  /** What stdout is; a pipe by default. */
  readonly stdout?: "pipe" | "terminal" | "colours";
  /** What stderr is; a pipe by default. */
  readonly stderr?: "pipe" | "terminal";
  readonly surroundings?: Partial<Surroundings>;
}

/** The clock of these commands. */
export const NOW = new Date("2026-06-15T12:00:00Z");

/** Keeps what is printed; `isTTY` and `hasColors` as a terminal has them. */
export class Screen extends Writable {
  readonly #chunks: Buffer[] = [];
  readonly columns = 80;
  readonly isTTY: boolean;
  readonly #colours: boolean;

  constructor(kind: "pipe" | "terminal" | "colours" = "pipe") {
    super({ decodeStrings: true });
    this.isTTY = kind !== "pipe";
    this.#colours = kind === "colours";
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.bytes.toString();
  }

  hasColors(): boolean {
    return this.#colours;
  }

  // cli-progress moves the cursor with these.
  cursorTo(): void {}
  clearLine(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }
}

/** A standard input with this text in it. */
export function input(text: string): Readable {
  return Readable.from([Buffer.from(text)]);
}

/** A standard input that somebody could type at, and doesn't. */
export function keyboard(): Readable & { isTTY: boolean } {
  return Object.assign(new PassThrough(), { isTTY: true });
}

/** Runs a command line in this process, on a store that a test brings. */
export async function runCommand(
  args: readonly string[],
  { client, stdin = input(""), stdout, stderr, surroundings = {} }: RunOptions = {},
): Promise<Ran> {
  const screen = new Screen(stdout);
  const complaints = new Screen(stderr);
  const opened: OpenRequest[] = [];
  const code = await runNexus(args, {
    stdin,
    stdout: screen as unknown as OutputStream,
    stderr: complaints as unknown as OutputStream,
    signals: new EventEmitter(),
    cwd: () => "/home/ada",
    readMounts: () => [],
    now: () => NOW,
    open: async (request) => {
      opened.push(request);
      if (client === undefined) throw new Error("this command was to open no store");
      return client;
    },
    control: async () => undefined,
    ...surroundings,
  });
  return {
    ...{ code, opened },
    ...{ stdout: screen.text, printed: screen.bytes, stderr: complaints.text },
  };
}
