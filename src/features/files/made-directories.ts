import type { Caller } from "../../model/identity.js";
import type { Ino } from "../../model/ids.js";
import type { FileSystem } from "../../vfs/file-system.js";

interface MadeDirectory {
  readonly parent: Ino;
  readonly name: string;
  readonly ino: Ino;
}

/** The directories that an operation made on its way, which shall not outlive its failure. */
export class MadeDirectories {
  readonly #fs: FileSystem;
  readonly #caller: Caller;
  readonly #made: MadeDirectory[] = [];

  constructor({ fs, caller }: { readonly fs: FileSystem; readonly caller: Caller }) {
    this.#fs = fs;
    this.#caller = caller;
  }

  /** In the order in which they are made, while the look-up of each is held. */
  add(directory: MadeDirectory): void {
    this.#made.push(directory);
  }

  /**
   * Removes those that are still empty, the innermost first. One that somebody has filled or moved
   * meanwhile stays, as does one that can't be removed: why the operation failed is what its caller has
   * to hear of.
   */
  async removeEmpty(): Promise<void> {
    for (const directory of this.#made.splice(0).reverse()) {
      try {
        if (await this.#isThere(directory)) await this.#fs.rmdir(this.#caller, directory);
      } catch {
        // It stays.
      }
    }
  }

  /** Somebody else's directory may have the name by now. */
  async #isThere({ parent, name, ino }: MadeDirectory): Promise<boolean> {
    const entry = await this.#fs.lookup(this.#caller, { parent, name });
    if (entry === undefined) return false;
    this.#fs.forget({ ino: entry.ino, count: 1 });
    return entry.ino === ino;
  }
}
