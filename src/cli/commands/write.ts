import type { Command } from "commander";
import type { FileStat, WriteContent } from "../../features/files/files.js";
import { NexusError } from "../../model/errors.js";
import { addExamples } from "../example.js";
import type { Frame, Session } from "../frame.js";
import { openHostFile } from "../host-file.js";
import { untilAborted } from "../standard-input.js";
import { humanSize } from "../terminal/human.js";
import { printJson } from "../terminal/json.js";
import { ofBytes } from "../terminal/progress.js";

interface Options {
  readonly input?: string;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly append?: boolean;
  readonly json?: boolean;
}

const STANDARD_INPUT = "-";

/**
 * `nexus write`: gives a file a new content, as one step, from an argument, a file or standard input; or appends
 * to it, bit by bit as it comes.
 */
export function addWriteCommand(program: Command, frame: Frame): void {
  const command = program
    .command("write")
    .description("give a file a content; directories on the way are made")
    .argument("<path>", "the file")
    .argument("[content]", "the text, or - for standard input")
    .option("-i, --input <file>", "take the content from this file of the host")
    .option("-a, --append", "add to what the file has, as it comes")
    .option("--if-match <etag>", "only if the file has this content now")
    .option("--if-none-match <etag>", "only if it hasn't; '*': only if there is no file")
    .option("--json", "print what the file is then")
    .action((path: string, content: string | undefined, options: Options, command: Command) => {
      requireNoCondition(options);
      const source = sourceOf(content, { options, stdin: frame.surroundings.stdin });
      return frame.withClient(command, {
        missingStore: "make",
        paths: [path],
        run: async (session) => {
          const stat = await writeFrom(source, { session, options, frame });
          if (options.json === true) await printJson(frame.output, stat);
        },
      });
    });
  addExamples(command, [
    'nexus write /jobs/hello.txt "Hello"',
    "nexus write /data/big.bin -i big.bin",
    "make 2>&1 | nexus write --append /logs/build.log -",
  ]);
}

/** What a file has while somebody appends is no matter of one moment. Errors: `invalid-argument`. */
function requireNoCondition({ append, ifMatch, ifNoneMatch }: Options): void {
  if (append !== true || (ifMatch === undefined && ifNoneMatch === undefined)) return;
  const option = ifMatch === undefined ? "--if-none-match" : "--if-match";
  throw new NexusError("invalid-argument", `${option} and --append don't go together`);
}

type Source =
  | { readonly from: "text"; readonly text: string }
  | { readonly from: "file"; readonly path: string }
  | { readonly from: "stdin" };

/** Where the content comes from: exactly one place. Errors: `invalid-argument`. */
function sourceOf(
  content: string | undefined,
  { options, stdin }: { options: Options; stdin: { readonly isTTY?: boolean } },
): Source {
  if (options.input !== undefined) {
    if (content !== undefined) {
      throw new NexusError("invalid-argument", "a content and --input don't go together");
    }
    if (options.input === STANDARD_INPUT) return { from: "stdin" };
    return { from: "file", path: options.input };
  }
  if (content === STANDARD_INPUT) return { from: "stdin" };
  if (content !== undefined) return { from: "text", text: content };
  // Waiting for somebody to type it would look like hanging.
  if (stdin.isTTY === true) {
    throw new NexusError(
      "invalid-argument",
      "there is no content: give it as an argument, as a file with -i, or - to type it",
    );
  }
  return { from: "stdin" };
}

async function writeFrom(
  source: Source,
  { session, options, frame }: { session: Session; options: Options; frame: Frame },
): Promise<FileStat> {
  if (source.from === "text") return await write(source.text, { session, options });
  if (source.from === "stdin") {
    const stdin = untilAborted(frame.surroundings.stdin, session.signal);
    return await write(stdin, { session, options, totalBytes: undefined });
  }
  const { sizeBytes, content, close } = await openHostFile(source.path, { signal: session.signal });
  try {
    return await write(content, { session, options, totalBytes: sizeBytes });
  } finally {
    await close();
  }
}

async function write(
  content: WriteContent,
  {
    session,
    options,
    totalBytes,
  }: { session: Session; options: Options; totalBytes?: number | undefined },
): Promise<FileStat> {
  const { client, signal } = session;
  const [path = ""] = session.paths;
  const label = options.append === true ? "appending" : "writing";
  const progress = await session.progress({ label, totalBytes });
  const onProgress = (done: number) => {
    const note = totalBytes === undefined ? humanSize(done) : ofBytes(done, totalBytes);
    progress.update({ done, note });
  };
  if (options.append === true) return await client.append(path, content, { signal, onProgress });
  return await client.write(path, content, {
    signal,
    onProgress,
    ...(options.ifMatch === undefined ? {} : { ifMatch: options.ifMatch }),
    ...(options.ifNoneMatch === undefined ? {} : { ifNoneMatch: options.ifNoneMatch }),
  });
}
