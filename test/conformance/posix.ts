import { ACCESS_TIME_CASES } from "./cases/access-time.js";
import { APPEND_CASES } from "./cases/append.js";
import { COPY_RANGE_CASES } from "./cases/copy-range.js";
import { DATA_CASES } from "./cases/data.js";
import { DIRECTORY_CASES } from "./cases/directory.js";
import { ERROR_ORDER_CASES } from "./cases/error-order.js";
import { FALLOCATE_CASES } from "./cases/fallocate.js";
import { LINK_CASES } from "./cases/link.js";
import { LINK_FLAG_CASES } from "./cases/link-flags.js";
import { LOCK_CASES } from "./cases/locks.js";
import { MEMORY_MAP_CASES } from "./cases/memory-maps.js";
import { MODEL_CASES } from "./cases/model.js";
import { NAME_CASES } from "./cases/names.js";
import { OPEN_CASES } from "./cases/open.js";
import { OPEN_HANDLE_CASES } from "./cases/open-handles.js";
import { OPEN_KIND_CASES } from "./cases/open-kinds.js";
import { OWNER_CASES } from "./cases/owners.js";
import { PATH_ERROR_CASES } from "./cases/path-errors.js";
import { PERMISSION_CASES } from "./cases/permissions.js";
import { RACE_CASES } from "./cases/races.js";
import { READ_WRITE_FLAG_CASES } from "./cases/read-write-flags.js";
import { READDIR_CASES } from "./cases/readdir.js";
import { READDIR_EDGE_CASES } from "./cases/readdir-edges.js";
import { RENAME_CASES } from "./cases/rename.js";
import { RENAME_FLAG_CASES } from "./cases/rename-flags.js";
import { SET_ID_CASES } from "./cases/set-id.js";
import { SHARED_DIRECTORY_CASES } from "./cases/shared-directories.js";
import { SPARSE_CASES } from "./cases/sparse.js";
import { SPECIAL_FILE_CASES } from "./cases/special-files.js";
import { STAT_CASES } from "./cases/stat.js";
import { SYMLINK_CASES } from "./cases/symlink.js";
import { TIME_OF_ATTRIBUTE_CASES } from "./cases/time-of-attributes.js";
import { TIME_OF_CONTENT_CASES } from "./cases/time-of-contents.js";
import { TIME_OF_NAME_CASES } from "./cases/time-of-names.js";
import { TRUNCATE_CASES } from "./cases/truncate.js";
import { UNLINK_CASES } from "./cases/unlink.js";
import { UNNAMED_CASES } from "./cases/unnamed.js";
import { UTIMENSAT_CASES } from "./cases/utimensat.js";
import { XATTR_CASES } from "./cases/xattr.js";
import type { PosixCase } from "./posix-case.js";

/**
 * What the file system promises to the programs of a Linux machine, one case a sentence. The same
 * list runs in process, on a real mount as root and as an ordinary user, and, to prove that the
 * cases are right, on a file system of the kernel.
 */
export const POSIX_CASES: readonly PosixCase[] = [
  ...OPEN_CASES,
  ...OPEN_KIND_CASES,
  ...UNNAMED_CASES,
  ...APPEND_CASES,
  ...COPY_RANGE_CASES,
  ...DATA_CASES,
  ...MEMORY_MAP_CASES,
  ...READ_WRITE_FLAG_CASES,
  ...MODEL_CASES,
  ...TRUNCATE_CASES,
  ...SPARSE_CASES,
  ...FALLOCATE_CASES,
  ...SET_ID_CASES,
  ...PERMISSION_CASES,
  ...OWNER_CASES,
  ...SHARED_DIRECTORY_CASES,
  ...UNLINK_CASES,
  ...OPEN_HANDLE_CASES,
  ...RACE_CASES,
  ...RENAME_CASES,
  ...RENAME_FLAG_CASES,
  ...LINK_CASES,
  ...LINK_FLAG_CASES,
  ...SYMLINK_CASES,
  ...ACCESS_TIME_CASES,
  ...UTIMENSAT_CASES,
  ...STAT_CASES,
  ...XATTR_CASES,
  ...LOCK_CASES,
  ...TIME_OF_CONTENT_CASES,
  ...TIME_OF_NAME_CASES,
  ...TIME_OF_ATTRIBUTE_CASES,
  ...DIRECTORY_CASES,
  ...SPECIAL_FILE_CASES,
  ...NAME_CASES,
  ...PATH_ERROR_CASES,
  ...ERROR_ORDER_CASES,
  ...READDIR_CASES,
  ...READDIR_EDGE_CASES,
];
