import { expect } from "vitest";
import { MountTable } from "../../../src/core/mount-table.js";
import { namespaceTable } from "../../../src/core/namespace.js";
import { Router } from "../../../src/core/router.js";
import type { Features } from "../../../src/features/features.js";
import type { Files } from "../../../src/features/files/files.js";
import { PathFiles } from "../../../src/features/files/path-files.js";
import type { CustomMetadata } from "../../../src/features/metadata/custom-metadata.js";
import { PathMetadata } from "../../../src/features/metadata/path-metadata.js";
import type { Caller } from "../../../src/model/identity.js";
import type { FileSystem } from "../../../src/vfs/file-system.js";
import { featuresOf } from "../../support/client-kind.js";
import { ANYBODY, World, type WorldOptions } from "../../vfs/world.js";

/** Look-ups and handles that are out, by counting what the file system gives and takes back. */
class Counts {
  lookUps = 0;
  handles = 0;

  /** The same file system, counted. */
  wrap(fs: FileSystem): FileSystem {
    const note = (result: unknown): unknown => {
      if (result instanceof Promise) return result.then(note);
      if (Array.isArray(result)) for (const each of result) note(each);
      if (typeof result !== "object" || result === null) return result;
      if ("entry" in result) note(result.entry);
      if ("opened" in result) note(result.opened);
      if ("handle" in result) this.handles += 1;
      if ("ino" in result && "attributes" in result) this.lookUps += 1;
      return result;
    };
    const counting = [
      "lookup",
      "mkdir",
      "symlink",
      "link",
      "open",
      "create",
      "tmpfile",
      "placeFiles",
    ];
    return new Proxy(fs, {
      get: (_, key) => {
        const method: unknown = Reflect.get(fs, key, fs);
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => {
          if (key === "forget") this.lookUps -= (args[0] as { count: number }).count;
          if (key === "release") this.handles -= 1;
          const result: unknown = Reflect.apply(method, fs, args);
          return counting.includes(String(key)) ? note(result) : result;
        };
      },
    });
  }
}

/** A world with what works by path, and a count of what it holds. */
export class FilesWorld extends World {
  readonly #counts = new Counts();
  readonly files: Files;
  readonly metadataOf: CustomMetadata;

  constructor(options: WorldOptions = {}) {
    super(options);
    const { files, metadata } = this.#featuresAs(ANYBODY);
    this.files = files;
    this.metadataOf = metadata;
  }

  as(caller: Caller): Files {
    return this.#featuresAs(caller).files;
  }

  metadataAs(caller: Caller): CustomMetadata {
    return this.#featuresAs(caller).metadata;
  }

  /** What a file holds, as text. */
  async text(path: string): Promise<string> {
    return (await this.files.read(path)).toString("utf8");
  }

  /** Nothing may be held after an operation, however it ended. */
  expectNothingHeld(): void {
    const { lookUps, handles } = this.#counts;
    expect({ lookUps, handles }).toStrictEqual({ lookUps: 0, handles: 0 });
  }

  #featuresAs(caller: Caller): Features {
    const router = new Router({ namespaces: namespaceTable([]), mounts: new MountTable([]) });
    const parts = { fs: this.#counts.wrap(this.fs), router, caller, scheduler: this.clock };
    const counted = { files: new PathFiles(parts), metadata: new PathMetadata(parts) };
    const others = this.local.featuresFor(caller.identity);
    return featuresOf({ ...others, ...counted }, caller.identity);
  }
}
