import koffi from "koffi";
import { NexusError } from "../model/errors.js";
import { bind } from "./library.js";

const napiGetUvEventLoop = bind<(env: unknown, loop: unknown[]) => number>(
  "int napi_get_uv_event_loop(void *env, _Out_ void **loop)",
);
const uvBackendFd = bind<(loop: unknown) => number>("int uv_backend_fd(void *loop)");

/**
 * The libuv loop of the calling thread. Its descriptor, an epoll(7), becomes readable when the loop
 * has something to do, so a thread can sleep on it together with descriptors of its own. Node
 * exports both functions for native addons.
 */
export class EventLoop {
  readonly fd: number;

  private constructor(fd: number) {
    this.fd = fd;
  }

  static current(): EventLoop {
    const loop: unknown[] = [null];
    const status = napiGetUvEventLoop(koffi.node.env, loop);
    const fd = status === 0 ? uvBackendFd(loop[0]) : -1;
    if (fd < 0) throw new NexusError("internal", "this Node.js doesn't tell its event loop");
    return new EventLoop(fd);
  }
}
