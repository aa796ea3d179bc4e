import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Config, Setting } from "../../src/config/config.js";
import { type LoadOptions, loadConfig } from "../../src/config/load.js";
import { NexusError } from "../../src/model/errors.js";
import { testDir } from "./temp-dir.js";

export type Overrides = Partial<LoadOptions> & {
  /** Leaves the home directory for the environment to tell. */
  readonly homeFromEnvironment?: boolean;
};

/** A working directory and a home of a test's own, to load configurations in. */
export class ConfigPlace {
  readonly base = testDir();
  readonly cwd = join(this.base, "cwd");
  readonly home = join(this.base, "home");

  constructor() {
    mkdirSync(this.cwd);
    mkdirSync(this.home);
  }

  /** Writes a file below the base; returns its path. */
  write(path: string, text: string | Uint8Array): string {
    const absolute = join(this.base, path);
    mkdirSync(dirname(absolute), { recursive: true });
    writeFileSync(absolute, text);
    return absolute;
  }

  load(options: Overrides = {}): Config {
    const { homeFromEnvironment = false, ...others } = options;
    const home = homeFromEnvironment ? {} : { home: this.home };
    return loadConfig({ face: "command", env: {}, cwd: this.cwd, ...home, ...others });
  }

  /** Loads with `text` as `./nexus.yaml`. */
  loadYaml(text: string, options: Overrides = {}): Config {
    this.write("cwd/nexus.yaml", text);
    return this.load(options);
  }

  /** The message with which a load is refused as `invalid-config`. */
  refusalOf(load: (place: ConfigPlace) => Config): string {
    let config: Config;
    try {
      config = load(this);
    } catch (error) {
      if (error instanceof NexusError && error.kind === "invalid-config") return error.message;
      throw error;
    }
    throw new Error(`it was not refused: ${JSON.stringify(config)}`);
  }
}

/** Settings as a command's flags give them. */
export function flags(values: Readonly<Record<string, unknown>>): Map<string, Setting> {
  return new Map(
    Object.entries(values).map(([key, value]) => [key, { value, source: `--${key}` }]),
  );
}
