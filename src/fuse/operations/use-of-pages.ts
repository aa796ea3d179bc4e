import type { Origin } from "../../model/identity.js";
import type { Holdings } from "../holdings.js";
import { FATTR, OPCODE, WRITE_FLAG } from "../protocol/constants.js";
import type { Request } from "../protocol/request.js";

/**
 * What a request does with the kernel's pages of its file. What is written through some handles goes past them; but
 * the pages of a mapping, which the kernel writes through any handle of the file, never do.
 *
 * A write keeps its pages locked, or under writeback. Truncating keeps back the writing of dirty pages of a mapping,
 * for which whoever wants to forget these waits. (fs/fuse/file.c: fuse_send_write_pages, fuse_set_nowrite)
 */
export function useOfPages(
  request: Request,
  handles: Pick<Holdings, "goesPastCache">,
): Origin["pages"] {
  switch (request.opcode) {
    case OPCODE.WRITE: {
      const isOfMapping = (request.u32(20) & WRITE_FLAG.CACHE) !== 0;
      return !isOfMapping && handles.goesPastCache(request.u64(0)) ? "passed" : "locked";
    }
    case OPCODE.SETATTR:
      return (request.u32(0) & FATTR.SIZE) !== 0 ? "locked" : undefined;
    default:
      return undefined;
  }
}
