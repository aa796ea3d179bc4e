import type { SingleBar } from "cli-progress";
import { humanSize } from "./human.js";
import type { OutputStream } from "./output.js";

/** Quicker work needs no bar. */
const QUIET_MS = 500;

export interface ProgressState {
  /** What has been done, of `total` if that is known. */
  readonly done: number;
  /** What there is to say of it: `12 files`. */
  readonly note?: string;
}

export interface ProgressOptions {
  /** What is going on, in a word or two. */
  readonly label: string;
  /** In bytes; without it there is no bar, and only the notes are shown. */
  readonly totalBytes?: number | undefined;
}

/** Shows how far something is, on a terminal alone and only when it takes long. */
export interface Progress {
  update(state: ProgressState): void;
  /** Takes the bar away. */
  stop(): void;
}

const SILENT: Progress = { update: () => undefined, stop: () => undefined };

/** Where nobody looks, nothing is shown and nothing is loaded. */
export async function startProgress(
  stream: OutputStream,
  { label, totalBytes }: ProgressOptions,
): Promise<Progress> {
  if (stream.isTTY !== true) return SILENT;
  const { default: library } = await import("cli-progress");
  const start = performance.now();
  let bar: SingleBar | undefined;
  return {
    update: ({ done, note = "" }) => {
      const payload = { label, note };
      if (bar !== undefined) return bar.update(done, payload);
      if (performance.now() - start < QUIET_MS) return;
      bar = new library.SingleBar({
        stream,
        format:
          totalBytes === undefined ? "{label}  {note}" : "{label} {bar} {percentage}%  {note}",
        barCompleteChar: "█",
        barIncompleteChar: "░",
        barsize: 30,
        clearOnComplete: true,
        // The terminal stays as it is: who is killed can't put its cursor or its line wrapping back.
        hideCursor: false,
        linewrap: true,
        // Ctrl-C is the command's business.
        gracefulExit: false,
      });
      bar.start(totalBytes ?? 0, done, payload);
    },
    stop: () => bar?.stop(),
  };
}

/** `12.3M of 80M`. */
export function ofBytes(done: number, total: number): string {
  return `${humanSize(done)} of ${humanSize(total)}`;
}

/** A bar over bytes, of which the number is known only after a while. */
export class BytesBar {
  readonly #options: {
    readonly label: string;
    readonly progress: (options: ProgressOptions) => Promise<Progress>;
  };
  #bar: Progress | undefined;
  #totalBytes = 0;

  constructor(options: {
    label: string;
    progress: (options: ProgressOptions) => Promise<Progress>;
  }) {
    this.#options = options;
  }

  async begin(totalBytes: number): Promise<void> {
    const { label, progress } = this.#options;
    this.#totalBytes = totalBytes;
    this.#bar = await progress({ label, totalBytes });
  }

  /** Shows nothing before it was begun. */
  update(doneBytes: number): void {
    this.#bar?.update({ done: doneBytes, note: ofBytes(doneBytes, this.#totalBytes) });
  }

  stop(): void {
    this.#bar?.stop();
  }
}
