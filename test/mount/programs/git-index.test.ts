import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Mounted, shell, whyNoMounts } from "../../support/daemon.js";

const FILES = 600;

/** What git says when it trusts nothing but what it noted of each file: times, inode, owner, size. */
const CHANGED = "git diff-files --name-only | wc -l";

const GIT = `
  export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null LC_ALL=C.UTF-8
  export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
`;

describe.skipIf(whyNoMounts() !== undefined)("git's index on a mount", () => {
  let mounted: Mounted | undefined;

  beforeAll(async () => {
    mounted = await Mounted.start();
    await git(
      ".",
      `git init -q -b main repo; cd repo; git config core.trustctime true; git config core.checkStat default
       for i in $(seq ${FILES}); do mkdir -p $((i % 20)); seq $i > $((i % 20))/$i; done
       git add .; git commit -qm all`,
    );
  });

  afterAll(async () => {
    await mounted?.stop();
  });

  const git = async (place: string, script: string) =>
    (await shell(GIT + script, { cwd: `${mounted?.mountPoint}/${place}` })).trim();

  test("holds when contents have been sealed, so that nothing is read again, also in a second worktree", async () => {
    await git("repo", "git worktree add -q ../second -b second; git gc -q --prune=now; git status");
    await mounted?.unmount();
    await mounted?.mount();
    expect(await git("repo", CHANGED)).toBe("0");
    expect(await git("second", CHANGED)).toBe("0");
    expect(await git("repo", "git fsck --strict 2>&1; git status --porcelain")).toBe("");
    await git("repo", "git repack -qadf; git worktree remove ../second; git worktree prune");
    expect(await git("repo", "git worktree list | wc -l; git fsck 2>&1")).toBe("1");
  });

  test("sees each change, also one of equal length made at once", async () => {
    const script = `for i in $(seq 30); do
        printf "$i a" > racy; git add racy; printf "$i b" > racy; git diff --quiet -- racy && echo "missed $i"; done
      echo tested`;
    expect(await git("repo", script)).toBe("tested");
  });

  test("was no trouble for the daemon", () => {
    expect(mounted?.troubles).toEqual([]);
  });
});
