import { filesOf, type History } from "./history.js";
import type { TrackedFile } from "./tracked-file.js";

/**
 * What a sync makes durable, of all workloads on one store: the bytes of its file, and of names and attributes all
 * that was acknowledged before, whoever asked for it, with the contents that were sealed by then.
 */
export class Syncs {
  readonly #histories: readonly History[];

  constructor(histories: readonly History[]) {
    this.#histories = histories;
  }

  /** Notes what a sync that begins now will cover; what is returned is called when it has succeeded. */
  begin(file?: TrackedFile): () => void {
    const steps = this.#histories.map((history) => [history, history.step] as const);
    const sealed = this.#histories
      .flatMap((history) => [...filesOf(history.now)])
      .map((each) => [each, each.sealedVersion] as const);
    const version = file?.version ?? -1;
    return () => {
      for (const [history, step] of steps) history.noteSynced(step);
      for (const [each, sealedVersion] of sealed) each.noteDurable(sealedVersion);
      file?.noteDurable(version);
    };
  }
}
