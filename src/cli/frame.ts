import type { Readable } from "node:stream";
import type { Command } from "commander";
import type { Setting, Settings } from "../config/config.js";
import type { HostMount } from "../libc/host-mounts.js";
import { messageOf, NexusError } from "../model/errors.js";
import { canonicalPath } from "../model/path.js";
import type { NexusClient } from "../sdk/client.js";
import type { ControlClient } from "../sdk/daemon-control.js";
import { exitCodeOf } from "./exit-code.js";
import { type Request, requestOf } from "./global-options.js";
import { locate } from "./host-paths.js";
import { Interruption, type SignalSource } from "./interruption.js";
import { Output, type OutputStream } from "./terminal/output.js";
import { type Progress, type ProgressOptions, startProgress } from "./terminal/progress.js";
import { errorLine } from "./terminal/visible.js";

/** What a command has around it: the process's own, or what a test puts there. */
export interface Surroundings {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly signals: SignalSource;
  readonly cwd: () => string;
  readonly readMounts: () => readonly HostMount[];
  readonly now: () => Date;
  /** Opens the store. */
  readonly open: (request: OpenRequest) => Promise<NexusClient>;
  /** Reaches the daemon of a data directory; undefined when there is none. */
  readonly control: (dataDir: string) => Promise<ControlClient | undefined>;
}

export interface OpenRequest {
  readonly settings: Settings;
  readonly configPath: string | undefined;
  /** Whether to wait for a store that another process is about to give back. */
  readonly patience: "some" | "none";
  /** Whether a store that isn't there is made. */
  readonly missingStore: "refuse" | "make";
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Told in words for people when it takes a while. */
  readonly onWait: (message: string) => void;
}

/** What a command does with the store. */
export interface Task {
  /** Arguments that are paths of the namespace, or of the host inside a mount. */
  readonly paths?: readonly string[];
  /** The store to work on unless another one is asked for; otherwise it is looked for. */
  readonly dataDir?: Setting | undefined;
  /** Whether to wait for a store that another process has: some unless told otherwise. */
  readonly patience?: "some" | "none";
  /** Made only for what is of use on an empty store; elsewhere a slip in its name would go unseen. */
  readonly missingStore?: "refuse" | "make";
  /**
   * What Ctrl-C does: the command aborts and leaves nothing half-done, or it ends as every program does.
   * The latter is for what only reads. Handlers never run while a search backtracks; a signal without
   * one ends that, too.
   */
  readonly onSignal?: "abort" | "end";
  run(session: Session): Promise<void>;
}

export interface Session extends Interruptible {
  readonly client: NexusClient;
  /** Those of the task, as paths of the namespace. */
  readonly paths: readonly string[];
}

/** What runs until it is done, or nobody wants it any more. */
export interface Interruptible {
  /** Aborts when the command is to end: Ctrl-C where the task aborts on it, or nobody reads its output. */
  readonly signal: AbortSignal;
  /** Shows how far the command is. */
  progress(options: ProgressOptions): Promise<Progress>;
}

/** What all commands share: where they print, how they get at the store, and how they end. */
export class Frame {
  readonly surroundings: Surroundings;
  readonly output: Output;
  readonly #complaints: Output;
  #exitCode = 0;

  constructor(surroundings: Surroundings) {
    this.surroundings = surroundings;
    this.output = new Output(surroundings.stdout);
    this.#complaints = new Output(surroundings.stderr);
  }

  /** What the command ends with. */
  get exitCode(): number {
    return this.#exitCode;
  }

  /** Ends with this code, if nothing worse happens. */
  endWith(exitCode: number): void {
    this.#exitCode = Math.max(this.#exitCode, exitCode);
  }

  /** Says in one line what went wrong, and ends with the code that it has. */
  async complain(error: unknown): Promise<void> {
    await this.say(describe(error));
    this.endWith(exitCodeOf(error));
  }

  /** A line for people on stderr. */
  async say(message: string): Promise<void> {
    await this.#complaints.write(errorLine(message));
  }

  /**
   * Opens the store that the command line asks for, does the work, and closes it, however that ended.
   * Errors: those of opening and of the work. What was interrupted ends quietly when the reader has
   * gone, and with 130 after Ctrl-C.
   */
  async withClient(
    command: Command,
    { paths: given = [], dataDir, run, ...task }: Task,
  ): Promise<void> {
    const { patience = "some", missingStore = "refuse", onSignal = "abort" } = task;
    const { configPath, settings, paths } = this.locate(command, { paths: given, dataDir });
    await this.#interruptible(onSignal, async ({ signal, progress }) => {
      const client = await this.surroundings.open({
        ...{ settings, configPath, patience, missingStore, signal },
        onWait: (message) => void this.say(message),
      });
      try {
        // Not everything asks the signal, and it may have come while the store was opened.
        signal.throwIfAborted();
        await run({ client, paths, signal, progress });
      } finally {
        await client.close();
      }
    });
  }

  /** The same for what opens no store as a client: Ctrl-C aborts it. */
  async withSignal(run: (session: Interruptible) => Promise<void>): Promise<void> {
    await this.#interruptible("abort", run);
  }

  /** The store that a command line is about, and its paths as paths of the namespace. */
  locate(
    command: Command,
    { paths = [], dataDir }: Pick<Task, "paths" | "dataDir"> = {},
  ): Request & { readonly paths: readonly string[] } {
    const { configPath, settings: asked } = requestOf(command);
    const { readMounts, cwd } = this.surroundings;
    const named = (asked.get("data_dir") ?? dataDir)?.value as string | undefined;
    const located = locate(paths, { cwd, mounts: readMounts(), dataDir: named });
    const { mount } = located;
    const found =
      mount === undefined
        ? dataDir
        : { value: mount.source, source: `the mount at ${mount.mountPoint}` };
    const settings = new Map(asked);
    if (found !== undefined && !asked.has("data_dir")) settings.set("data_dir", found);
    return { configPath, settings, paths: located.paths.map(canonicalPath) };
  }

  /** Does something that Ctrl-C and a closed output end. */
  async #interruptible(
    onSignal: "abort" | "end",
    work: (session: Interruptible) => Promise<void>,
  ): Promise<void> {
    const bars: Progress[] = [];
    const progress = async (options: ProgressOptions) => {
      const bar = await startProgress(this.surroundings.stderr, options);
      bars.push(bar);
      return bar;
    };
    const interruption = new Interruption(
      onSignal === "abort" ? this.surroundings.signals : undefined,
    );
    const endWatch = this.output.watchClosed(interruption.stopQuietly);
    try {
      await work({ signal: interruption.signal, progress });
    } catch (error) {
      if (!interruption.isCauseOf(error)) throw error;
    } finally {
      for (const bar of bars) bar.stop();
      endWatch();
      interruption.close();
    }
    if (interruption.exitCode === undefined) return;
    await this.say("interrupted");
    this.endWith(interruption.exitCode);
  }
}

/** The message, with the path that it is about. */
function describe(error: unknown): string {
  const message = messageOf(error);
  const path = error instanceof NexusError ? error.path : undefined;
  return path === undefined || message.includes(path) ? message : `${path}: ${message}`;
}
