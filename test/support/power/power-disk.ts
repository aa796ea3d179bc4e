import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeTempDir } from "../temp-dir.js";
import type { DiskAnswer, DiskCall, DiskRequest } from "./disk-messages.js";
import type { SurvivalMode } from "./survival.js";

const RUNNER = fileURLToPath(new URL("../typescript-process.mjs", import.meta.url));
const DISK = fileURLToPath(new URL("disk-process.ts", import.meta.url));

/** A disk that can lose power: a file system in another process's memory. `remove` it in `finally`. */
export class PowerDisk {
  /** Where it is mounted. */
  readonly path: string;
  readonly #base: string;
  readonly #process: ChildProcess;

  private constructor() {
    this.#base = makeTempDir();
    this.path = join(this.#base, "disk");
    mkdirSync(this.path);
    this.#process = fork(RUNNER, [DISK], { execArgv: [] });
  }

  /** A new one, empty and mounted. */
  static async start(): Promise<PowerDisk> {
    const disk = new PowerDisk();
    try {
      await disk.#ask({ kind: "mount", mountPoint: disk.path });
      return disk;
    } catch (error) {
      await disk.remove();
      throw error;
    }
  }

  /**
   * Cuts the power and gives it back. Nothing reaches the disk after the call; `kill` then ends who uses it, and
   * needn't wait until they are gone. When this resolves, the disk is mounted again with what survived.
   */
  async losePower({
    mode,
    seed,
    kill = () => undefined,
  }: {
    mode: SurvivalMode;
    seed: number;
    kill?: () => void;
  }): Promise<void> {
    await this.#ask({ kind: "freeze" });
    kill();
    await this.#ask({ kind: "cut", mode, seed });
    await this.#ask({ kind: "mount", mountPoint: this.path });
  }

  /** From now on these calls fail with EIO, each in `share` of the cases; without any, all work again. */
  async fail(calls: readonly DiskCall[], { share = 1, seed = 1 } = {}): Promise<void> {
    await this.#ask({ kind: "fail", calls, share, seed });
  }

  async remove(): Promise<void> {
    const ended = once(this.#process, "exit");
    if (this.#process.connected) this.#process.disconnect();
    if (this.#process.exitCode === null && this.#process.signalCode === null) await ended;
    rmSync(this.#base, { recursive: true, force: true });
  }

  async #ask(request: DiskRequest): Promise<void> {
    const { failure } = await new Promise<DiskAnswer>((resolve, reject) => {
      const ended = () => reject(new Error("the process that is the disk has ended"));
      this.#process.once("exit", ended);
      this.#process.once("message", (answer: DiskAnswer) => {
        this.#process.off("exit", ended);
        resolve(answer);
      });
      this.#process.send(request);
    });
    if (failure !== undefined) throw new Error(failure);
  }
}
