import { Command, CommanderError, Option } from "commander";
import type { Setting } from "../config/config.js";
import type { KernelOption } from "../fuse/mount-options.js";
import { NexusError } from "../model/errors.js";
import { LOG_LEVELS } from "../telemetry/log-level.js";
import { version } from "../telemetry/version.js";
import { parseMountOptions } from "./mount-option-list.js";

/** What the command line asks for. */
export type Invocation =
  | { readonly action: "mount"; readonly request: MountRequest }
  | { readonly action: "unmount"; readonly mountPoint: string; readonly lazy: boolean }
  /** Help or the version was printed, or mount(8) only tries out (-f). */
  | { readonly action: "nothing" };

export interface MountRequest {
  readonly mountPoint: string;
  readonly settings: ReadonlyMap<string, Setting>;
  readonly kernelOptions: ReadonlySet<KernelOption>;
  readonly configPath: string | undefined;
  /** A source that is only a word, which means nothing; mount(8) always gives one. */
  readonly ignoredSource: string | undefined;
  readonly allowNonEmpty: boolean;
  readonly foreground: boolean;
  /** This process was started to serve, by one that waits for it. */
  readonly isChild: boolean;
}

interface Flags {
  foreground?: boolean;
  unmount?: boolean;
  lazy?: boolean;
  dataDir?: string;
  config?: string;
  tenant?: string;
  agent?: string;
  admin?: boolean;
  readOnly?: boolean;
  allowOther?: boolean;
  allowNonEmpty?: boolean;
  options?: string[];
  logLevel?: string;
  logFile?: string;
  child?: boolean;
}

/** The name under which mount(8) looks for a helper: then `-f` means something else. */
const HELPER_NAME = /^mount\.fuse(\.|$)/;

const FLAG_SETTINGS: readonly [flag: keyof Flags, key: string, word: string][] = [
  ["dataDir", "data_dir", "--data-dir"],
  ["tenant", "tenant_id", "--tenant"],
  ["agent", "agent_id", "--agent"],
  ["admin", "is_admin", "--admin"],
  ["readOnly", "read_only", "--read-only"],
  ["allowOther", "allow_other", "--allow-other"],
  ["logLevel", "log_level", "--log-level"],
  ["logFile", "log_file", "--log-file"],
];

const EXAMPLES = `
Examples:
  nexus-mount ~/nexus                                 mount the namespace
  nexus-mount ~/nexus --tenant acme --agent agent1    as one agent of a tenant
  nexus-mount ~/nexus -o ro,data_dir=/srv/nexus       options as mount(8) has them
  nexus-mount -u ~/nexus                              unmount, and wait until all is on disk
`;

/** Reads the command line. Errors: `invalid-argument`. */
export function parseCommandLine(args: readonly string[], programName: string): Invocation {
  const isHelper = HELPER_NAME.test(programName);
  const command = describeCommand(isHelper);
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { action: "nothing" };
    throw new NexusError("invalid-argument", inOneLine(error.message));
  }
  const flags = command.opts<Flags>();
  const { source, mountPoint } = positionals(command.args);
  if (isHelper && flags.foreground === true) return { action: "nothing" };
  if (flags.unmount === true) {
    if (source !== undefined) {
      throw new NexusError("invalid-argument", "expected: nexus-mount -u mountpoint");
    }
    requireForUnmount(command);
    return { action: "unmount", mountPoint, lazy: flags.lazy === true };
  }
  if (flags.lazy === true) {
    throw new NexusError("invalid-argument", "--lazy goes with --unmount: nexus-mount -u --lazy");
  }
  const list = parseMountOptions(flags.options ?? []);
  const settings = new Map(list.settings);
  // What fstab has as the source is the data directory, unless it is just a word.
  const isDataDir = source?.includes("/") === true;
  if (isDataDir) settings.set("data_dir", { value: source, source: "the mount source" });
  for (const [flag, key, word] of FLAG_SETTINGS) {
    const value = flags[flag];
    if (value !== undefined) settings.set(key, { value, source: word });
  }
  const request: MountRequest = {
    mountPoint,
    settings,
    kernelOptions: list.kernelOptions,
    configPath: flags.config ?? list.configPath,
    ignoredSource: isDataDir || isHelper ? undefined : source,
    allowNonEmpty: flags.allowNonEmpty === true || list.allowNonEmpty,
    foreground: flags.foreground === true && !isHelper,
    isChild: flags.child === true,
  };
  return { action: "mount", request };
}

function describeCommand(isHelper: boolean): Command {
  const collect = (value: string, all: string[] = []) => [...all, value];
  const command = new Command("nexus-mount")
    .description("Mounts the Nexus namespace as a directory tree.")
    .usage("[options] [source] mountpoint")
    .argument(
      "<mountpoint...>",
      "the directory; a source with a '/' before it is the data directory, another one means nothing",
    )
    .option("-f, --foreground", "stay in the foreground and log to the terminal")
    .option("-u, --unmount", "unmount, and wait until everything is on disk")
    .option("-z, --lazy", "with -u: detach now, even while files are open")
    .option("--data-dir <path>", "where metadata and contents are kept")
    .option("--config <file>", "the configuration (default: ./nexus.yaml, ~/.nexus/config.yaml)")
    .option("--tenant <id>", "act for this tenant only")
    .option("--agent <id>", "act for this agent only")
    .option("--admin", "pass all tenant and agent isolation")
    .option("--read-only", "refuse all changes")
    .option("--allow-other", "let other users of this machine in")
    .option("--allow-non-empty", "mount over a directory that has files")
    .option("-o, --options <list>", "options as mount(8) has them; may be repeated", collect)
    .addOption(new Option("--log-level <level>", "how much to log").choices(LOG_LEVELS))
    .option("--log-file <file>", "where to log (default: nexus-mount.log in the data directory)")
    .addOption(new Option("--child").hideHelp())
    .version(version(), "-V, --version")
    .addHelpText("after", EXAMPLES)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  // What mount(8) passes on to its helpers.
  if (isHelper) {
    for (const letter of ["-s", "-n", "-v"]) command.addOption(new Option(letter).hideHelp());
    command.addOption(new Option("-t <type>").hideHelp());
    command.addOption(new Option("-N <namespace>").hideHelp());
  }
  return command;
}

/** What says how to mount means nothing to an unmount, so it was probably meant otherwise. */
function requireForUnmount(command: Command): void {
  const extra = command.options.find((option) => {
    const name = option.attributeName();
    return !["unmount", "lazy"].includes(name) && command.getOptionValue(name) !== undefined;
  });
  if (extra === undefined) return;
  const word = extra.long ?? extra.flags;
  throw new NexusError("invalid-argument", `${word} doesn't go with --unmount`);
}

/** commander puts its suggestions on a line of their own. */
function inOneLine(message: string): string {
  return message.replace(/^error: /, "").replaceAll("\n", " ");
}

function positionals(args: readonly string[]): { source?: string; mountPoint: string } {
  const [first, second, ...rest] = args;
  if (first === undefined || rest.length > 0) {
    throw new NexusError("invalid-argument", "expected: nexus-mount [options] [source] mountpoint");
  }
  const mountPoint = second ?? first;
  // An unset variable of a script, more likely than the working directory.
  if (mountPoint === "") throw new NexusError("invalid-argument", "the mount point is empty");
  return second === undefined ? { mountPoint } : { source: first, mountPoint };
}
