// Makes of the sources what is run, in dist: `npm run build` calls it after the types. Hundreds of small
// modules take Node longer to load than all that a short command does.
//
// Each thread is an entry like each program, so that it loads nothing that it doesn't use. The module behind it
// starts it by its own `import.meta.url`, so it doesn't matter where that ends up. A URL of another file has
// to be right from `src/x/` and from `dist/chunks/`.

import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = join(ROOT, "src");
const DIST = join(ROOT, "dist");

const ENTRIES = [
  ...["index", "cli/main", "daemon/main", "daemon/health-probe"],
  ...["daemon/fs-thread", "fuse/invalidation/notifier/notifier-main"],
  "fuse/invalidation/notifier/notifier-thread",
  "storage/metadata/sqlite/checkpoint-worker",
  "storage/content/local/content-jobs-worker",
];
/** Packages that are put in, with what is used of them: zod as a whole takes a tenth of a second to load. */
const INCLUDED = ["zod"];

const bundle = await rolldown({
  input: Object.fromEntries(ENTRIES.map((name) => [name, join(SOURCES, `${name}.ts`)])),
  platform: "node",
  external: (id) => /^[^./]/.test(id) && !INCLUDED.includes(id),
  preserveEntrySignatures: "allow-extension",
});
const { output } = await bundle.generate({
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name].js",
});
await bundle.close();

// What is as it was stays untouched: a daemon that runs from here may load more of it later. One that runs while
// something of it changes may find that what it loads doesn't fit, or is gone: it has to be started again.
const made = new Map(
  output.map((file) => [file.fileName, file.type === "chunk" ? file.code : file.source]),
);
for (const [name, text] of made) {
  const path = join(DIST, name);
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
for (const name of INCLUDED) {
  copyFileSync(join(ROOT, "node_modules", name, "LICENSE"), join(DIST, `LICENSE-${name}`));
}

// What was built of a source that is gone would go on working here, and nowhere else.
for (const name of readdirSync(DIST, { recursive: true, encoding: "utf8" })) {
  const isOurs = !name.startsWith(".");
  const isStale = name.endsWith(".d.ts")
    ? !existsSync(join(SOURCES, name.replace(/\.d\.ts$/, ".ts")))
    : /\.js(\.map)?$/.test(name) && !made.has(name);
  if (isOurs && isStale) rmSync(join(DIST, name));
}
