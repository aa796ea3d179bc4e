import { NexusError } from "../model/errors.js";

/** Longer ones are no setting, and many variables of many bytes would be no text that can be made. */
const MOST_CHARACTERS = 64 * 1024;

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * Replaces `${VAR}` by the variable's value, `${VAR:-default}` by the default when it is unset or
 * empty, and `$${` by a plain `${`, in all texts of a parsed document.
 * Errors: `invalid-config` naming the variable that isn't set, or whose value makes a text too long.
 */
export function expandVariables(
  value: unknown,
  { env, where }: { env: NodeJS.ProcessEnv; where: string },
): unknown {
  if (typeof value === "string") return expandText(value, { env, where });
  if (Array.isArray(value)) return value.map((item) => expandVariables(item, { env, where }));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, expandVariables(item, { env, where })]),
  );
}

function expandText(
  text: string,
  { env, where }: { env: NodeJS.ProcessEnv; where: string },
): string {
  let length = text.length;
  return text.replace(REFERENCE, (reference, name: string | undefined, fallback?: string) => {
    if (name === undefined) return "${";
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && (value !== "" || fallback === undefined)) {
      length += value.length;
      if (length > MOST_CHARACTERS) throw tooLong(where, name);
      return value;
    }
    if (fallback !== undefined) return fallback;
    throw new NexusError(
      "invalid-config",
      `${where}: the environment variable ${name}, in '${reference}', is not set; set it, or give a default: \${${name}:-default}`,
    );
  });
}

function tooLong(where: string, name: string): NexusError {
  const message = `${where}: with the value of ${name} it would have more than ${MOST_CHARACTERS} characters`;
  return new NexusError("invalid-config", message);
}
