import type { Setting } from "../config/config.js";
import { suggestion } from "../config/suggest.js";
import type { KernelOption } from "../fuse/mount-options.js";
import { NexusError } from "../model/errors.js";

/** What `-o` says, in the words of mount(8) and in ours. */
interface MountOptionList {
  readonly settings: Map<string, Setting>;
  readonly kernelOptions: Set<KernelOption>;
  readonly configPath: string | undefined;
  readonly allowNonEmpty: boolean;
}

/** Options of the kernel's, and the ones that take them back. */
const KERNEL_OPTIONS = table<readonly [KernelOption, boolean]>({
  nosuid: ["nosuid", true],
  suid: ["nosuid", false],
  nodev: ["nodev", true],
  dev: ["nodev", false],
  noexec: ["noexec", true],
  exec: ["noexec", false],
  sync: ["sync", true],
  async: ["sync", false],
  dirsync: ["dirsync", true],
  nodiratime: ["nodiratime", true],
  diratime: ["nodiratime", false],
  lazytime: ["lazytime", true],
});

/** Options that are ours, by the setting that they stand for. */
const VALUE_OPTIONS = table<string>({
  data_dir: "data_dir",
  tenant: "tenant_id",
  tenant_id: "tenant_id",
  agent: "agent_id",
  agent_id: "agent_id",
  binding: "binding",
  log_level: "log_level",
  log_file: "log_file",
});
const FLAG_OPTIONS = table<readonly [key: string, value: unknown]>({
  ro: ["read_only", true],
  rw: ["read_only", false],
  admin: ["is_admin", true],
  allow_other: ["allow_other", true],
  noatime: ["atime", "noatime"],
  relatime: ["atime", "relatime"],
  strictatime: ["atime", "strictatime"],
  atime: ["atime", "relatime"],
});

/** What fstab(5) has for mount(8) itself and init; it means nothing to a file system. */
const IGNORED =
  /^(defaults|auto|noauto|user(=.*)?|nouser|users|owner|group|nofail|_netdev|default_permissions|norelatime|nostrictatime|nolazytime|loud|silent|fsname=.*|subtype=.*|comment=.*|x-.*|X-.*)$/;

/**
 * Takes apart a list like `ro,tenant=acme,data_dir=/srv/nexus`. A backslash keeps a comma in a
 * value. Errors: `invalid-argument` naming the option, with a suggestion.
 */
export function parseMountOptions(lists: readonly string[]): MountOptionList {
  const settings = new Map<string, Setting>();
  // libfuse's defaults: what another user put there shall gain nobody privileges.
  const kernelOptions = new Set<KernelOption>(["nosuid", "nodev"]);
  let configPath: string | undefined;
  let allowNonEmpty = false;
  for (const option of lists.flatMap(split)) {
    const { name, value } = nameAndValue(option);
    const source = `-o ${name}`;
    const kernel = KERNEL_OPTIONS.get(option);
    const flag = FLAG_OPTIONS.get(option);
    const key = VALUE_OPTIONS.get(name);
    if (kernel !== undefined) {
      if (kernel[1]) kernelOptions.add(kernel[0]);
      else kernelOptions.delete(kernel[0]);
    } else if (flag !== undefined) {
      settings.set(flag[0], { value: flag[1], source });
    } else if (key !== undefined && value !== undefined) {
      settings.set(key, { value, source });
    } else if (name === "config" && value !== undefined) {
      configPath = value;
    } else if (option === "nonempty" || option === "allow_non_empty") {
      allowNonEmpty = true;
    } else if (!IGNORED.test(option)) {
      throw new NexusError("invalid-argument", unknownOption(option));
    }
  }
  return { settings, kernelOptions, configPath, allowNonEmpty };
}

/** Not an object: that would have options like `toString`, too. */
function table<T>(options: Readonly<Record<string, T>>): ReadonlyMap<string, T> {
  return new Map(Object.entries(options));
}

function split(list: string): string[] {
  return list
    .split(/(?<!\\),/)
    .map((option) => option.replace(/\\(.)/g, "$1").trim())
    .filter((option) => option !== "");
}

function nameAndValue(option: string): { name: string; value: string | undefined } {
  const equals = option.indexOf("=");
  if (equals < 0) return { name: option, value: undefined };
  return { name: option.slice(0, equals), value: option.slice(equals + 1) };
}

function unknownOption(option: string): string {
  const { name, value } = nameAndValue(option);
  if (option === "remount") {
    return "the options of a mount can't be changed: unmount it, and mount it again";
  }
  if (value === undefined && (VALUE_OPTIONS.has(name) || name === "config")) {
    return `-o ${name} needs a value: -o ${name}=...`;
  }
  const names = [KERNEL_OPTIONS, FLAG_OPTIONS, VALUE_OPTIONS].flatMap((options) => [
    ...options.keys(),
  ]);
  return `unknown mount option '${option}'${suggestion(name, [...names, "config", "nonempty"])}`;
}
