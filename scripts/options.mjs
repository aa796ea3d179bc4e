import { parseArgs } from "node:util";

/**
 * The options of a script, as `util.parseArgs` describes them, and what they are here. `--help` prints them with their
 * defaults and ends with 0; what it doesn't know is said in a line, and ends with 2.
 */
export function optionsOf(script, options) {
  const usage = `usage: ${script}${Object.entries(options).map(described).join("")}`;
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: "boolean" } } });
    if (!values.help) return values;
    console.log(usage);
  } catch (error) {
    if (!error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
    console.error(`${script}: ${error.message}\n${usage}`);
    process.exit(2);
  }
  process.exit(0);
}

function described([name, option]) {
  const value = option.type === "boolean" ? "" : ` ${option.default ?? name.toUpperCase()}`;
  return ` [--${name}${value}]`;
}
