import type { Nexus } from "../compose.js";
import { NexusError } from "../model/errors.js";

type Hold = ReturnType<Nexus["hold"]>;

/** The holds of a store, on its thread, by the names that their askers have given them. */
export class Holds {
  readonly #nexus: Pick<Nexus, "hold">;
  readonly #holds = new Map<string, Hold>();

  constructor(nexus: Pick<Nexus, "hold">) {
    this.#nexus = nexus;
  }

  /** Resolves when it has begun. Errors: `already-exists`, those of the hold. */
  async begin(name: string): Promise<undefined> {
    if (this.#holds.has(name)) throw new NexusError("already-exists", `there is a hold ${name}`);
    const hold = this.#nexus.hold();
    this.#holds.set(name, hold);
    await hold.begin();
    return undefined;
  }

  /** Errors: `not-found`. */
  of(name: string): Hold {
    const hold = this.#holds.get(name);
    if (hold === undefined) throw new NexusError("not-found", `there is no hold ${name}`);
    return hold;
  }

  letStagedGo(name: string): undefined {
    this.of(name).letStagedGo();
    return undefined;
  }

  /** One that there isn't has ended already. */
  end(name: string): void {
    this.#holds.get(name)?.end();
    this.#holds.delete(name);
  }
}
