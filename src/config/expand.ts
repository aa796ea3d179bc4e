import { NexusError } from "../model/errors.js";

const REFERENCE = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * Replaces `${VAR}` by the variable's value, `${VAR:-default}` by the default when it is unset or
 * empty, and `$${` by a plain `${`, in all texts of a parsed document.
 * Errors: `invalid-config` naming the variable that isn't set.
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
  return text.replace(REFERENCE, (reference, name: string | undefined, fallback?: string) => {
    if (name === undefined) return "${";
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && (value !== "" || fallback === undefined)) return value;
    if (fallback !== undefined) return fallback;
    throw new NexusError(
      "invalid-config",
      `${where}: the environment variable ${name}, in '${reference}', is not set; set it, or give a default: \${${name}:-default}`,
    );
  });
}
