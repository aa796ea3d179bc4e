import type { Command } from "commander";
import { loadConfig } from "../../config/load.js";
import { NexusError } from "../../model/errors.js";
import type { Identity } from "../../model/identity.js";
import type { DaemonStatus, MountStatus } from "../../sdk/daemon-status.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { counted, humanSize, humanSpan } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";
import { type Pair, printSection } from "../terminal/section.js";
import { printTable } from "../terminal/table.js";

/** Longer than a busy daemon takes. */
const LIMIT_MS = 5000;

/** `nexus status`: the daemon of a store, its mounts, and what it is doing. */
export function addStatusCommand(program: Command, frame: Frame): void {
  const command = program
    .command("status")
    .description("print the mounts of a store and what its daemon does")
    .option("--json", "print it as JSON")
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const { settings: explicit, configPath } = frame.locate(command);
      const cwd = frame.surroundings.cwd();
      const { dataDir } = loadConfig({ explicit, configPath, face: "command", cwd });
      const status = await askDaemon(frame, dataDir);
      if (json === true) return await printJson(frame.output, status);
      const nowMs = frame.surroundings.now().getTime();
      await printSection(frame.output, {
        pairs: [...daemonPairs(status), ...holdPairs(status, nowMs)],
      });
      await frame.output.line("");
      if (status.mounts.length === 0) return await frame.output.line("no mounts");
      await printMounts(frame, status);
    });
  addExamples(command, ["nexus status", "nexus status --json --data-dir /srv/nexus"]);
}

async function askDaemon(frame: Frame, dataDir: string): Promise<DaemonStatus> {
  const client = await frame.surroundings.control(dataDir);
  if (client === undefined) {
    throw new NexusError(
      "not-found",
      `no daemon runs on ${dataDir}; nexus mount starts one, --data-dir names another store`,
      { path: dataDir },
    );
  }
  try {
    const signal = AbortSignal.timeout(LIMIT_MS);
    return (await client.call("daemon.status", {}, { signal })) as DaemonStatus;
  } catch (error) {
    if ((error as Error).name !== "TimeoutError") throw error;
    const message = `the daemon of ${dataDir} doesn't answer within ${LIMIT_MS / 1000} seconds`;
    throw new NexusError("io-failure", message, { path: dataDir, cause: error });
  } finally {
    client.close();
  }
}

function daemonPairs({ store, ...daemon }: DaemonStatus): Pair[] {
  const { pid, version, dataDir, uptimeSeconds, persist, clients } = daemon;
  const { stagedFiles, stagedBytes, waitingToSeal, inodesKnown, openHandles, cacheSizeMb } = store;
  const work = Object.entries(store.work).filter(([, count]) => count > 0);
  return [
    ["Data directory", dataDir],
    ["Daemon", `process ${pid}, version ${version}, up ${humanSpan(uptimeSeconds * 1000)}`],
    ["Ends", persist ? "when it is told to" : "with its last mount"],
    ["Clients", String(clients)],
    ["Staged", `${counted(stagedFiles, "file")}, ${humanSize(stagedBytes)}B`],
    ["Waiting to seal", String(waitingToSeal)],
    ["Inodes known", String(inodesKnown)],
    ["Open files", String(openHandles)],
    ["Metadata cache", `up to ${cacheSizeMb} MB`],
    ...scrubPairs(store.scrub),
    ["Work", work.map(([state, count]) => `${count} ${state}`).join(", ") || "none"],
  ];
}

/** An older daemon doesn't say. */
function holdPairs({ holds = [] }: DaemonStatus, nowMs: number): Pair[] {
  return holds.map(({ pid, purpose, since }) => {
    const span = humanSpan(nowMs - new Date(since).getTime());
    return ["Room kept", `for ${purpose}, process ${pid}, for ${span}`];
  });
}

function scrubPairs({ done, beganAt, endedAt, damaged }: DaemonStatus["store"]["scrub"]): Pair[] {
  const day = (time: string | undefined) => time?.slice(0, 10);
  const rounds = [
    ...(done === undefined ? [] : [`${Math.floor(done * 100)} % of all since ${day(beganAt)}`]),
    endedAt === undefined ? "not all yet" : `all by ${day(endedAt)}`,
  ];
  const wrong: Pair = [
    "Damaged",
    `${counted(damaged, "content")}; nexus fsck tells of which files`,
  ];
  return [["Checked", rounds.join(", ")], ...(damaged > 0 ? [wrong] : [])];
}

async function printMounts(frame: Frame, { mounts }: DaemonStatus): Promise<void> {
  const now = frame.surroundings.now().getTime();
  const count = (value: (mount: MountStatus) => number) => ({
    alignment: "right" as const,
    value: (mount: MountStatus) => String(value(mount)),
  });
  await printTable<MountStatus>(frame.output, {
    columns: [
      {
        title: "MOUNT",
        value: ({ mountPoint, isDetached }) =>
          isDetached ? `${mountPoint} (detached)` : mountPoint,
      },
      { title: "IDENTITY", value: ({ identity }) => nameOf(identity) },
      { title: "OPTIONS", value: ({ options }) => options.join(",") },
      { title: "FOR", value: ({ since }) => humanSpan(now - new Date(since).getTime()) },
      { title: "REQUESTS", ...count(({ requestsServed }) => requestsServed) },
      { title: "CACHED", ...count(({ lookupsHeld }) => lookupsHeld) },
      { title: "OPEN", ...count(({ openHandles }) => openHandles) },
    ],
    rows: mounts,
  });
}

function nameOf({ tenantId, agentId, isAdmin }: Identity): string {
  const names = [isAdmin ? "admin" : undefined, tenantId, agentId];
  return names.filter((name) => name !== undefined).join("/") || "everybody";
}
