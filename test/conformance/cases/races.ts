import { expect } from "vitest";
import type { PosixCase } from "../posix-case.js";
import { namesIn } from "../posix-steps.js";

/** Eight processes try the same, twenty times over; each round has this many winners. */
const race = (attempt: string, before = "pass") => `
  def no_replace(old, new):
      if libc.renameat2(-100, old.encode(), -100, new.encode(), 1) != 0:
          raise OSError(ctypes.get_errno(), old)
  def attempt(round, who):
      name = 'target-%d' % round
      ${attempt}
  def try_all(who):
      os.read(gate, 1)
      print(''.join('1' if code(attempt, round, who) == 'success' else '0' for round in range(20)))
  gate, opener = os.pipe()
  ${before}
  pids = [child(lambda: try_all(who)) for who in range(8)]
  os.write(opener, b'x' * 8)
  for pid in pids: os.waitpid(pid, 0)
`;

/** By attempt: the call of one process, and what has to be there before. */
const RACES: Readonly<Record<string, { attempt: string; before?: string }>> = {
  "O_CREAT | O_EXCL": {
    attempt: "os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY))",
  },
  mkdir: { attempt: "os.mkdir(name)" },
  symlink: { attempt: "os.symlink('x', name)" },
  link: { attempt: "os.link('source', name)", before: "open('source', 'w').close()" },
  unlink: {
    attempt: "os.unlink(name)",
    before: "[open('target-%d' % round, 'w').close() for round in range(20)]",
  },
  rmdir: {
    attempt: "os.rmdir(name)",
    before: "[os.mkdir('target-%d' % round) for round in range(20)]",
  },
  "rename of one source": {
    attempt: "os.rename(name, 'own-%d-%d' % (who, round))",
    before: "[open('target-%d' % round, 'w').close() for round in range(20)]",
  },
  "rename with RENAME_NOREPLACE": {
    attempt: "no_replace('own-%d-%d' % (who, round), name)",
    before:
      "[open('own-%d-%d' % (who, round), 'w').close() for who in range(8) for round in range(20)]",
  },
};

/** What processes do at the same time. */
export const RACE_CASES: readonly PosixCase[] = [
  ...Object.entries(RACES).map(
    ([call, { attempt, before }]): PosixCase => ({
      name: `${call}: of eight processes that try at the same time one succeeds`,
      needs: ["kernel"],
      async run({ kernel }) {
        const outcomes = kernel.python(race(attempt, before));
        expect(outcomes).toHaveLength(8);
        const winners = Array.from(
          { length: 20 },
          (_, round) => outcomes.filter((line) => line[round] === "1").length,
        );
        expect(winners).toEqual(Array.from({ length: 20 }, () => 1));
      },
    }),
  ),
  {
    name: "eight processes that rename over one name leave one file, and it is whole",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      const seen = kernel.python(`
        def work(who):
            for round in range(8):
                own = 'own-%d' % who
                with open(own, 'w') as file: file.write('%d' % who * 5000)
                os.rename(own, 'target')
                with open('target') as file: content = file.read()
                if len(content) != 5000 or len(set(content)) != 1: print('torn', len(content))
        for pid in [child(lambda: work(who)) for who in range(8)]: os.waitpid(pid, 0)
      `);
      expect(seen).toEqual([]);
      expect(await namesIn(driver, ".")).toEqual(["target"]);
    },
  },
  {
    name: "processes that make and remove in one directory leave its links and its listing right",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      kernel.python(`
        os.mkdir('directory')
        def work(who):
            for round in range(10):
                os.mkdir('directory/d-%d-%d' % (who, round))
                open('directory/f-%d-%d' % (who, round), 'w').close()
                if round % 5: os.rmdir('directory/d-%d-%d' % (who, round))
                os.rename('directory/f-%d-%d' % (who, round), 'directory/g-%d' % who)
        for pid in [child(lambda: work(who)) for who in range(4)]: os.waitpid(pid, 0)
      `);
      expect((await driver.stat("directory")).nlink).toBe(2 + 4 * 2);
      expect(await namesIn(driver, "directory")).toHaveLength(4 * 2 + 4);
    },
  },
];
