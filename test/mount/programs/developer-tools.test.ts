import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoMounts } from "../../support/daemon.js";
import { SideBySide } from "./side-by-side.js";

describe.skipIf(whyNoMounts() !== undefined)("developers' tools, as on a disk", () => {
  let sides: SideBySide | undefined;

  beforeAll(async () => {
    sides = await SideBySide.start();
  });

  afterAll(async () => {
    await sides?.stop();
  });

  test("git: init, add, commit, branch, merge, clone, gc, fsck", async () => {
    const out = await sides?.run(
      "git",
      `git init -q -b main repo; cd repo
       mkdir -p src/deep; for i in $(seq 150); do seq $i > src/deep/$i.txt; done
       ln -s src/deep link; cp src/deep/1.txt run.sh; chmod +x run.sh
       git add .; git commit -qm first
       git switch -qc side; echo more >> src/deep/1.txt; git mv run.sh go.sh; git commit -qam side
       git switch -q main; echo other >> src/deep/2.txt; git commit -qam main; git merge -q --no-edit side
       git rev-parse HEAD 'HEAD^{tree}'; git status --porcelain
       git clone -q --no-local . ../copy; git clone -q . ../hard
       git -C ../copy log --oneline; git -C ../copy status --porcelain
       git gc -q --prune=now; git fsck --strict --full 2>&1; git -C ../hard fsck 2>&1
       git stash list; echo dirty >> go.sh; git stash -q; git stash pop -q; git diff --stat
       git reset -q --hard; git clean -qfdx; git status --porcelain; git count-objects
       cd ../copy; git rm -qr src; git checkout -q HEAD -- src; git status --porcelain; ls src/deep | wc -l`,
    );
    expect(out).toContain("150\n");
  });

  test("npm: pack, and install from a tarball and from the registry", async () => {
    const out = await sides?.run(
      "npm",
      `mkdir hello app; cd hello
       echo '{"name":"hello","version":"1.2.3","bin":{"hello":"bin.js"},"files":["bin.js","lib"]}' > package.json
       printf '#!/usr/bin/env node\\nconsole.log(require("./lib/text.js"))\\n' > bin.js
       mkdir lib; echo 'module.exports = "hello from a package"' > lib/text.js
       npm pack --silent; cd ../app
       echo '{"name":"app","version":"1.0.0","private":true}' > package.json
       npm install --silent --no-audit --no-fund --cache ../cache ../hello/hello-1.2.3.tgz is-number@7.0.0
       node_modules/.bin/hello; node -p 'require("is-number")("5")'
       stat -L -c %a node_modules/.bin/hello; npm ls --parseable | wc -l
       cp package-lock.json ../lock; npm ci --silent --no-audit --no-fund --cache ../cache
       diff package-lock.json ../lock; find node_modules | sort`,
    );
    expect(out).toContain("hello from a package\ntrue\n755\n");
  });

  test("make and cc: a program that is compiled and run there", async () => {
    const out = await sides?.run(
      "make",
      `cp "$PROGRAMS/shared-map.c" .
       printf 'CFLAGS = -O1 -Wall -Werror\\nall: shared-map\\nclean:\\n\\trm -f shared-map\\n' > Makefile
       make -s; make -q && echo up to date
       ./shared-map mapped; sha256sum mapped; touch shared-map.c; make -q || echo out of date
       make -s clean; ls`,
    );
    expect(out).toMatch(/^up to date\nseen by read\nseen in the map\nkept\n/);
  });

  test.each(["delete", "wal"])(
    "sqlite3: two processes that write, with journal_mode %s",
    async (mode) => {
      const out = await sides?.run(
        `sqlite-${mode}`,
        `sqlite3 db 'pragma journal_mode=${mode}; create table t (who, n, unique (who, n));'
         work() {
           echo '.timeout 60000'; echo 'pragma synchronous=normal;' 
           for n in $(seq 40); do echo "begin immediate; insert into t values ('$1', $n); insert into t values ('$1', -$n); commit;"; done
         }
         work a | sqlite3 -bail db & first=$!
         work b | sqlite3 -bail db & second=$!
         wait $first; wait $second
         sqlite3 db 'select who, count(*), sum(n) from t group by who; pragma integrity_check; vacuum; pragma journal_mode;'
         sqlite3 db 'begin; delete from t; rollback; select count(*) from t;'; ls`,
      );
      expect(out).toBe(`${mode}\na|80|0\nb|80|0\nok\n${mode}\n160\ndb\n`);
    },
  );

  test("vim and sed -i replace a file at once, and keep its mode", async () => {
    const out = await sides?.run(
      "edit",
      `printf 'one\\ntwo\\n' > file; chmod 640 file; ln file other; ln -s file soft
       for copy in yes no auto; do
         vim -es -n -i NONE -u NONE -c "set writebackup backupcopy=$copy" -c '%s/one/one one/' -c 'wq' soft
         cat file; stat -c '%a %h' file; ls -A
       done
       sed -i s/two/three/ file; cat file other; stat -c '%a %h' file; ls -A
       sed -i.bak --follow-symlinks s/three/four/ soft; cat soft file.bak; ls -A`,
    );
    expect(out).toContain("four");
  });

  test("was no trouble for the daemon", () => {
    expect(sides?.troubles).toEqual([]);
  });
});
