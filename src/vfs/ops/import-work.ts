import { zonePath } from "../../core/place.js";
import { NexusError } from "../../model/errors.js";
import type { Caller } from "../../model/identity.js";
import { type DependencyReference, WORK_KEY } from "../../model/work.js";
import type { ImportedWork } from "../../storage/metadata/import-store.js";
import type { FileImport } from "../file-system.js";
import type { Volume } from "../volume.js";
import { requireNoCycle } from "./import-cycles.js";
import type { Found, Step } from "./import-paths.js";
import { resolveDependencies } from "./work-attributes.js";

interface WorkFile {
  readonly file: FileImport;
  readonly steps: readonly Step[];
  readonly found: Found;
}

/**
 * What the queue has to know of each file of an import. A dependency that means no file yet may mean
 * one of the import. Errors: `invalid-argument` (also a cycle), `access-denied` (a dependency on a place
 * that the caller may not see).
 */
export function importedWork(
  volume: Volume,
  { caller, files }: { caller: Caller; files: readonly WorkFile[] },
): ImportedWork[] {
  const byPath = new Map(files.map(({ file: { path } }, index) => [path, index]));
  const byId = new Map(files.map(({ file: { pathId } }, index) => [pathId, index]));
  const inImport = (reference: DependencyReference) =>
    reference.by === "path" ? byPath.get(reference.path) : byId.get(reference.pathId);
  const works = files.map(({ file, steps }): ImportedWork => {
    const place = steps.at(-1)?.place ?? volume.router.root;
    const zone = zonePath(place.zone);
    const value = file.metadata.get(WORK_KEY.dependsOn);
    if (value === undefined) return { zone, dependencies: [] };
    const text = Buffer.from(value).toString("utf8");
    try {
      const dependencies = resolveDependencies(volume, { caller, text }).map((resolved) => {
        return { ...resolved, file: inImport(resolved.reference) };
      });
      return { zone, dependencies };
    } catch (error) {
      if (!(error instanceof NexusError)) throw error;
      const { path } = file;
      const message = `${path}: ${error.message}`;
      throw new NexusError(error.kind, message, { op: "import", path, cause: error });
    }
  });
  const imported = files.map(({ file: { path }, found }) => ({ path, ino: found.file?.ino }));
  requireNoCycle(volume, { files: imported, works });
  return works;
}
