import type { KnownDifference } from "./register-posix-cases.js";

/** Cases that fail for one reason, and what they fail with. */
interface Difference extends KnownDifference {
  readonly cases: readonly string[];
}

/**
 * What the list of cases expects and a mount through fuse-native doesn't do, with the reason. Each such case has to
 * fail there, and just so: one that holds again doesn't belong here. native-notes/fuse-native.md says more.
 */
const DIFFERENCES: readonly Difference[] = [
  {
    reason: "libfuse 2 has no fallocate: EOPNOTSUPP",
    fails: /EOPNOTSUPP/,
    cases: [
      "appending goes on where fallocate and copy_file_range have moved the end",
      ...[1, 2, 3, 4, 5, 6].map(
        (seed) =>
          `a file stays what a buffer in memory is, through 120 random changes (seed ${seed})`,
      ),
      "a file has at most 16 TiB: EFBIG beyond, and nothing has changed",
      "fallocate lengthens a file with zeros, and changes nothing inside of it",
      "fallocate takes the blocks, also past the end with KEEP_SIZE, which leaves the size",
      "fallocate beyond the largest file fails with EFBIG",
      "fallocate past the end moves mtime and ctime of one/file, and nothing else",
      ...["50 bytes at 100", "4096 bytes at 4096", "65536 bytes at 0", "70000 bytes at 4000"].map(
        hole,
      ),
      ...["100 bytes at 199990", "200000 bytes at 0", "2 bytes at 65535"].map(hole),
      "a hole past the end changes nothing",
      "a hole that is punched is found at once, and one that is written to is gone",
      "blocks count what was written, and what is punched out goes",
      "a range is zeroed, and only without KEEP_SIZE it lengthens the file",
      "punching a hole moves mtime and ctime of one/file, and nothing else",
      ...[
        "was renamed",
        "was removed",
        "was replaced",
        "has another name left",
        "has another parent",
      ].map(descriptor),
    ],
  },
  {
    reason: "libfuse 2 has no lseek, so a file is all data to SEEK_DATA and SEEK_HOLE",
    fails: /expected/,
    cases: [
      "a store in a hole makes data of it",
      ...["nothing but a hole", "a hole before", "a hole between", "a hole at the end"].map(found),
      found("holes everywhere"),
      "lseek to data or a hole at the end, past it or before the start fails with ENXIO",
      "lseek to data stays inside of data, to a hole inside of a hole, and moves the position",
      "one byte far out makes a large file of few blocks",
    ],
  },
  {
    reason: "libfuse 2 has no rename with flags: EINVAL",
    fails: /EINVAL|expected \[/,
    cases: [
      "RENAME_NOREPLACE moves to a free name, and fails with EEXIST on a taken one",
      "rename with RENAME_NOREPLACE: of eight processes that try at the same time one succeeds",
      "RENAME_EXCHANGE swaps two files",
      "RENAME_EXCHANGE swaps a file and a directory of two parents, with their links",
      "RENAME_EXCHANGE swaps two directories that aren't empty",
      "RENAME_EXCHANGE swaps a symlink itself",
      "RENAME_EXCHANGE of any two kinds keeps both with their links",
      "RENAME_EXCHANGE of two files in two directories moves mtime and ctime of one, mtime and ctime of two, ctime of one/source, ctime of two/other, and nothing else",
      "exchanging two names of one file does nothing",
      "RENAME_WHITEOUT leaves a character device 0/0 under the old name",
      "RENAME_WHITEOUT replaces what is there, and with RENAME_NOREPLACE it doesn't",
      "RENAME_WHITEOUT of a directory leaves a whiteout, and takes its links along",
      "rename with RENAME_WHITEOUT has the errors of one without",
    ],
  },
  {
    reason: "libfuse 2 has no O_TMPFILE: EOPNOTSUPP",
    fails: /^open: EOPNOTSUPP/,
    cases: [
      "a file of O_TMPFILE has no name and no links, and takes content as any other",
      "a file of O_TMPFILE gets its name with all that it has by then, and keeps taking more",
      "a file of O_TMPFILE takes several names, and no taken one: EEXIST",
      "with O_EXCL a file of O_TMPFILE never gets a name: ENOENT",
      "a new file of O_TMPFILE is born now, with all its times",
      "O_TMPFILE moves no time of anything",
      "a name for a file of O_TMPFILE moves mtime and ctime of one, and nothing else",
      "the umask counts for every way to make something but a symlink",
    ],
  },
  {
    reason: "times are whole milliseconds, so two moments may be one",
    fails: /expected 0 to be (greater|less) than 0/,
    isByChance: true,
    cases: [
      "chown to nobody in particular takes the set-id bits, and moves ctime",
      "a new file is born now, with all its times",
    ],
  },
  {
    reason: "times are whole milliseconds from 1970 on, and one of the two alone can't be set",
    fails: /^expected/,
    cases: [
      "an unlinked open file keeps its attributes and takes new ones",
      "owner and times of a symlink are its own",
      "times are kept to the nanosecond, from 1901 to 2446",
      "times that were set stay when a file is opened, settles, is linked and renamed",
      "times that are set by a descriptor that has written stay when it is closed",
      "a time that is omitted stays, and UTIME_NOW gives both the same moment",
      "a symlink is followed unless it is asked for itself, also a dangling one",
      "the owner sets the times of a file that it may not write, also by a descriptor to read",
      "utimensat with UTIME_NOW and UTIME_OMIT moves atime and ctime of one/file, and nothing else",
      "utimensat with UTIME_OMIT and UTIME_NOW moves mtime and ctime of one/file, and nothing else",
      "utimensat to the time that a file has moves ctime of one/file, and nothing else",
    ],
  },
  {
    reason:
      "libfuse 2 finds an open directory, or a file without a name, by the path of its directory",
    fails: /ENOENT/,
    cases: [
      "an open file whose directory is gone as well still works",
      "a replaced directory that is open is empty and has no links",
      "in a removed directory that is open nothing can be made: ENOENT",
      "a removed directory that is open takes what concerns itself, and no names",
      descriptor("has no parent any more"),
    ],
  },
  {
    reason: "libfuse 2 numbers the entries of each listing anew",
    fails: /^expected/,
    cases: ["a listing goes on after a cookie whose entry has been removed"],
  },
  {
    reason: "texts come as JavaScript's, so bytes that aren't UTF-8 are refused: EILSEQ",
    fails: /EILSEQ/,
    cases: ["a target need not be UTF-8"],
  },
  {
    reason:
      "the kernel keeps no pages from one open to the next, so a map reads, and that moves atime",
    fails: /expected/,
    cases: [
      "a store in a shared mapping, and msync, moves mtime and ctime of one/file, and nothing else",
    ],
  },
  {
    reason: "libfuse 2 doesn't tell with which flags a directory was opened",
    fails: /expected/,
    cases: ["with O_NOATIME a directory is listed without a trace"],
  },
  {
    reason: "where the end is may be news to the kernel, so O_APPEND counts more than RWF_NOAPPEND",
    fails: /expected/,
    cases: ["RWF_APPEND appends without O_APPEND, and RWF_NOAPPEND writes in place with it"],
  },
];

/** What the reason of others is where root acts as somebody else: all that is made is root's. */
const CASES_OF_OTHERS: readonly string[] = [
  "fallocate by somebody else takes the set-id bits, and stat tells at once",
  "writing by somebody else takes set-group-id also without group execute",
  "a file opens for what its mode lets the owner do, and access says the same",
  "without x on a directory nothing in it is reached, and r still lists the names",
  "without r a directory can't be listed, and x leads to what is in it",
  "without w on a directory its names stay as they are, and contents don't",
  "a directory moves to another parent only if its own .. may be written: EACCES",
  "a descriptor goes on doing what it was opened for when the mode forbids it",
  "an owner gives a file to its groups, and neither to other groups nor to anybody: EPERM",
  "what is made in a set-group-id directory has its group, and directories the bit as well",
  "in a sticky directory everybody removes, moves and replaces what is their own",
  "the owner of a sticky directory, and root, remove what is others'",
  "renaming needs nothing of the file itself, only of the two directories",
  "trusted attributes are root's, on symlinks and FIFOs too",
  "user attributes are read by who may read, and changed by who may write: EACCES",
];

function hole(where: string): string {
  return `a hole of ${where} is zeros, and the rest and the size stay`;
}

function found(where: string): string {
  return `of a file with ${where}, lseek finds where data and holes begin`;
}

function descriptor(what: string): string {
  return `a descriptor of a file that ${what} does all that it did before`;
}

/** The difference of each case, by its name. */
export const FUSE_NATIVE_DIFFERENCES: ReadonlyMap<string, KnownDifference> = new Map(
  DIFFERENCES.flatMap((difference) =>
    difference.cases.map((name): [string, KnownDifference] => [name, difference]),
  ),
);

const OF_OTHERS = {
  reason: "libfuse doesn't tell who asks",
  fails: /expected|EACCES|EPERM|EOPNOTSUPP/,
};

/** The same for root's mount, which others may enter. */
export const FUSE_NATIVE_DIFFERENCES_OF_ROOT: ReadonlyMap<string, KnownDifference> = new Map([
  ...FUSE_NATIVE_DIFFERENCES,
  ...CASES_OF_OTHERS.map((name): [string, KnownDifference] => [name, OF_OTHERS]),
]);
