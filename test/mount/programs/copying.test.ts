import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoMounts } from "../../support/daemon.js";
import { SideBySide } from "./side-by-side.js";

/** A tree with all that a copy has to keep, and `facts DIR`, which prints it. */
const TREE = `
  tree() {
    mkdir -p "$1/deep/er"; cd "$1"
    for i in $(seq 60); do seq $i $((i * 40)) > deep/$i; done
    ln deep/1 deep/er/same; ln deep/1 again; ln -s deep/er soft; ln -s nowhere dangling
    mkfifo -m 640 fifo; truncate -s 1M holes; printf end | dd of=holes bs=1 seek=700000 conv=notrunc status=none
    setfattr -n user.colour -v green deep/2; setfattr -n user.of -v directory deep
    setfattr -n user.bytes -v 0x00ff0a deep/3; chmod 4750 deep/4; chown 12:34 deep/5; chmod 1777 deep/er
    find . -exec touch -h -d '2021-02-03 04:05:06.123456789' {} +; cd ..
  }
  facts() (
    cd "$1"; find . -printf '%p %y %m %U %G %T@ %l %n\\n' | sed 's/^\\(. d .*\\) [0-9]*$/\\1/' | sort
    find . -type f -printf '%p %s\\n' | sort; find . -type f -exec sha256sum {} + | sort; getfattr -Rhd -e hex -m '^user' . | sort
    for pair in 'deep/1 again' 'deep/1 deep/er/same'; do set -- $pair; test $1 -ef $2 && echo "$pair is one"; done
  )
  same() { diff <(facts "$1") <(facts "$2") && echo same; }
`;

describe.skipIf(whyNoMounts() !== undefined)("copies, as on a disk", () => {
  let sides: SideBySide | undefined;

  beforeAll(async () => {
    sides = await SideBySide.start();
  });

  afterAll(async () => {
    await sides?.stop();
  });

  const run = async (name: string, script: string) => await sides?.run(name, TREE + script);

  test("rsync -aHAX brings all there and back, and by checksum nothing is left to do", async () => {
    const out = await run(
      "rsync",
      `mkdir ../../rsync-$$; away=$(cd ../../rsync-$$; pwd); tree away; mv away $away/from
       rsync -aHAX $away/from/ here; same $away/from here; rsync -aHAXc --itemize-changes $away/from/ here
       rsync -aHAX here/ $away/back; same here $away/back; rsync -aHAXc --itemize-changes here/ $away/back
       rm -r $away`,
    );
    expect(out).toBe("same\nsame\n");
  });

  test.each(["--inplace --no-whole-file", "--sparse --no-whole-file", "--append-verify"])(
    "rsync %s brings a changed tree up to date, and deletes what is gone",
    async (options) => {
      const out = await run(
        `rsync ${options}`,
        `tree from; rsync -aHAX from/ to
       seq 5000 >> from/deep/60; rm from/deep/7; echo new > from/new; rm to/soft; mkdir to/more; touch to/more/1
       setfattr -n user.colour -v red from/deep/2; chmod 600 from/deep/8; stat -c %i to/deep/60 > ino
       find from -type d -exec touch -d '2022-02-03 04:05:06.987654321' {} +
       rsync -aHAX --delete ${options} --itemize-changes from/ to | sort
       same from to; stat -c %i to/deep/60 | diff -q - ino >/dev/null && echo in its place
       test $(stat -c %b to/holes) -lt 2048 && echo holes; ls -A to`,
      );
      expect(out).toContain("same\n");
    },
  );

  test("rsync that was stopped goes on with what it had", async () => {
    const out = await run(
      "partial",
      `mkdir from to; head -c 8M /dev/zero | openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 2>/dev/null > from/large
       head -c 5M from/large > to/.part; mkdir -p to/.rsync-partial; mv to/.part to/.rsync-partial/large
       rsync -a --partial-dir=.rsync-partial --no-whole-file --stats from/ to | grep -E '^(Matched|Literal) data'
       cmp from/large to/large; ls -A to`,
    );
    expect(out).toMatch(/^Literal data: 3,1.*\nMatched data: 5,2.*\nlarge\n$/);
  });

  test("cp keeps what it is told to, also through holes and references", async () => {
    const out = await run(
      "cp",
      `tree from; cp -a from a; same from a; cp -a --sparse=always --reflink=auto from b; same from b
       cp -a --sparse=never --reflink=never from c; same from c; test $(stat -c %b b/holes) -lt 2048 && echo holes
       cp -al from d; test d/again -ef from/again && echo one
       echo more >> from/deep/9; cp -au --remove-destination from/. a; tail -n 1 a/deep/9
       cp --backup=numbered from/deep/9 a/deep/10; cp --backup=numbered from/deep/9 a/deep/10; ls a/deep | grep '~'`,
    );
    expect(out).toBe("same\nsame\nsame\nholes\none\nmore\n10.~1~\n10.~2~\n");
  });

  test("tar keeps holes, attributes and links", async () => {
    const out = await run(
      "tar",
      `tree from; tar --xattrs --xattrs-include='user.*' --sparse --posix -C from -cf all.tar .
       mkdir to; tar --xattrs --xattrs-include='user.*' --sparse -C to -xpf all.tar; same from to
       tar --sparse --compare -f all.tar -C to && echo equal; test $(stat -c %b to/holes) -lt 2048 && echo holes
       tar --listed-incremental=snapshot -C from -cf zero.tar . ; seq 9 > from/deep/9
       tar --listed-incremental=snapshot -C from -cvf one.tar . | grep -v /$`,
    );
    expect(out).toBe("same\nequal\nholes\n./deep/9\n");
  });

  test("was no trouble for the daemon", () => {
    expect(sides?.troubles).toEqual([]);
  });
});
