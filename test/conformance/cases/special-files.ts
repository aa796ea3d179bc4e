import { expect } from "vitest";
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../../src/model/attributes.js";
import { fails, type PosixCase } from "../posix-case.js";
import { DT } from "../posix-driver.js";
import { entriesOf, namesIn, put, textOf } from "../posix-steps.js";
import { unprivileged } from "../unprivileged.js";

const DEVICES = [
  [0, 0],
  [1, 3],
  [255, 255],
  [259, 256],
  [4095, 1_048_575],
] as const;

/** mknod(2), fifo(7), unix(7). */
export const SPECIAL_FILE_CASES: readonly PosixCase[] = [
  {
    name: "mknod makes files, FIFOs and sockets, which anybody may have",
    async run({ driver, user }) {
      for (const [path, type] of [
        ["file", S_IFREG],
        ["fifo", S_IFIFO],
        ["socket", S_IFSOCK],
      ] as const) {
        await driver.mknod(path, { mode: type | 0o640 });
        const { uid, gid } = user;
        expect(await driver.lstat(path)).toMatchObject({ mode: type | 0o640, nlink: 1, uid, gid });
        expect(await driver.lstat(path)).toMatchObject({ size: 0, blocks: 0 });
      }
      // Without a type it is a regular file.
      await driver.mknod("plain", { mode: 0o600 });
      expect((await driver.lstat("plain")).mode).toBe(S_IFREG | 0o600);
      await put(driver, { path: "file", data: "content" });
      expect(await textOf(driver, "file")).toBe("content");
    },
  },
  {
    name: "device nodes keep their numbers, up to the largest, also under another name",
    needs: ["root"],
    async run({ driver }) {
      for (const [major, minor] of DEVICES) {
        for (const [path, type] of [
          ["character", S_IFCHR],
          ["block", S_IFBLK],
        ] as const) {
          await driver.mknod(path, { mode: type | 0o600, major, minor });
          await driver.link(path, `${path}-link`);
          await driver.rename(path, "renamed");
          for (const name of ["renamed", `${path}-link`]) {
            const stat = await driver.lstat(name);
            expect(stat).toMatchObject({ rdev: { major, minor }, mode: type | 0o600, nlink: 2 });
          }
          for (const name of ["renamed", `${path}-link`]) await driver.unlink(name);
        }
      }
      expect(await namesIn(driver, ".")).toEqual([]);
    },
  },
  {
    name: "device nodes are for root: EPERM",
    needs: ["kernel"],
    run: (context) =>
      unprivileged(context, async () => {
        const { driver } = context;
        const device = { major: 1, minor: 3 };
        await fails(driver.mknod("null", { mode: S_IFCHR | 0o666, ...device }), "EPERM");
        await fails(driver.mknod("block", { mode: S_IFBLK | 0o666, ...device }), "EPERM");
        expect(await namesIn(driver, ".")).toEqual([]);
      }),
  },
  {
    name: "mknod makes no directory and no symlink: EPERM, EINVAL",
    needs: ["kernel"],
    async run({ driver }) {
      await fails(driver.mknod("directory", { mode: S_IFDIR | 0o755 }), "EPERM");
      await fails(driver.mknod("link", { mode: S_IFLNK | 0o777 }), "EINVAL");
      expect(await namesIn(driver, ".")).toEqual([]);
    },
  },
  {
    name: "a listing tells each kind of file",
    needs: ["root"],
    async run({ driver }) {
      await put(driver, { path: "file" });
      await driver.mkdir("directory");
      await driver.symlink("x", "link");
      const kinds = { fifo: S_IFIFO, socket: S_IFSOCK, character: S_IFCHR, block: S_IFBLK };
      for (const [path, type] of Object.entries(kinds)) await driver.mknod(path, { mode: type });
      const entries = await entriesOf(driver, ".");
      expect(Object.fromEntries(entries.map(({ name, type }) => [name, type]))).toEqual({
        file: DT.REG,
        directory: DT.DIR,
        link: DT.LNK,
        fifo: DT.FIFO,
        socket: DT.SOCK,
        character: DT.CHR,
        block: DT.BLK,
      });
      for (const { name, type } of entries) {
        expect((await driver.lstat(name)).mode & S_IFMT).toBe(type << 12);
      }
    },
  },
  {
    name: "two processes talk through a FIFO, and the reader sees the end when the writer closes",
    needs: ["kernel"],
    async run({ kernel }) {
      const heard = kernel.python(`
        os.mkfifo('fifo', 0o600)
        def talk():
            with open('fifo', 'wb') as fifo:
                for line in range(1000): fifo.write(b'%d\\n' % line)
        pid = child(talk)
        with open('fifo', 'rb') as fifo: lines = fifo.read().split(b'\\n')
        os.waitpid(pid, 0)
        print(len(lines), lines[0], lines[999], lines[1000])
      `);
      expect(heard).toEqual(["1001 b'0' b'999' b''"]);
    },
  },
  {
    name: "writing to a FIFO that nobody reads any more fails with EPIPE",
    needs: ["kernel"],
    async run({ kernel }) {
      const outcome = kernel.python(`
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        os.mkfifo('fifo', 0o600)
        reader = os.open('fifo', os.O_RDONLY | os.O_NONBLOCK)
        writer = os.open('fifo', os.O_WRONLY)
        os.close(reader)
        print(code(os.write, writer, b'x'))
      `);
      expect(outcome).toEqual(["EPIPE"]);
    },
  },
  {
    name: "a socket is bound in the directory, found by its name, also a new one, until it is removed",
    needs: ["kernel"],
    async run({ driver, kernel }) {
      const talk = kernel.python(`
        server = socket.socket(socket.AF_UNIX); server.bind('socket'); server.listen()
        again = socket.socket(socket.AF_UNIX)
        print(code(again.bind, 'socket'))
        def ask(path):
            client = socket.socket(socket.AF_UNIX)
            outcome = code(client.connect, path)
            if outcome == 'success': client.send(b'hello')
            return outcome
        for path in ['socket', 'renamed']:
            if path == 'renamed': os.rename('socket', 'renamed')
            print(ask(path), server.accept()[0].recv(10))
        print(ask('socket'))
        os.chmod('renamed', 0o600)
        server.close()
        print(ask('renamed'))
      `);
      const answered = "success b'hello'";
      expect(talk).toEqual(["EADDRINUSE", answered, answered, "ENOENT", "ECONNREFUSED"]);
      expect((await driver.lstat("renamed")).mode).toBe(S_IFSOCK | 0o600);
    },
  },
];
