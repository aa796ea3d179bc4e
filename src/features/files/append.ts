import type { OpenFlags } from "../../vfs/file-system.js";
import { requireNotAborted } from "./abort.js";
import { chunksOf, requireContent, wholeBytes } from "./chunks.js";
import { fileStat } from "./file-stat.js";
import type { AppendOptions, FileStat, WriteContent } from "./files.js";
import { type PathParts, PathWalk } from "./path-walk.js";
import { requireFile } from "./write.js";

const FILE_MODE = 0o644;

/** {@link Files.append}. What is given as one piece stays in one piece, whoever else appends. */
export async function append(
  parts: PathParts,
  {
    path,
    content,
    durable = false,
    signal,
    onProgress,
  }: AppendOptions & { path: string; content: WriteContent },
): Promise<FileStat> {
  requireContent(content);
  requireNotAborted(signal);
  return await PathWalk.during(parts, async (walk) => {
    const { fs, caller } = walk;
    const spot = await walk.find(path, { access: "write", makeParents: true });
    requireFile(spot);
    const { parent, name } = spot;
    const killSetId = caller.uid !== 0;
    const flags: OpenFlags = { access: "write", truncate: false, noAtime: false, killSetId };
    const request = { parent, name, mode: FILE_MODE, flags, exclusive: false };
    const { entry, opened } = await fs.create(caller, request);
    walk.keep(entry);
    try {
      const whole = wholeBytes(content);
      const chunks =
        whole === undefined ? chunksOf(content, { signal, scheduler: walk.scheduler }) : [whole];
      let appendedBytes = 0;
      for await (const data of chunks) {
        await fs.write(caller, { handle: opened.handle, offset: "end", data, killSetId });
        appendedBytes += data.length;
        onProgress?.(appendedBytes);
      }
    } finally {
      fs.release(opened);
    }
    if (durable) await fs.fsync(caller, { ino: entry.ino });
    return await fileStat(walk, { path: spot.path, entry, etag: false });
  });
}
