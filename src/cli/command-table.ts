import type { Command } from "commander";
import type { Frame } from "./frame.js";

/** Declares a command on the program. */
export type AddCommand = (program: Command, frame: Frame) => void;

export interface CommandEntry {
  /** Its name, and others that it goes by. */
  readonly names: readonly string[];
  /** Under which heading it is listed. */
  readonly group: string;
  load(): Promise<AddCommand>;
}

const FILES = "Files:";
const SEARCH = "Search:";
const WORK = "Work:";
const STORE = "Mounts and stores:";
const PROGRAM = "The program:";

/** All commands, in the order of help. A command is loaded when it is needed: most are not. */
export const COMMANDS: readonly CommandEntry[] = [
  entry(FILES, ["ls"], async () => (await import("./commands/ls.js")).addLsCommand),
  entry(FILES, ["cat"], async () => (await import("./commands/cat.js")).addCatCommand),
  entry(FILES, ["write"], async () => (await import("./commands/write.js")).addWriteCommand),
  entry(FILES, ["cp"], async () => (await import("./commands/cp.js")).addCpCommand),
  entry(FILES, ["mv"], async () => (await import("./commands/mv.js")).addMvCommand),
  entry(FILES, ["rm"], async () => (await import("./commands/rm.js")).addRmCommand),
  entry(FILES, ["mkdir"], async () => (await import("./commands/mkdir.js")).addMkdirCommand),
  entry(FILES, ["rmdir"], async () => (await import("./commands/rmdir.js")).addRmdirCommand),
  entry(FILES, ["tree"], async () => (await import("./commands/tree.js")).addTreeCommand),
  entry(FILES, ["info"], async () => (await import("./commands/info.js")).addInfoCommand),
  entry(FILES, ["meta"], async () => (await import("./commands/meta.js")).addMetaCommand),
  entry(FILES, ["watch"], async () => (await import("./commands/watch.js")).addWatchCommand),
  entry(SEARCH, ["glob"], async () => (await import("./commands/glob.js")).addGlobCommand),
  entry(SEARCH, ["grep"], async () => (await import("./commands/grep.js")).addGrepCommand),
  entry(
    SEARCH,
    ["find-duplicates"],
    async () => (await import("./commands/find-duplicates.js")).addFindDuplicatesCommand,
  ),
  entry(WORK, ["work"], async () => (await import("./commands/work.js")).addWorkCommand),
  entry(STORE, ["init"], async () => (await import("./commands/init.js")).addInitCommand),
  entry(STORE, ["mount"], async () => (await import("./commands/mount.js")).addMountCommand),
  entry(
    STORE,
    ["umount", "unmount"],
    async () => (await import("./commands/mount.js")).addUnmountCommand,
  ),
  entry(STORE, ["status"], async () => (await import("./commands/status.js")).addStatusCommand),
  entry(STORE, ["backup"], async () => (await import("./commands/backup.js")).addBackupCommand),
  entry(STORE, ["restore"], async () => (await import("./commands/restore.js")).addRestoreCommand),
  entry(STORE, ["fsck"], async () => (await import("./commands/fsck.js")).addFsckCommand),
  entry(STORE, ["gc"], async () => (await import("./commands/gc.js")).addGcCommand),
  entry(STORE, ["export"], async () => (await import("./commands/export.js")).addExportCommand),
  entry(STORE, ["import"], async () => (await import("./commands/import.js")).addImportCommand),
  entry(PROGRAM, ["config"], async () => (await import("./commands/config.js")).addConfigCommand),
  entry(
    PROGRAM,
    ["completion"],
    async () => (await import("./commands/completion.js")).addCompletionCommand,
  ),
  entry(
    PROGRAM,
    ["version"],
    async () => (await import("./commands/version.js")).addVersionCommand,
  ),
  entry(PROGRAM, ["help"], async () => (await import("./commands/help.js")).addHelpCommand),
  entry(
    PROGRAM,
    ["__complete"],
    async () => (await import("./commands/complete.js")).addCompleteCommand,
  ),
];

function entry(
  group: string,
  names: readonly string[],
  load: () => Promise<AddCommand>,
): CommandEntry {
  return { names, group, load };
}
