import { spawnSync } from "node:child_process";
import { constants } from "node:os";
import type { Command } from "commander";
import { NexusError } from "../../model/errors.js";
import type { Frame } from "../frame.js";
import { type Request, requestOf } from "../global-options.js";
import { NEXUS_MOUNT } from "../nexus-mount.js";

/** `nexus mount` is the command `nexus-mount`, with all of its options. */
export function addMountCommand(program: Command, frame: Frame): void {
  program
    .command("mount")
    .description("mount the namespace at a directory (see nexus-mount --help)")
    .usage("[options] [source] mountpoint")
    .argument("<mountpoint...>", "the directory, and what else nexus-mount takes")
    .allowUnknownOption()
    .helpOption(false)
    .addHelpText("after", "\nExample:\n  nexus mount ~/nexus --tenant acme")
    .action((args: string[]) => runNexusMount([...globalArguments(program), ...args], frame));
}

/** `nexus umount` is `nexus-mount --unmount`. */
export function addUnmountCommand(program: Command, frame: Frame): void {
  program
    .command("umount")
    .alias("unmount")
    .description("unmount a directory, and wait until everything is on disk")
    .argument("[mountpoint]", "the directory")
    .option("-z, --lazy", "detach now, even while files are open")
    .option("--all", "all mounts of the store, and its daemon with them")
    .addHelpText("after", "\nExamples:\n  nexus umount ~/nexus\n  nexus umount --all")
    .action((mountPoint: string | undefined, options: UnmountOptions, command: Command) => {
      const { lazy, all } = options;
      if (mountPoint === undefined && all !== true) {
        throw new NexusError(
          "invalid-argument",
          "missing required argument 'mountpoint', or --all",
        );
      }
      const words = ["--unmount", ...(lazy === true ? ["--lazy"] : [])];
      if (all === true) words.push("--all", ...storeArguments(frame.locate(command)));
      runNexusMount(mountPoint === undefined ? words : [...words, mountPoint], frame);
    });
}

interface UnmountOptions {
  readonly lazy?: boolean;
  readonly all?: boolean;
}

/** Which store is meant, as nexus-mount takes it. */
function storeArguments({ configPath, settings }: Request): string[] {
  const dataDir = settings.get("data_dir")?.value;
  return [
    ...(dataDir === undefined ? [] : ["--data-dir", String(dataDir)]),
    ...(configPath === undefined ? [] : ["--config", configPath]),
  ];
}

/** What stands before `mount`, as nexus-mount takes it. */
function globalArguments(program: Command): string[] {
  const { configPath, settings } = requestOf(program);
  const words = [...settings.values()].flatMap(({ value, source }) =>
    value === true ? [source] : [source, String(value)],
  );
  return configPath === undefined ? words : ["--config", configPath, ...words];
}

/** Runs it on this terminal, and ends as it ended. */
function runNexusMount(args: readonly string[], frame: Frame): void {
  const { status, signal } = spawnSync(process.execPath, [NEXUS_MOUNT, ...args], {
    stdio: "inherit",
  });
  frame.endWith(status ?? 128 + (signal === null ? 0 : constants.signals[signal]));
}
