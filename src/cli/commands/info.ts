import type { Command } from "commander";
import type { FileStat } from "../../features/files/files.js";
import type { WorkDependency, WorkItem } from "../../features/queue/queue.js";
import { isKind } from "../../model/errors.js";
import { WORK_KEY } from "../../model/work.js";
import type { NexusClient } from "../../sdk/client.js";
import { addExamples } from "../example.js";
import type { Frame } from "../frame.js";
import { humanSize } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";
import { modeText } from "../terminal/listing.js";
import type { Output } from "../terminal/output.js";
import { type Pair, printSection } from "../terminal/section.js";

/** `nexus info`: all that is known of a file. */
export function addInfoCommand(program: Command, frame: Frame): void {
  const command = program
    .command("info")
    .description("print what is known of a file: its metadata and what it waits for, too")
    .argument("<path>", "the file or directory")
    .option("--json", "print it as JSON")
    .action((path: string, { json }: { json?: boolean }, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        paths: [path],
        run: async ({ client, paths: [path = ""] }) => {
          const stat = await client.stat(path, { followSymlinks: false });
          const metadata = await client.metadata.list(path);
          const work = stat.type === "file" ? await workOf(client, { path, metadata }) : undefined;
          if (json === true) {
            const { item, dependencies } = work ?? {};
            return await printJson(frame.output, {
              ...stat,
              metadata,
              work: item,
              dependencies: dependencies ?? [],
            });
          }
          await printSection(frame.output, { pairs: pairsOf(stat) });
          if (metadata.size > 0) {
            await printSection(frame.output, { title: "Metadata", pairs: metadataPairs(metadata) });
          }
          if (work !== undefined) await printWork(frame.output, work);
        },
      }),
    );
  addExamples(command, ["nexus info /jobs/build.json", "nexus info --json /jobs/build.json"]);
}

interface Work {
  readonly item: WorkItem | undefined;
  readonly dependencies: readonly WorkDependency[];
}

/** Undefined for a file that has nothing to do with the queue. */
async function workOf(
  client: NexusClient,
  { path, metadata }: { path: string; metadata: ReadonlyMap<string, unknown> },
): Promise<Work | undefined> {
  const isItem = metadata.has(WORK_KEY.status);
  if (!isItem && !metadata.has(WORK_KEY.dependsOn)) return undefined;
  try {
    const dependencies = await client.queue.dependencies(path);
    return { item: isItem ? await client.queue.get(path) : undefined, dependencies };
  } catch (error) {
    // Dependencies alone make no work item yet.
    if (isKind(error, "invalid-argument") && !isItem) return undefined;
    throw error;
  }
}

function pairsOf(stat: FileStat): Pair[] {
  const inBytes = stat.size < 1024 ? "" : ` (${stat.size.toLocaleString("en-US")} bytes)`;
  const pairs: [string, string | number | undefined][] = [
    ["Path", stat.path],
    ["Type", stat.type],
    ["Size", stat.type === "directory" ? undefined : `${humanSize(stat.size)}${inBytes}`],
    ["Mode", `${modeText(stat)} (${(stat.mode & 0o7777).toString(8).padStart(4, "0")})`],
    ["Owner", `${stat.uid}:${stat.gid}`],
    ["Links", stat.type === "directory" ? undefined : stat.nlink],
    ["Etag", stat.etag],
    ["Version", stat.type === "file" ? stat.version : undefined],
    ["MIME type", stat.mimeType],
    ["Path id", stat.pathId],
    ["Tenant", stat.tenantId],
    ["Agent", stat.agentId],
    ["Created", stat.createdAt.toISOString()],
    ["Modified", stat.modifiedAt.toISOString()],
  ];
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
}

/** Values on one line each, bytes by their number. */
function metadataPairs(metadata: ReadonlyMap<string, string | Buffer>): Pair[] {
  return [...metadata].map(([key, value]) => [
    key,
    typeof value === "string" ? value : `<${value.length} bytes>`,
  ]);
}

async function printWork(output: Output, { item, dependencies }: Work): Promise<void> {
  if (item !== undefined) {
    const { state, attempts, leaseEndsAt } = item;
    const pairs: Pair[] = [["state", state]];
    if (attempts > 0) pairs.push(["attempts", String(attempts)]);
    if (leaseEndsAt !== undefined) pairs.push(["lease ends", leaseEndsAt.toISOString()]);
    await printSection(output, { title: "Work", pairs });
  }
  if (dependencies.length === 0) return;
  const pairs = dependencies.map(
    ({ reference, state, path }): Pair => [
      state,
      path === undefined || path === reference ? reference : `${path} (${reference})`,
    ],
  );
  await printSection(output, { title: "Depends on", pairs });
}
