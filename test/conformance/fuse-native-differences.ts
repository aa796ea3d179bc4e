/**
 * What the list of cases expects and a mount through fuse-native doesn't do, with the reason. Each such case has to
 * fail there: one that holds again doesn't belong here. native-notes/fuse-native.md says more.
 */
const CASES_OF_REASON: Readonly<Record<string, readonly string[]>> = {
  "libfuse 2 has no fallocate: EOPNOTSUPP": [
    "appending goes on where fallocate and copy_file_range have moved the end",
    ...[1, 2, 3, 4, 5, 6].map(
      (seed) =>
        `a file stays what a buffer in memory is, through 120 random changes (seed ${seed})`,
    ),
    "a file has at most 16 TiB: EFBIG beyond, and nothing has changed",
    "fallocate by somebody else takes the set-id bits, and stat tells at once",
  ],
  "libfuse 2 has no rename with flags: EINVAL": [
    "RENAME_NOREPLACE moves to a free name, and fails with EEXIST on a taken one",
    "RENAME_EXCHANGE swaps two files",
    "RENAME_EXCHANGE swaps a file and a directory of two parents, with their links",
    "RENAME_EXCHANGE swaps two directories that aren't empty",
    "RENAME_EXCHANGE swaps a symlink itself",
    "exchanging two names of one file does nothing",
    "RENAME_WHITEOUT leaves a character device 0/0 under the old name",
  ],
  "times are whole milliseconds, and one of the two alone can't be set": [
    "chown to nobody in particular takes the set-id bits, and moves ctime",
    "an unlinked open file keeps its attributes and takes new ones",
    "owner and times of a symlink are its own",
  ],
  "libfuse 2 finds an open directory, or a file without a name, by the path of its directory": [
    "an open file whose directory is gone as well still works",
    "a replaced directory that is open is empty and has no links",
    "in a removed directory that is open nothing can be made: ENOENT",
  ],
  "texts come as JavaScript's, so bytes that aren't UTF-8 are refused: EILSEQ": [
    "a target need not be UTF-8",
  ],
  "without HANDLE_KILLPRIV_V2 the kernel leaves set-group-id without group execute": [
    "writing by somebody else takes set-group-id also without group execute",
  ],
};

/** The reason of each case, by its name. */
export const FUSE_NATIVE_DIFFERENCES: ReadonlyMap<string, string> = new Map(
  Object.entries(CASES_OF_REASON).flatMap(([reason, names]) =>
    names.map((name): [string, string] => [name, reason]),
  ),
);
