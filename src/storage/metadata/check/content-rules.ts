import {
  countContents,
  IS_MISCOUNTED,
  IS_NO_HASH,
  IS_UNCLAIMED,
  IS_UNLISTED,
  listContents,
  REFERENCES,
} from "../operations/count-contents.js";
import { command, run } from "../statement.js";
import { CAN_BE_SEALED } from "./attribute-rules.js";
import type { Rule } from "./rule.js";
import { HAS_CLEAR_TYPE } from "./type-rules.js";

/** One without a name goes, and what its row says of a content may have been given to another. */
const SEALED =
  "i.mode >> 12 = 8 AND i.nlink > 0 AND i.staging_id IS NULL AND i.content_hash IS NOT NULL";

/** What the list says may be what is wrong: the bytes tell, if they are there. */
const IS_OTHER_SIZE = `${SEALED} AND i.size_bytes <> c.size_bytes AND ${CAN_BE_SEALED("c.size_bytes")}`;

const IS_NO_FILE = `i.mode >> 12 <> 8 AND ${HAS_CLEAR_TYPE}`;
/** What is of an inode whose type nobody knows may be all that there is of it. */
const IS_NO_SYMLINK = `s.ino NOT IN (
  SELECT ino FROM inodes i WHERE i.mode >> 12 = 10 OR NOT ${HAS_CLEAR_TYPE})`;

/** What the rows say of contents and of attributes. Whether the bytes are there is looked at elsewhere. */
export const CONTENT_RULES: readonly Rule[] = [
  {
    id: "inode.kind",
    says: "only regular files have contents",
    effect: "something else keeps a content from being removed",
    finds: `SELECT ino, 'it is no regular file, and has a content' AS detail FROM inodes i
      WHERE ${IS_NO_FILE} AND (content_hash IS NOT NULL OR staging_id IS NOT NULL)`,
    repair: {
      says: "takes the content away from it; one that no file has then is put away to lost+found in the data directory",
      *run() {
        yield* run(
          command(
            `UPDATE inodes AS i SET content_hash = NULL, staging_id = NULL WHERE ${IS_NO_FILE}`,
          ),
        );
      },
    },
  },
  {
    id: "content.listed-hash",
    says: "the list of contents has hashes",
    effect: "it names no content, and could name any other file",
    finds: `SELECT NULL AS ino, 'the list of contents has ' || quote(hash) || ', which is no hash' AS detail
      FROM contents WHERE ${IS_NO_HASH("hash")}`,
    repair: {
      says: "removes it from the list, which costs no file anything",
      *run() {
        yield* run(command(`DELETE FROM contents WHERE ${IS_NO_HASH("hash")}`));
      },
    },
  },
  {
    id: "content.hash",
    says: "the content of a file is named by a hash",
    effect: "reading the file fails (EIO); it can be written anew or removed",
    finds: `SELECT ino, 'its content is ' || quote(content_hash) || ', which is no hash' AS detail
      FROM inodes WHERE ${IS_NO_HASH("content_hash")}`,
  },
  {
    id: "content.known",
    says: "the content of every file is in the list of contents",
    effect: "deleting another file with the same content may remove it",
    finds: `SELECT ino, 'its content ' || content_hash || ' is not in the list of contents' AS detail
      FROM inodes WHERE ${IS_UNLISTED}`,
    repair: {
      says: "puts the content into the list",
      *run({ now }) {
        yield* listContents({ now });
      },
    },
  },
  {
    id: "content.references",
    says: "ref_count is the number of inodes with the content",
    effect: "the content may be removed too early, or never",
    finds: `SELECT NULL AS ino, 'the content ' || c.hash || ' has a reference count of ' || c.ref_count
        || ', and ' || ${REFERENCES} || ' files have it' AS detail
      FROM contents c WHERE ${IS_MISCOUNTED}`,
    repair: { says: "counts anew", run: countContents },
  },
  {
    id: "content.unclaimed",
    says: "a content that files are said to have is one that a file has",
    effect: "it is never removed, and may be all that is left of a file",
    finds: `SELECT NULL AS ino, 'the content ' || c.hash || ' has a reference count of ' || c.ref_count
        || ', and no file has it' AS detail FROM contents c WHERE ${IS_UNCLAIMED}`,
    repair: { says: "puts it away to lost+found in the data directory" },
  },
  {
    id: "content.staged-once",
    says: "a content is staged for one file only",
    effect: "what is written to one of the files shows in the other",
    finds: `SELECT i.ino, 'it shares the staged content ' || staging_id AS detail FROM inodes i
      WHERE staging_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM inodes o WHERE o.staging_id = i.staging_id AND o.ino <> i.ino)`,
  },
  {
    id: "file.size",
    says: "the size of a file is that of its content",
    effect: "the file reads as damaged",
    finds: `SELECT i.ino, 'its size is ' || i.size_bytes || ', and its content has ' || c.size_bytes
        || ' bytes' AS detail
      FROM inodes i JOIN contents c ON c.hash = i.content_hash
      WHERE ${IS_OTHER_SIZE}`,
    repair: {
      says: "gives it the size of its content",
      *run() {
        yield* run(
          command(`UPDATE inodes AS i SET size_bytes = c.size_bytes FROM contents c
            WHERE c.hash = i.content_hash AND ${IS_OTHER_SIZE}`),
        );
      },
    },
  },
  {
    id: "metadata.inode",
    says: "custom metadata belongs to an inode",
    effect: "queries find metadata of no file",
    finds: `SELECT m.ino, 'the metadata ' || quote(m.key) || ' is of an inode that isn''t there' AS detail
      FROM file_metadata m WHERE m.ino NOT IN (SELECT ino FROM inodes)`,
    repair: {
      says: "notes the metadata in lost+found in the data directory, and removes it",
      *run() {
        yield* run(command("DELETE FROM file_metadata WHERE ino NOT IN (SELECT ino FROM inodes)"));
      },
    },
  },
  {
    id: "metadata.path-id",
    says: "custom metadata has the path id of its inode",
    effect: "queries by path_id don't find it",
    finds: `SELECT m.ino, 'the path_id of its metadata ' || quote(m.key) || ' is another one' AS detail
      FROM file_metadata m JOIN inodes i ON i.ino = m.ino WHERE i.path_id <> m.path_id`,
    repair: {
      says: "gives the metadata the path_id of its file",
      *run() {
        yield* run(
          command(`UPDATE file_metadata AS m SET path_id = i.path_id FROM inodes i
            WHERE i.ino = m.ino AND i.path_id <> m.path_id`),
        );
      },
    },
  },
  {
    id: "attribute.inode",
    says: "system attributes belong to an inode",
    effect: "they take room for ever",
    finds: `SELECT ino, 'the attribute ' || quote(key) || ' is of an inode that isn''t there' AS detail
      FROM system_attributes WHERE ino NOT IN (SELECT ino FROM inodes)`,
    repair: {
      says: "removes the attribute",
      *run() {
        yield* run(
          command("DELETE FROM system_attributes WHERE ino NOT IN (SELECT ino FROM inodes)"),
        );
      },
    },
  },
  {
    id: "symlink.target",
    says: "a symlink has a target",
    effect: "following it fails",
    finds: `SELECT ino, 'the symlink has no target' AS detail FROM inodes
      WHERE mode >> 12 = 10 AND ino NOT IN (
        SELECT ino FROM symlinks WHERE length(CAST(target AS BLOB)) > 0)`,
  },
  {
    id: "symlink.inode",
    says: "only symlinks have a target",
    effect: "it takes room for ever",
    finds: `SELECT s.ino, 'a target is noted for what is no symlink' AS detail FROM symlinks s
      WHERE ${IS_NO_SYMLINK}`,
    repair: {
      says: "notes the target in lost+found in the data directory if the inode is lost, and removes it",
      *run() {
        yield* run(command(`DELETE FROM symlinks AS s WHERE ${IS_NO_SYMLINK}`));
      },
    },
  },
];
