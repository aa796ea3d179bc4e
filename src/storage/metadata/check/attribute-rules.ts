import { command, run } from "../statement.js";
import type { Rule } from "./rule.js";

const NSEC_MAX = 999_999_999;
const TIMES = ["atime_nsec", "mtime_nsec", "ctime_nsec", "btime_nsec"];
/** In SQL: whether a sealed content can have so many bytes. */
export const CAN_BE_SEALED = (bytes: string) => `${bytes} BETWEEN 0 AND ${Number.MAX_SAFE_INTEGER}`;
/** What is being written may be larger, if nearly all of it is a hole. */
const IS_NO_SIZE = `(size_bytes < 0 OR staging_id IS NULL AND NOT ${CAN_BE_SEALED("size_bytes")})`;
const BLOCK_BYTES = 512;
/** More than any disk has; a file may have more blocks than bytes. */
const BLOCKS_MAX = 2 ** 44;
const HEX = "[0-9a-f]";
const UUID = [8, 4, 4, 4, 12].map((digits) => HEX.repeat(digits)).join("-");
const UUID_BYTES = 36;

const HAS_WRONG_NSEC = TIMES.map((time) => `${time} NOT BETWEEN 0 AND ${NSEC_MAX}`).join(" OR ");

/** What numbers and ids of an inode can be. */
export const ATTRIBUTE_RULES: readonly Rule[] = [
  {
    id: "inode.size",
    says: "a size is one that a file can have",
    effect: "the file can't be read",
    finds: `SELECT ino, 'its size is ' || size_bytes AS detail FROM inodes WHERE ${IS_NO_SIZE}`,
    repair: {
      says: "gives it the size of its content, or none",
      *run() {
        yield* run(
          command(`UPDATE inodes SET size_bytes = coalesce(
              (SELECT c.size_bytes FROM contents c WHERE c.hash = content_hash AND ${CAN_BE_SEALED("c.size_bytes")}), 0)
            WHERE ${IS_NO_SIZE}`),
        );
      },
    },
  },
  {
    id: "inode.blocks",
    says: "a file has as many blocks as a disk may have",
    effect: "programs that add up room get it wrong",
    finds: `SELECT ino, 'it has ' || blocks || ' blocks' AS detail FROM inodes
      WHERE blocks NOT BETWEEN 0 AND ${BLOCKS_MAX}`,
    repair: {
      says: "takes them from the size",
      *run() {
        yield* run(
          command(`UPDATE inodes SET blocks = (max(size_bytes, 0) + ${BLOCK_BYTES - 1}) / ${BLOCK_BYTES}
            WHERE blocks NOT BETWEEN 0 AND ${BLOCKS_MAX}`),
        );
      },
    },
  },
  {
    id: "inode.times",
    says: "nanoseconds are less than a second",
    effect: "programs get a time that there isn't",
    finds: `SELECT ino, 'the nanoseconds of one of its times are none' AS detail FROM inodes WHERE ${HAS_WRONG_NSEC}`,
    repair: {
      says: "keeps the second",
      *run() {
        const set = TIMES.map((time) => `${time} = min(max(${time}, 0), ${NSEC_MAX})`).join(", ");
        yield* run(command(`UPDATE inodes SET ${set} WHERE ${HAS_WRONG_NSEC}`));
      },
    },
  },
  {
    id: "inode.path-id",
    says: "a path_id is a UUID",
    effect: "what refers to the file by it, and an import, can't use it",
    finds: `SELECT ino, 'its path_id is ' || quote(path_id) AS detail FROM inodes
      WHERE path_id NOT GLOB '${UUID}' OR octet_length(path_id) <> ${UUID_BYTES}`,
  },
];
