// Module hooks that let Node load the sources as they are: `./x.js` is `./x.ts`, without its types.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const compilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
};

export async function resolve(specifier, context, next) {
  const isSource = context.parentURL?.endsWith(".ts") && specifier.startsWith(".");
  return await next(isSource ? specifier.replace(/\.js$/, ".ts") : specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return await next(url, context);
  const text = await readFile(fileURLToPath(url), "utf8");
  const { outputText } = ts.transpileModule(text, { compilerOptions });
  return { format: "module", source: outputText, shortCircuit: true };
}
