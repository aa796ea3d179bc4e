import { basename } from "node:path/posix";
import type { Command } from "commander";
import type { ListedFile } from "../../features/files/files.js";
import { parseCount } from "../arguments.js";
import { addExamples } from "../example.js";
import type { Frame, Session } from "../frame.js";
import { counted } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";
import { paintedName } from "../terminal/listing.js";

interface Options {
  readonly level?: number;
  readonly json?: boolean;
}

/** `nexus tree`: directories as a drawing. */
export function addTreeCommand(program: Command, frame: Frame): void {
  const command = program
    .command("tree")
    .description("draw a directory and what lies below it")
    .argument("[path]", "the directory")
    .option("-L, --level <n>", "only so many levels deep", parseCount)
    .option("--json", "print it as JSON")
    .action((path: string | undefined, options: Options, command: Command) =>
      frame.withClient(command, {
        onSignal: "end",
        paths: [path ?? "."],
        run: async (session) => {
          const [root = "/"] = session.paths;
          const walk = { session, levels: options.level ?? Number.POSITIVE_INFINITY };
          if (options.json === true) {
            return await printJson(frame.output, await nodesOf(root, walk));
          }
          await frame.output.line(frame.output.foreign(root));
          const counts = { directories: 0, files: 0 };
          await draw(root, { ...walk, frame, indent: "", counts });
          const { directories, files } = counts;
          const sum = `${counted(directories, "directory")}, ${counted(files, "file")}`;
          await frame.output.line(`\n${sum}`);
        },
      }),
    );
  addExamples(command, ["nexus tree -L 2 /workspace"]);
}

interface Walk {
  readonly session: Session;
  /** How many more to go down. */
  readonly levels: number;
}

async function entriesOf(path: string, { session }: Walk): Promise<ListedFile[]> {
  const { client, signal } = session;
  const entries: ListedFile[] = [];
  const listing = client.walk({ prefix: path, recursive: false, directories: true, signal });
  for await (const entry of listing) entries.push(entry);
  return entries;
}

async function draw(
  path: string,
  walk: Walk & {
    readonly frame: Frame;
    readonly indent: string;
    readonly counts: { directories: number; files: number };
  },
): Promise<void> {
  const { frame, indent, counts, levels } = walk;
  const entries = await entriesOf(path, walk);
  for (const [index, entry] of entries.entries()) {
    const isLast = index === entries.length - 1;
    const name = paintedName(frame.output, { name: basename(entry.path), entry });
    await frame.output.line(`${indent}${isLast ? "└── " : "├── "}${name}`);
    if (entry.type === "directory") counts.directories += 1;
    else counts.files += 1;
    if (entry.type !== "directory" || levels <= 1) continue;
    const deeper = indent + (isLast ? "    " : "│   ");
    await draw(entry.path, { ...walk, indent: deeper, levels: levels - 1 });
  }
}

interface Node {
  readonly name: string;
  readonly path: string;
  readonly type: ListedFile["type"];
  readonly size: number;
  readonly children?: readonly Node[];
}

async function nodesOf(path: string, walk: Walk): Promise<Node[]> {
  const nodes: Node[] = [];
  for (const { path: at, type, size } of await entriesOf(path, walk)) {
    const node = { name: basename(at), path: at, type, size };
    const goesOn = type === "directory" && walk.levels > 1;
    const deeper = { ...walk, levels: walk.levels - 1 };
    nodes.push(goesOn ? { ...node, children: await nodesOf(at, deeper) } : node);
  }
  return nodes;
}
