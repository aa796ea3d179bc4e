import { Command, CommanderError, Option } from "commander";
import { BINDINGS, type Setting } from "../config/config.js";
import type { KernelOption } from "../fuse/mount-options.js";
import { NexusError } from "../model/errors.js";
import { LOG_LEVELS } from "../telemetry/log-level.js";
import { version } from "../telemetry/version.js";
import { parseMountOptions } from "./mount-option-list.js";

/** What the command line asks for. */
export type Invocation =
  | { readonly action: "mount"; readonly request: MountRequest }
  | { readonly action: "unmount"; readonly mountPoint: string; readonly lazy: boolean }
  | { readonly action: "unmount-all"; readonly store: StoreRequest }
  | {
      readonly action: "health";
      readonly mountPoint: string | undefined;
      readonly store: StoreRequest;
    }
  /** Help or the version was printed, or mount(8) only tries out (-f). */
  | { readonly action: "nothing" };

/** Which store is meant. */
export interface StoreRequest {
  readonly settings: ReadonlyMap<string, Setting>;
  readonly configPath: string | undefined;
}

export interface MountRequest extends StoreRequest {
  /** Undefined for a daemon that only mounts again what a crash has left, or waits for mounts. */
  readonly mountPoint: string | undefined;
  readonly kernelOptions: ReadonlySet<KernelOption>;
  /** A source that is only a word, which means nothing; mount(8) always gives one. */
  readonly ignoredSource: string | undefined;
  readonly allowNonEmpty: boolean;
  readonly foreground: boolean;
  /** The daemon stays when its last mount has ended. */
  readonly persist: boolean;
  /** This process was started to serve, by one that waits for it. */
  readonly isChild: boolean;
}

interface Flags {
  foreground?: boolean;
  unmount?: boolean;
  lazy?: boolean;
  all?: boolean;
  health?: boolean;
  persist?: boolean;
  restore?: boolean;
  dataDir?: string;
  config?: string;
  tenant?: string;
  agent?: string;
  admin?: boolean;
  readOnly?: boolean;
  allowOther?: boolean;
  allowNonEmpty?: boolean;
  binding?: string;
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
  ["binding", "binding", "--binding"],
  ["logLevel", "log_level", "--log-level"],
  ["logFile", "log_file", "--log-file"],
];

/** Options that say which store is meant. */
const STORE_FLAGS: readonly (keyof Flags)[] = ["dataDir", "config"];

const EXAMPLES = `
Examples:
  nexus-mount ~/nexus                                 mount the namespace
  nexus-mount ~/nexus --tenant acme --agent agent1    as one agent of a tenant
  nexus-mount ~/nexus -o ro,data_dir=/srv/nexus       options as mount(8) has them
  nexus-mount -u ~/nexus                              unmount, and wait until all is on disk
  nexus-mount --health ~/nexus                        exit with 0 if the mount answers
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
  if (isHelper && flags.foreground === true) return { action: "nothing" };
  if (flags.unmount === true) return unmountOf(command, flags);
  for (const word of ["lazy", "all"] as const) {
    if (flags[word] !== true) continue;
    const message = `--${word} goes with --unmount: nexus-mount -u --${word}`;
    throw new NexusError("invalid-argument", message);
  }
  if (flags.health === true) return healthOf(command, flags);
  return { action: "mount", request: mountOf(command, { flags, isHelper }) };
}

function unmountOf(command: Command, flags: Flags): Invocation {
  const lazy = flags.lazy === true;
  if (flags.all === true) {
    requireOnly(command, { action: "--unmount --all", also: ["unmount", "all", ...STORE_FLAGS] });
    if (command.args.length > 0) {
      throw new NexusError(
        "invalid-argument",
        "--all ends every mount of the store: no mountpoint goes with it",
      );
    }
    return { action: "unmount-all", store: storeOf(flags) };
  }
  requireOnly(command, { action: "--unmount", also: ["unmount", "lazy"] });
  const [mountPoint, ...rest] = command.args;
  if (mountPoint === undefined || rest.length > 0) {
    throw new NexusError("invalid-argument", "expected: nexus-mount -u mountpoint");
  }
  return { action: "unmount", mountPoint: requireNamed(mountPoint), lazy };
}

function healthOf(command: Command, flags: Flags): Invocation {
  requireOnly(command, { action: "--health", also: ["health", ...STORE_FLAGS] });
  const [mountPoint, ...rest] = command.args;
  if (rest.length > 0) {
    throw new NexusError("invalid-argument", "expected: nexus-mount --health [mountpoint]");
  }
  if (mountPoint !== undefined) requireNamed(mountPoint);
  return { action: "health", mountPoint, store: storeOf(flags) };
}

function storeOf(flags: Flags): StoreRequest {
  return { settings: new Map(settingsOf(flags)), configPath: flags.config };
}

function settingsOf(flags: Flags): [key: string, setting: Setting][] {
  return FLAG_SETTINGS.flatMap(([flag, key, word]) => {
    const value = flags[flag];
    return value === undefined ? [] : [[key, { value, source: word }] as [string, Setting]];
  });
}

function mountOf(
  command: Command,
  { flags, isHelper }: { flags: Flags; isHelper: boolean },
): MountRequest {
  const persist = flags.persist === true;
  const isOptional = persist || flags.restore === true;
  const { source, mountPoint } = positionals(command.args, { isOptional });
  if (flags.restore === true && mountPoint !== undefined) {
    throw new NexusError(
      "invalid-argument",
      "--restore mounts what there was: no mountpoint goes with it",
    );
  }
  const list = parseMountOptions(flags.options ?? []);
  const settings = new Map(list.settings);
  // What fstab has as the source is the data directory, unless it is just a word.
  const isDataDir = source?.includes("/") === true;
  if (isDataDir) settings.set("data_dir", { value: source, source: "the mount source" });
  for (const [key, setting] of settingsOf(flags)) settings.set(key, setting);
  return {
    mountPoint,
    persist,
    settings,
    kernelOptions: list.kernelOptions,
    configPath: flags.config ?? list.configPath,
    ignoredSource: isDataDir || isHelper ? undefined : source,
    allowNonEmpty: flags.allowNonEmpty === true || list.allowNonEmpty,
    foreground: flags.foreground === true && !isHelper,
    isChild: flags.child === true,
  };
}

function describeCommand(isHelper: boolean): Command {
  const collect = (value: string, all: string[] = []) => [...all, value];
  const command = new Command("nexus-mount")
    .description("Mounts the Nexus namespace as a directory tree.")
    .usage("[options] [source] mountpoint")
    .argument(
      "[mountpoint...]",
      "the directory; a source with a '/' before it is the data directory, another one means nothing",
    )
    .option("-f, --foreground", "stay in the foreground and log to the terminal")
    .option("-u, --unmount", "unmount, and wait until everything is on disk")
    .option("-z, --lazy", "with -u: detach now, even while files are open")
    .option("--all", "with -u: all mounts of the data directory, and the daemon with them")
    .option("--persist", "the daemon stays when its last mount has ended")
    .option("--restore", "mount again what was mounted when the daemon crashed, and nothing else")
    .option("--health", "exit with 0 if the daemon and its mounts answer, else with 1")
    .option("--data-dir <path>", "where metadata and contents are kept")
    .option("--config <file>", "the configuration (default: ./nexus.yaml, ~/.nexus/config.yaml)")
    .option("--tenant <id>", "act for this tenant only")
    .option("--agent <id>", "act for this agent only")
    .option("--admin", "pass all tenant and agent isolation")
    .option("--read-only", "refuse all changes")
    .option("--allow-other", "let other users of this machine in")
    .option("--allow-non-empty", "mount over a directory that has files")
    .option("-o, --options <list>", "options as mount(8) has them; may be repeated", collect)
    .addOption(
      new Option(
        "--binding <how>",
        "how to speak to the kernel: by its device, or through the package fuse-native",
      ).choices(BINDINGS),
    )
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
function requireOnly(
  command: Command,
  { action, also }: { action: string; also: readonly string[] },
): void {
  const extra = command.options.find((option) => {
    const name = option.attributeName();
    return !also.includes(name) && command.getOptionValue(name) !== undefined;
  });
  if (extra === undefined) return;
  const word = extra.long ?? extra.flags;
  throw new NexusError("invalid-argument", `${word} doesn't go with ${action}`);
}

/** commander puts its suggestions on a line of their own. */
function inOneLine(message: string): string {
  return message.replace(/^error: /, "").replaceAll("\n", " ");
}

function positionals(
  args: readonly string[],
  { isOptional }: { isOptional: boolean },
): { source?: string; mountPoint: string | undefined } {
  const [first, second, ...rest] = args;
  if (first === undefined && isOptional) return { mountPoint: undefined };
  if (first === undefined) {
    throw new NexusError("invalid-argument", "missing required argument 'mountpoint'");
  }
  if (rest.length > 0) {
    throw new NexusError("invalid-argument", "expected: nexus-mount [options] [source] mountpoint");
  }
  const mountPoint = requireNamed(second ?? first);
  return second === undefined ? { mountPoint } : { source: first, mountPoint };
}

/** An unset variable of a script, more likely than the working directory. */
function requireNamed(mountPoint: string): string {
  if (mountPoint !== "") return mountPoint;
  throw new NexusError("invalid-argument", "the mount point is empty");
}
