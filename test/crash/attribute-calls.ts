import { constants } from "node:os";
import { bindAsync } from "../../src/libc/library.js";

// Node has no calls for extended attributes. These run on libuv's pool, so that the thread goes on.

const libcSetxattr = bindAsync<
  [path: string, name: string, from: Uint8Array, size: number, flags: number]
>("int setxattr(const char *path, const char *name, const void *from, size_t size, int flags)");
const libcGetxattr = bindAsync<[path: string, name: string, to: Uint8Array, size: number]>(
  "int64_t getxattr(const char *path, const char *name, void *to, size_t size)",
);

const VALUE_BYTES = 256;
const ENODATA = constants.errno.ENODATA;

function errorOf(result: number): NodeJS.ErrnoException {
  const [code = `errno ${-result}`] =
    Object.entries(constants.errno).find(([, number]) => number === -result) ?? [];
  return Object.assign(new Error(code), { code });
}

/** Errors have a `code`, as Node's own. */
export async function setAttribute(path: string, { name, value }: { name: string; value: string }) {
  const from = Buffer.from(value);
  const result = await libcSetxattr(path, name, from, from.length, 0);
  if (result < 0) throw errorOf(result);
}

/** Undefined when it has none of that name. Values up to 256 bytes. */
export async function getAttribute(path: string, name: string): Promise<string | undefined> {
  const to = Buffer.alloc(VALUE_BYTES);
  const result = await libcGetxattr(path, name, to, to.length);
  if (result >= 0) return to.toString("utf8", 0, result);
  if (result === -ENODATA) return undefined;
  throw errorOf(result);
}
