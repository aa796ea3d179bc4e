import { spawnSync } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";

const NEXUS_MOUNT = fileURLToPath(new URL("../../daemon/main.js", import.meta.url));

/** `nexus mount` is the command `nexus-mount`, with all of its options. */
export function addMountCommand(program: Command): void {
  program
    .command("mount")
    .description("mount the namespace at a directory (see nexus-mount --help)")
    .usage("[options] [source] mountpoint")
    .argument("<mountpoint...>", "the directory, and what else nexus-mount takes")
    .allowUnknownOption()
    .helpOption(false)
    .addHelpText("after", "\nExample:\n  nexus mount ~/nexus --tenant acme")
    .action((args: string[]) => runNexusMount(args));
}

/** `nexus umount` is `nexus-mount --unmount`. */
export function addUnmountCommand(program: Command): void {
  program
    .command("umount")
    .alias("unmount")
    .description("unmount a directory, and wait until everything is on disk")
    .argument("<mountpoint>", "the directory")
    .option("-z, --lazy", "detach now, even while files are open")
    .addHelpText("after", "\nExample:\n  nexus umount ~/nexus")
    .action((mountPoint: string, { lazy }: { lazy?: boolean }) =>
      runNexusMount(["--unmount", ...(lazy === true ? ["--lazy"] : []), mountPoint]),
    );
}

/** Runs it on this terminal, and ends as it ended. */
function runNexusMount(args: readonly string[]): void {
  const { status, signal } = spawnSync(process.execPath, [NEXUS_MOUNT, ...args], {
    stdio: "inherit",
  });
  process.exitCode = status ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
