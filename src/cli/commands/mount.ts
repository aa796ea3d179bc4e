import { spawnSync } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import type { Frame } from "../frame.js";
import { requestOf } from "../global-options.js";

const NEXUS_MOUNT = fileURLToPath(new URL("../../daemon/main.js", import.meta.url));

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
    .argument("<mountpoint>", "the directory")
    .option("-z, --lazy", "detach now, even while files are open")
    .addHelpText("after", "\nExample:\n  nexus umount ~/nexus")
    .action((mountPoint: string, { lazy }: { lazy?: boolean }) =>
      runNexusMount(["--unmount", ...(lazy === true ? ["--lazy"] : []), mountPoint], frame),
    );
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
