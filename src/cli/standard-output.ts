/**
 * A reader who has seen enough, as head(1), is no reason to end: what is printed from then on is
 * dropped. Anything else that fails is an error of the program, in one line.
 */
export function surviveClosedOutput(program: string): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    process.stderr.write(`${program}: can't print: ${error.code ?? error.message}\n`);
    process.exitCode = 1;
  });
}
