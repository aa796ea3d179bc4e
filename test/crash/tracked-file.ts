/** One file of a workload, under whatever names: what it had, and how much of that must survive a power failure. */
export class TrackedFile {
  /** All that it had, oldest first; what is older than the last durable one is forgotten. */
  readonly #versions: Buffer[] = [Buffer.alloc(0)];
  /** How many of them were forgotten. */
  #forgotten = 0;
  /** The newest version that a sync covered; -1 for none. */
  #durable = -1;
  /** The newest version that is known to be sealed. */
  #sealed = -1;
  /** Renames over another file: the version is durable if the names are at that step, or a later one. */
  #replacements: { readonly step: number; readonly version: number }[] = [];

  get bytes(): Buffer {
    return this.#versions.at(-1) ?? Buffer.alloc(0);
  }

  get version(): number {
    return this.#forgotten + this.#versions.length - 1;
  }

  change(bytes: Buffer): void {
    this.#versions.push(bytes);
  }

  noteSealed(): void {
    this.#sealed = this.version;
  }

  get sealedVersion(): number {
    return this.#sealed;
  }

  noteDurable(version: number): void {
    this.#durable = Math.max(this.#durable, version);
    const needless = this.#durable - this.#forgotten;
    if (needless > 0) this.#versions.splice(0, needless);
    this.#forgotten += Math.max(0, needless);
  }

  noteReplacement(step: number): void {
    this.#replacements.push({ step, version: this.version });
  }

  /** What came after this step never happened. */
  forgetAfter(step: number): void {
    this.#replacements = this.#replacements.filter((each) => each.step <= step);
    this.#sealed = -1;
  }

  /**
   * What it may have after a power failure that left the names as they were at this step: exactly the last of them
   * if there is one, else a mixture.
   */
  survivors(step: number): { readonly versions: readonly Buffer[]; readonly isDurable: boolean } {
    let durable = this.#durable;
    for (const each of this.#replacements) {
      if (each.step <= step) durable = Math.max(durable, each.version);
    }
    const versions = this.#versions.slice(Math.max(0, durable - this.#forgotten));
    return { versions, isDurable: durable >= 0 };
  }
}

/**
 * Whether these bytes can be left of a file that had all of these contents, and was only written, not synced, since
 * the first of them: each byte is one that was there, or a zero where the file was shorter once.
 */
export function isMixture(found: Buffer, versions: readonly Buffer[]): boolean {
  const sizes = versions.map(({ length }) => length);
  if (found.length < Math.min(...sizes) || found.length > Math.max(...sizes)) return false;
  const shortest = Math.min(...sizes);
  return found.every(
    (byte, at) => (byte === 0 && at >= shortest) || versions.some((bytes) => bytes[at] === byte),
  );
}
