import type Database from "better-sqlite3";
import type { ContentHash, Ino } from "../../../model/ids.js";

interface Name {
  readonly parent: number;
  readonly name: string;
}

/** The paths of inodes, in a tree that may be none. */
export class Paths {
  readonly #nameOf: Database.Statement<[number], Name>;
  readonly #withContent: Database.Statement<[string, number], number>;
  readonly #countWithContent: Database.Statement<[string], number>;

  constructor(database: Database.Database) {
    this.#nameOf = database.prepare(
      "SELECT parent, name FROM dentries WHERE ino = ? ORDER BY parent, name LIMIT 1",
    );
    this.#withContent = database
      .prepare<[string, number], number>(
        "SELECT ino FROM inodes WHERE content_hash = ? ORDER BY ino LIMIT ?",
      )
      .pluck();
    this.#countWithContent = database
      .prepare<[string], number>("SELECT count(*) FROM inodes WHERE content_hash = ?")
      .pluck();
  }

  /** One path of an inode; undefined when none leads to it from the root. */
  of(ino: Ino): string | undefined {
    const names = this.names(ino);
    return names && `/${names.join("/")}`;
  }

  /** The names of which that is made, from the root down. */
  names(ino: Ino): readonly string[] | undefined {
    const names: string[] = [];
    const seen = new Set<number>();
    for (let at: number = ino; at !== 1; ) {
      const name = this.#nameOf.get(at);
      if (name === undefined || seen.has(at)) return undefined;
      seen.add(at);
      names.unshift(name.name);
      at = name.parent;
    }
    return names;
  }

  /** The path of a name in a directory; undefined when none leads there. */
  in(parent: Ino, name: string): string | undefined {
    const above = this.names(parent);
    return above && `/${[...above, name].join("/")}`;
  }

  /** The first of the files that have a content, by their paths, and how many more there are. */
  filesWith(
    hash: ContentHash,
    { most }: { readonly most: number },
  ): { readonly paths: readonly string[]; readonly morePaths: number } {
    const inos = this.#withContent.all(hash, most);
    const paths = inos.map((ino) => this.of(ino as Ino)).filter((path) => path !== undefined);
    return { paths, morePaths: (this.#countWithContent.get(hash) ?? 0) - inos.length };
  }
}
