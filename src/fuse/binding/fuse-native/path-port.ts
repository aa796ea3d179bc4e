import { constants } from "node:os";
import type { MessagePort } from "node:worker_threads";
import type { PathAnswer, PathCall, PathQuestion, PathRequest, PathResult } from "./path-calls.js";

/** A call that failed, with what the program shall see of it. */
export class CallFailed extends Error {
  /** Positive. */
  readonly errno: number;

  constructor(errno: number) {
    super(`errno ${errno}`);
    this.name = "CallFailed";
    this.errno = errno;
  }
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: CallFailed) => void;
}

/** The callbacks' side of a mount: asks the fs thread, over a port. */
export class PathPort {
  readonly #port: MessagePort;
  readonly #onQuestion: () => void;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #isClosed = false;

  /** `onQuestion`: there is one at the port, for the other side. `onClose`: that side has ended the mount. */
  constructor(
    port: MessagePort,
    { onQuestion, onClose }: { onQuestion: () => void; onClose: () => void },
  ) {
    this.#port = port;
    this.#onQuestion = onQuestion;
    port.on("message", (answer: PathAnswer) => this.#hear(answer));
    port.once("close", () => {
      this.#isClosed = true;
      for (const { reject } of this.#waiting.values()) reject(notConnected());
      this.#waiting.clear();
      onClose();
    });
    // The mount itself keeps the process alive.
    port.unref();
  }

  /** `transfer` is given away. Rejects with {@link CallFailed}: also when the mount has ended. */
  call<C extends PathCall>(
    call: C,
    request: PathRequest<C>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<PathResult<C>> {
    if (this.#isClosed) return Promise.reject(notConnected());
    const number = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve: resolve as Waiting["resolve"], reject });
      this.#port.postMessage({ number, call, request } satisfies PathQuestion<C>, transfer);
      this.#onQuestion();
    });
  }

  /** Nobody asks any more: the mount can't be served. */
  close(): void {
    this.#port.close();
  }

  #hear(answer: PathAnswer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if ("errno" in answer) waiting?.reject(new CallFailed(answer.errno));
    else waiting?.resolve(answer.result);
  }
}

function notConnected(): CallFailed {
  return new CallFailed(constants.errno.ENOTCONN);
}
