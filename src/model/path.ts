import { NAME_MAX_BYTES } from "./attributes.js";
import { NexusError } from "./errors.js";
import { typeName } from "./type-name.js";

/** Unicode category Cc; NUL is one of them. They corrupt terminals, logs and line-based tools. */
export const CONTROL = /\p{Cc}/u;
const ASCII_NAME = /^[\x20-\x7e]*$/;

/**
 * Checks one directory entry's name and returns it: `invalid-path` when it is empty, `.`, `..`,
 * holds `/`, a control character or half a surrogate pair; `name-too-long` over 255 bytes.
 */
export function checkName(name: string): string {
  if (name === "" || name === "." || name === "..") {
    throw new NexusError("invalid-path", `a name can't be '${name}'`, { path: name });
  }
  if (name.includes("/")) {
    throw new NexusError("invalid-path", "a name can't contain '/'", { path: name });
  }
  const ascii = ASCII_NAME.test(name);
  if (!ascii && !name.isWellFormed()) {
    throw new NexusError("invalid-path", "a name must be valid Unicode", { path: name });
  }
  if (!ascii && CONTROL.test(name)) {
    throw new NexusError("invalid-path", "a name can't contain control characters", { path: name });
  }
  const bytes = ascii ? name.length : Buffer.byteLength(name);
  if (bytes > NAME_MAX_BYTES) {
    throw new NexusError(
      "name-too-long",
      `a name has at most ${NAME_MAX_BYTES} bytes, this one has ${bytes}`,
      { path: name },
    );
  }
  return name;
}

/** Whether {@link checkName} takes it: a database may say anything. */
export function isName(name: string): boolean {
  const isPlain = ASCII_NAME.test(name) && name.length <= NAME_MAX_BYTES && !name.includes("/");
  if (isPlain) return name !== "" && name !== "." && name !== "..";
  try {
    checkName(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * The components of a virtual path. `//`, a trailing `/` and `.` collapse, `..` goes up one level
 * as long as there is one, a relative path starts at the root.
 * Errors: `invalid-path`, `name-too-long`.
 */
export function splitPath(path: string): string[] {
  // Every path of a caller comes by here, and not every caller's compiler has seen its type.
  if (typeof path !== "string") {
    throw new NexusError("invalid-path", `a path must be a text, not ${typeName(path)}`);
  }
  if (path === "") throw new NexusError("invalid-path", "a path can't be empty", { path });
  if (!path.isWellFormed()) {
    throw new NexusError("invalid-path", "a path must be valid Unicode", { path });
  }
  const components: string[] = [];
  for (const component of path.split("/")) {
    if (component === "" || component === ".") continue;
    if (component !== "..") {
      components.push(checkName(component));
    } else if (components.pop() === undefined) {
      throw new NexusError("invalid-path", `'${path}' leads above the root`, { path });
    }
  }
  return components;
}

/** The canonical form: absolute, no empty or dot components, no trailing `/`. Errors as above. */
export function canonicalPath(path: string): string {
  return `/${splitPath(path).join("/")}`;
}

/** Whether it is in the canonical form, of names that there can be: what a database has of names may be anything. */
export function isCanonical(path: string): boolean {
  return path === "/" || (path.startsWith("/") && path.slice(1).split("/").every(isName));
}
