import type { Command } from "commander";
import type { Setting } from "../config/config.js";

/** What every command takes, before or after its name. */
interface GlobalOptions {
  readonly config?: string;
  readonly dataDir?: string;
  readonly tenant?: string;
  readonly agent?: string;
  readonly admin?: boolean;
}

/** What a command line says about the store and about who asks. */
export interface Request {
  readonly configPath: string | undefined;
  readonly settings: ReadonlyMap<string, Setting>;
}

/** Those that have a value, for who looks for the first word that is none of them. */
export const GLOBAL_OPTIONS_WITH_VALUE = ["--config", "--data-dir", "--tenant", "--agent"] as const;

export const GLOBAL_FLAGS = ["--admin"] as const;

const SETTINGS = [
  ["dataDir", "data_dir", "--data-dir"],
  ["tenant", "tenant_id", "--tenant"],
  ["agent", "agent_id", "--agent"],
  ["admin", "is_admin", "--admin"],
] as const satisfies readonly [keyof GlobalOptions, string, string][];

export function addGlobalOptions(command: Command): void {
  command
    .optionsGroup("Options of all commands:")
    .option("--data-dir <dir>", "where metadata and contents are kept")
    .option("--config <file>", "the configuration (default: ./nexus.yaml, ~/.nexus/config.yaml)")
    .option("--tenant <id>", "act for this tenant only")
    .option("--agent <id>", "act for this agent only")
    .option("--admin", "pass all tenant and agent isolation");
}

/** What was asked for on a command and on those above it; the last word counts. */
export function requestOf(command: Command): Request {
  const chain: Command[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) chain.unshift(at);
  const options: GlobalOptions = Object.assign({}, ...chain.map((each) => each.opts()));
  const settings = new Map<string, Setting>();
  for (const [option, key, source] of SETTINGS) {
    const value = options[option];
    if (value !== undefined) settings.set(key, { value, source });
  }
  return { configPath: options.config, settings };
}
