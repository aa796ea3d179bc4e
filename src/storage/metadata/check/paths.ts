import type Database from "better-sqlite3";
import type { ContentHash, Ino } from "../../../model/ids.js";

interface Name {
  readonly parent: number;
  readonly name: string;
}

/** The paths of inodes, in a tree that may be none. */
export class Paths {
  readonly #nameOf: Database.Statement<[number], Name>;
  readonly #withContent: Database.Statement<[string], number>;

  constructor(database: Database.Database) {
    this.#nameOf = database.prepare(
      "SELECT parent, name FROM dentries WHERE ino = ? ORDER BY parent, name LIMIT 1",
    );
    this.#withContent = database
      .prepare<[string], number>("SELECT ino FROM inodes WHERE content_hash = ? ORDER BY ino")
      .pluck();
  }

  /** One path of an inode; undefined when none leads to it from the root. */
  of(ino: Ino): string | undefined {
    const names: string[] = [];
    const seen = new Set<number>();
    for (let at: number = ino; at !== 1; ) {
      const name = this.#nameOf.get(at);
      if (name === undefined || seen.has(at)) return undefined;
      seen.add(at);
      names.unshift(name.name);
      at = name.parent;
    }
    return `/${names.join("/")}`;
  }

  /** The files that have a content. */
  filesWith(hash: ContentHash): { readonly ino: Ino; readonly path: string | undefined }[] {
    return this.#withContent.all(hash).map((ino) => ({
      ino: ino as Ino,
      path: this.of(ino as Ino),
    }));
  }
}
