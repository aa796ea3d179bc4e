import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { Mounted, shell } from "../../support/daemon.js";

/** Where the programs lie that tests run: `$PROGRAMS` in their scripts. */
const PROGRAMS = fileURLToPath(new URL(".", import.meta.url));

/** So that git and others do the same on both sides, whoever runs them. */
const PRELUDE = `
  export PROGRAMS='${PROGRAMS}' LC_ALL=C.UTF-8 TZ=UTC GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
  export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_AUTHOR_DATE='2030-01-01T00:00:00Z'
  export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org GIT_COMMITTER_DATE='2030-01-01T00:00:00Z'
  umask 022
`;

/** A directory on a mount and one on a disk, in which the same is done. `stop` it in `finally`. */
export class SideBySide {
  readonly #mounted: Mounted;
  readonly #disk: string;

  private constructor(mounted: Mounted) {
    this.#mounted = mounted;
    this.#disk = join(mounted.base, "disk");
    mkdirSync(this.#disk);
  }

  static async start(): Promise<SideBySide> {
    return new SideBySide(await Mounted.start());
  }

  /** Runs a script in a new directory on both sides. Returns what it printed, the same on both. */
  async run(name: string, script: string): Promise<string> {
    const onDisk = await this.#runIn(join(this.#disk, name), script);
    const onMount = await this.runOnMount(name, script);
    expect(onMount).toBe(onDisk);
    return onMount;
  }

  /** The same on the mount only. */
  async runOnMount(name: string, script: string): Promise<string> {
    return await this.#runIn(join(this.#mounted.mountPoint, name), script);
  }

  /** What the daemon had to complain about, which should be nothing. */
  get troubles(): string[] {
    return this.#mounted.troubles;
  }

  get mountPoint(): string {
    return this.#mounted.mountPoint;
  }

  async stop(): Promise<void> {
    await this.#mounted.stop();
  }

  async #runIn(cwd: string, script: string): Promise<string> {
    mkdirSync(cwd);
    return await shell(PRELUDE + script, { cwd });
  }
}
